"""hmm.json: what predict finds with it, against decode-faster-mapped in the graph that it stands for."""

import json
import math
import shutil
import subprocess

import pytest

from asrser_io.tables import read_table
from asrser_io.text import read_symbol_table
from asrser_nn.prediction.viterbi import best_phones, read_phone_loop
from kaldi_programs.common.hmm import initial_transition_model, read_transition_model
from kaldi_programs.common.tree import ContextDependency, Leaf, Split, Table, read_tree
from kaldi_programs.decode_faster_mapped import main as decode_faster_mapped


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def succeed(*command):
    result = run(*command)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture
def write_hmm(root):
    return [root / "steps/nnet/write_hmm.py", "--acoustic-scale", "0.3"]


def words_of_decoder(graph, words, scale, golden, tmp_path):
    """The best words in a graph; with a beam so wide that nothing but the scores decides."""
    options = [f"--acoustic-scale={scale}", "--beam=1000", "--max-active=100000"]
    scores, out = f"ark:{golden}/decode/loglikes.ark", f"ark,t:{tmp_path}/words"
    assert decode_faster_mapped([*options, golden / "mono/final.mdl", graph, scores, out]) == 0
    names = {number: word for word, number in read_symbol_table(str(words)).items()}
    lines = [line.split() for line in (tmp_path / "words").read_text().splitlines()]
    return {utterance: [names[int(word)] for word in path] for utterance, *path in lines}


def phones_of_predict(hmm, scale, golden):
    loop = read_phone_loop(hmm)
    return {
        utterance: [phone for phone, _, _ in best_phones(loop, scores, scale)]
        for utterance, scores in read_table(f"ark:{golden}/decode/loglikes.ark", "matrix")
    }


@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_the_best_phones_are_those_of_kaldis_graph(golden, write_hmm, tmp_path, scale):
    shutil.copy(golden / "mono/final.mdl", tmp_path)
    succeed(*write_hmm, golden / "lang", tmp_path)
    expected = words_of_decoder(golden / "graph/HCLG.fst", golden / "lang/words.txt", scale, golden, tmp_path)
    assert len(expected) > 10
    assert phones_of_predict(tmp_path / "hmm.json", scale, golden) == expected


def test_optional_silence_is_found_where_the_graph_has_it(root, golden, write_hmm, tmp_path):
    lines = [line.split() for line in (golden / "data/text").read_text().splitlines()]
    (tmp_path / "text").write_text("".join(" ".join(w for w in line if w != "sil") + "\n" for line in lines))
    phones = {line.split()[0] for line in (golden / "lang/words.txt").read_text().splitlines()[1:49]} - {"sil"}
    (tmp_path / "phones").write_text("".join(f"{phone}\n" for phone in phones))
    lang, mono = tmp_path / "lang", tmp_path / "mono"
    succeed(root / "utils/prepare_lang.sh", "--silence-prob", "0.1", tmp_path / "phones", lang)
    bigram = [root / "steps/train_bigram.py", "--vocabulary", tmp_path / "phones", tmp_path / "text"]
    succeed("python", *bigram, tmp_path / "bigram.arpa")
    succeed(root / "utils/make_grammar.sh", tmp_path / "bigram.arpa", lang)
    mono.mkdir()
    for name in ("tree", "final.mdl"):
        shutil.copy(golden / "mono" / name, mono)
    succeed(root / "utils/mkgraph.sh", lang, mono, tmp_path / "graph")
    succeed(*write_hmm, lang, mono)
    expected = words_of_decoder(tmp_path / "graph/HCLG.fst", lang / "words.txt", 0.3, golden, tmp_path)
    found = phones_of_predict(mono / "hmm.json", 0.3, golden)
    assert {utterance: [p for p in path if p != "sil"] for utterance, path in found.items()} == expected
    assert all("sil" in path for path in found.values())


def test_backing_off_leaves_a_probability_for_every_phone_and_they_sum_to_one(root, golden, write_hmm, tmp_path):
    (tmp_path / "text").write_text("u1 aa b aa\nu2 b b\n")
    (tmp_path / "phones").write_text("aa\nb\nsil\n")
    succeed(root / "utils/prepare_lang.sh", tmp_path / "phones", tmp_path / "lang")
    bigram = [root / "steps/train_bigram.py", "--vocabulary", tmp_path / "phones", tmp_path / "text"]
    succeed("python", *bigram, tmp_path / "bigram.arpa")
    succeed(root / "utils/make_grammar.sh", tmp_path / "bigram.arpa", tmp_path / "lang")
    shutil.copy(golden / "mono/final.mdl", tmp_path)  # its phones 1 to 3 will do
    succeed(*write_hmm, tmp_path / "lang", tmp_path)
    content = json.loads((tmp_path / "hmm.json").read_text())
    assert content["acoustic_scale"] == 0.3 and content["num_pdfs"] == 144
    assert sorted(unit["phone"] for unit in content["units"]) == ["aa", "b", "sil"]
    for unit in content["units"]:
        assert sum(map(math.exp, [*unit["next"], unit["end"]])) == pytest.approx(1, abs=1e-4)
    assert sum(math.exp(unit["start"]) for unit in content["units"]) < 1  # the rest is the empty sentence's


def test_the_scale_that_was_best_on_dev_is_taken_and_asked_for(root, golden, tmp_path):
    shutil.copy(golden / "mono/final.mdl", tmp_path)
    without = run(root / "steps/nnet/write_hmm.py", golden / "lang", tmp_path)
    assert without.returncode == 1 and "decode_dev/best_scale" in without.stderr
    assert not (tmp_path / "hmm.json").exists()
    (tmp_path / "decode_dev").mkdir()
    (tmp_path / "decode_dev/best_scale").write_text("0.7\n")
    succeed(root / "steps/nnet/write_hmm.py", golden / "lang", tmp_path)
    assert read_phone_loop(tmp_path / "hmm.json").acoustic_scale == 0.7


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("decode_dev/best_scale", b"0.3x\n", "best_scale: expected one acoustic scale, found '0.3x'"),
        ("decode_dev/best_scale", b"nan\n", "found 'nan'; score the dev set again"),
        ("decode_dev/best_scale", b"\xff\n", "best_scale, line 1: byte 0xFF is not UTF-8"),
        ("lang/words.txt", b"<eps> 0\n#0 1\n", "L.fst has the label 2, which"),
        ("lang/phones.txt", b"<eps> 0\n", "which {lang}/phones.txt has not: made anew since?"),
        ("lang/G.fst", b"", "lang/G.fst: a damaged or truncated FST"),
        ("final.mdl", b"\0B<TransitionModel> ", "final.mdl: the data end where a token was expected"),
    ],
)
def test_files_that_do_not_fit_each_other_are_refused_and_the_old_loop_stays(
    root, golden, tmp_path, name, content, expected
):
    shutil.copytree(golden / "lang", tmp_path / "lang")
    shutil.copy(golden / "mono/final.mdl", tmp_path)
    (tmp_path / "decode_dev").mkdir()
    (tmp_path / "decode_dev/best_scale").write_text("0.3\n")
    (tmp_path / "hmm.json").write_text("the old one")
    (tmp_path / name).write_bytes(content)
    result = run(root / "steps/nnet/write_hmm.py", tmp_path / "lang", tmp_path)
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1 and expected.format(lang=tmp_path / "lang") in line
    assert (tmp_path / "hmm.json").read_text() == "the old one"


def test_a_model_with_phonetic_context_is_refused(golden, write_hmm, tmp_path):
    mono, tree = read_transition_model(f"{golden}/mono/final.mdl"), read_tree(f"{golden}/mono/tree")

    def split(node):
        """The same tree over windows of three phones; pdf 4 depends on the phone before."""
        if isinstance(node, Table):
            return Table(1 if node.key == 0 else node.key, [split(branch) for branch in node.branches])
        if isinstance(node, Split):
            return Split(1 if node.key == 0 else node.key, node.values, split(node.yes), split(node.no))
        return Split(0, [1, 2, 3], Leaf(144), node) if node is not None and node.pdf == 4 else node

    triphones = initial_transition_model(ContextDependency(3, 1, split(tree.to_pdf)), mono.topology)
    with open(tmp_path / "final.mdl", "wb") as file:
        file.write(b"\0B")
        triphones.write(file, binary=True)
    result = run(*write_hmm, golden / "lang", tmp_path)
    assert result.returncode == 1 and "2 pdfs: a model with phonetic context" in result.stderr
    assert not (tmp_path / "hmm.json").exists()
