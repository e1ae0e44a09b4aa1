"""What another Kaldi recipe calls: its features and the alignments of its triphones, to a network, to decoded words."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from asrser_io.tables import read_table
from asrser_nn.network.model import load_model
from kaldi_programs.ali_to_pdf import main as ali_to_pdf
from kaldi_programs.common.gmm import AmDiagGmm, read_model, write_model
from kaldi_programs.common.hmm import initial_transition_model
from kaldi_programs.common.tree import ContextDependency, Leaf, Split, Table, read_tree
from kaldi_programs.copy_feats import main as copy_feats

LEFT, CENTRE = 0, 1  # positions in a window of three phones
CLOSED = list(range(1, 25))  # the left phones that the only question of the tree asks for: half of the 48
TINY = "--channels 4,8 --hidden 64,64,64 --learning-rate 0.004 --dropout 0 --max-epochs 8 --device cpu --threads 1"
SPEAKERS = {"train": "fblv0", "dev": "madd0"}


class Recipe(NamedTuple):
    """A recipe of somebody else, with data, data_fbank, lang and exp in its folder."""

    folder: Path
    parent: np.ndarray  # (pdfs of the triphones,) the pdf of the monophones that each was split from

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        # Not in our checkout, and with no name of ours in the environment.
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=self.folder)

    def succeed(self, *command: str | Path) -> None:
        result = self.run(*command)
        assert result.returncode == 0, result.stdout + result.stderr


def split_first_states(tree: ContextDependency, first_state_pdfs: set[int]) -> tuple[ContextDependency, list[int]]:
    """A triphone tree in which the first state of a phone depends on the phone before, and the parent of each pdf."""
    parent = list(range(tree.num_pdfs()))

    def split(node: Leaf | Table | Split | None) -> Leaf | Table | Split | None:
        if isinstance(node, Table):
            # The monophone tree knows one position, 0; in the window of three that phone is in the middle.
            return Table(CENTRE if node.key == 0 else node.key, [split(branch) for branch in node.branches])
        if isinstance(node, Split):
            return Split(CENTRE if node.key == 0 else node.key, node.values, split(node.yes), split(node.no))
        if node is None or node.pdf not in first_state_pdfs:
            return node
        parent.append(node.pdf)
        return Split(LEFT, CLOSED, Leaf(len(parent) - 1), node)

    return ContextDependency(3, CENTRE, split(tree.to_pdf)), parent


@pytest.fixture(scope="module")
def recipe(root: Path, golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """16 sentences of TIMIT, aligned with triphones: Kaldi's monophones, some states split by a question."""
    folder = tmp_path_factory.mktemp("s5")
    words = [line.split()[0] for line in (golden / "lang/words.txt").read_text().splitlines()]
    (folder / "phones").write_text("\n".join(words[1:49]) + "\n")
    for kind, data in (("mfcc", "data"), ("fbank", "data_fbank")):
        scp = folder / f"{kind}.scp"
        assert copy_feats([f"ark:{golden}/feats/{kind}.ark", f"ark,scp:{folder}/{kind}.ark,{scp}"]) == 0
        for part, speaker in SPEAKERS.items():
            (folder / data / part).mkdir(parents=True)
            for file in (golden / "data/text", golden / "data/utt2spk", golden / "data/spk2utt", scp):
                lines = [line for line in file.read_text().splitlines(keepends=True) if line.startswith(speaker)]
                (folder / data / part / file.name.replace(scp.name, "feats.scp")).write_text("".join(lines))

    mono, gmms = read_model(f"{golden}/mono/final.mdl")
    first_states = {int(pdf) for _, state, pdf, _ in mono.states if state == 0}
    tree, parent = split_first_states(read_tree(f"{golden}/mono/tree"), first_states)
    parts = gmms.slices()
    chosen = np.concatenate([np.arange(parts[pdf].start, parts[pdf].stop) for pdf in parent])
    split_gmms = AmDiagGmm(gmms.sizes[parent], *(a[chosen] for a in (gmms.weights, gmms.means_invvars, gmms.inv_vars)))
    transitions = initial_transition_model(tree, mono.topology)
    state_of = {(phone, state): i for i, (phone, state, _, _) in enumerate(mono.states.tolist(), 1)}
    for i, (phone, state, _, _) in enumerate(transitions.states.tolist(), 1):
        transitions.log_probs[transitions.ids_of_state(i)] = mono.log_probs[mono.ids_of_state(state_of[phone, state])]
    tri1 = folder / "exp/tri1"
    tri1.mkdir(parents=True)
    write_model(f"{tri1}/final.mdl", transitions, split_gmms, binary=True)
    with open(tri1 / "tree", "wb") as file:
        file.write(b"\0B")
        tree.write(file, binary=True)

    recipe = Recipe(folder, np.array(parent))
    recipe.succeed(root / "utils/prepare_lang.sh", "phones", "lang")
    shutil.copy(folder / "lang/phones.txt", tri1)  # the same numbers as Kaldi's
    recipe.succeed(root / "utils/make_grammar.sh", golden / "lang/bigram.arpa", "lang")
    for part in SPEAKERS:
        recipe.succeed(root / "steps/compute_cmvn_stats.sh", f"data/{part}")
        align = [root / "steps/align_si.sh", "--nj", "1", "--retry-beam", "400", f"data/{part}", "lang"]
        recipe.succeed(*align, "exp/tri1", f"exp/tri1_ali_{part}")
    recipe.succeed(root / "utils/mkgraph.sh", "lang", "exp/tri1", "exp/tri1/graph")
    return recipe


@pytest.fixture(scope="module")
def train(root: Path) -> list[str | Path]:
    arguments = ["data_fbank/train", "data_fbank/dev", "lang", "exp/tri1_ali_train", "exp/tri1_ali_dev"]
    return [root / "steps/nnet/train.sh", "--nnet-config", "", "--nnet-opts", TINY, *arguments]


@pytest.fixture(scope="module")
def trained(recipe: Recipe, train: list[str | Path]) -> Recipe:
    recipe.succeed(*train, "exp/nnet")
    return recipe


def pdfs_of(recipe: Recipe, part: str) -> dict[str, np.ndarray]:
    ali, pdfs = recipe.folder / f"exp/tri1_ali_{part}", recipe.folder / f"pdf.{part}.ark"
    assert ali_to_pdf([f"{ali}/final.mdl", f"ark:gunzip -c {ali}/ali.*.gz |", f"ark:{pdfs}"]) == 0
    return dict(read_table(f"ark:{pdfs}", "int_vector"))


def test_split_states_align_as_the_states_they_were_split_from(recipe, golden):
    ours = pdfs_of(recipe, "train") | pdfs_of(recipe, "dev")
    assert len(ours) == 16
    assert max(pdfs.max() for pdfs in ours.values()) >= 144
    for utt, pdfs in read_table(f"ark:{golden}/mono/pdf.txt", "int_vector"):  # 14: without the wide second beam
        np.testing.assert_array_equal(recipe.parent[ours[utt]], pdfs)


def test_the_network_learns_the_pdf_ids_of_the_triphones(trained):
    counts = np.bincount(np.concatenate(list(pdfs_of(trained, "train").values())), minlength=192)
    assert len(counts) == 192  # 144 states, of which 48 were split
    model = load_model(trained.folder / "exp/nnet")
    assert model.label_counts.tolist() == counts.tolist()
    assert model.network.shape.num_classes == 192


def test_its_scores_are_decoded_in_the_graph_of_the_triphones(trained, root):
    options = ["--nj", "1", "--scales", "1.0", "--nnet-opts", "--device cpu --threads 1"]
    graph, dir = "exp/tri1/graph", trained.folder / "exp/nnet/decode_train"
    trained.succeed(root / "steps/nnet/decode.sh", *options, graph, "data_fbank/train", "exp/nnet/decode_train")
    trained.succeed(root / "local/score.sh", "--phone-map", "", "data/train", graph, "exp/nnet/decode_train")
    per = float((dir / "best_wer").read_text().split()[1])
    # It was trained on these sentences; with ids that mean other states nearly all phones would be wrong.
    assert per < 60


def test_the_pipe_into_kaldis_decoder_carries_a_column_for_each_pdf(trained):
    forward = "asrser_nn forward --pseudo-log-likelihoods --device cpu exp/nnet data_fbank/train ark:-"
    trained.succeed("bash", "-c", f"set -o pipefail; {forward} | copy-feats ark:- ark:scores.ark")
    scores = dict(read_table(f"ark:{trained.folder}/scores.ark", "matrix"))
    assert len(scores) == 8 and {score.shape[1] for score in scores.values()} == {192}


def test_a_graph_of_another_model_is_refused(trained, root, golden):
    mono = trained.folder / "exp/mono"
    mono.mkdir()
    for name in ("final.mdl", "tree"):
        shutil.copy(golden / "mono" / name, mono)
    trained.succeed(root / "utils/mkgraph.sh", "lang", "exp/mono", "exp/mono/graph")
    result = trained.run(root / "steps/nnet/decode.sh", "exp/mono/graph", "data_fbank/train", "exp/nnet/decode_mono")
    assert result.returncode == 1
    assert "exp/mono/graph is of a model with 144 pdfs, exp/nnet/final.mdl has 192" in result.stderr


def test_the_configuration_of_the_paper_is_found_from_any_folder(recipe, train):
    result = recipe.run(train[0], "--nnet-opts", "--max-epochs many", *train[5:], "exp/nnet_paper")
    assert result.returncode == 1
    assert "Invalid value for '--max-epochs'" in result.stderr  # asrser_nn came to read its options
