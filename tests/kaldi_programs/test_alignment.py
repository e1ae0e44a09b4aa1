"""Training graphs, flat and best-path alignments, and decoding with Gaussian mixtures."""

import numpy as np
import pytest

from asrser_io.tables import TableWriter, read_table
from asrser_io.text import read_symbol_table
from kaldi_programs import (
    align_equal_compiled,
    compile_train_graphs,
    gmm_align_compiled,
    gmm_decode_faster,
    gmm_init_mono,
)
from kaldi_programs.align_equal_compiled import random_seed
from kaldi_programs.common.fst import FST, from_lists, to_wheel
from kaldi_programs.common.hmm import read_transition_model

SCALES = ["--transition-scale=1.0", "--acoustic-scale=0.1", "--self-loop-scale=0.1"]


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def kaldi(golden):
    """Kaldi's model, lang directory, features, transcripts in numbers and graphs, by name, as arguments of programs."""
    words = read_symbol_table(str(golden / "lang" / "words.txt"))
    with TableWriter("ark,t:transcripts", "int_vector") as writer:
        for line in (golden / "data" / "text").read_text().splitlines():
            key, *spoken = line.split()
            writer.write(key, [words[word] for word in spoken])
    return {
        "model": str(golden / "mono" / "final.mdl"),
        "tree": str(golden / "mono" / "tree"),
        "lexicon": str(golden / "lang" / "L.fst"),
        "feats": f"ark:{golden / 'feats' / 'mfcc_cmvn_deltas.ark'}",
        "graphs": f"ark:{golden / 'mono' / 'fsts.ark'}",
        "transcripts": "ark:transcripts",
    }


def run(capsys, module, *words) -> list[str]:
    """The lines that a program logs, which must succeed."""
    capsys.readouterr()
    assert module.main(["--print-args=false", *words]) == 0
    return [line.partition("()) ")[2] for line in capsys.readouterr().err.splitlines()]


def refusal(capsys, module, *words) -> str:
    capsys.readouterr()
    assert module.main(["--print-args=false", *words]) == 1
    return capsys.readouterr().err.strip().splitlines()[-1]


def align(capsys, kaldi, *options, output="ark,t:ali", model=None, graphs=None, feats=None):
    sources = [model or kaldi["model"], graphs or kaldi["graphs"], feats or kaldi["feats"]]
    return run(capsys, gmm_align_compiled, *SCALES, *options, *sources, *output.split())


def alignments(name="ali"):
    return {key: alignment.tolist() for key, alignment in read_table(f"ark:{name}", "int_vector")}


def test_training_graphs_are_those_of_kaldi_byte_for_byte(golden, kaldi, capsys, work):
    sources = [kaldi[name] for name in ("tree", "model", "lexicon", "transcripts")]
    log = run(capsys, compile_train_graphs, *sources, "ark:fsts")
    assert (work / "fsts").read_bytes() == (golden / "mono" / "fsts.ark").read_bytes()
    assert log[-1] == "compile-train-graphs: succeeded for 16 graphs, failed for 0"


def test_alignments_retries_and_likelihood_are_those_of_kaldi(golden, kaldi, capsys, work):
    log = align(capsys, kaldi, "--beam=10", "--retry-beam=40")
    assert (work / "ali").read_text() == (golden / "mono" / "ali.txt").read_text()
    of_kaldi = [line.partition(") ")[2] for line in (golden / "mono" / "align.log").read_text().splitlines()[1:]]
    assert log == of_kaldi


def test_a_wide_beam_aligns_what_a_narrow_one_lost(kaldi, capsys):
    log = align(capsys, kaldi, "--beam=10", "--retry-beam=400")
    assert log[-2:] == ["Retried 3 out of 16 utterances.", "Done 16, errors on 0"]


def test_scores_and_frame_likelihoods_add_up_to_the_likelihood_logged(kaldi, capsys):
    log = align(
        capsys, kaldi, "--write-per-frame-acoustic-loglikes=ark:frames", "--beam=200", output="ark,t:ali ark,t:scores"
    )
    model = read_transition_model(kaldi["model"])
    scores = dict(read_table("ark:scores", "float"))
    frames = dict(read_table("ark:frames", "vector"))
    total = 0.0
    for key, alignment in alignments().items():
        assert len(frames[key]) == len(alignment)
        # Each state's self-loops and its way out, at their scales; the graphs themselves have no weights.
        probs = np.exp(model.log_probs.astype(float))
        loops = model.is_self_loop[alignment]
        stays = 0.1 * model.log_probs[alignment][loops].sum()
        leaves = sum(0.1 * np.log(1 - probs[i - 1]) for i in np.array(alignment)[~loops])
        assert scores[key] == pytest.approx(0.1 * frames[key].sum() + stays + leaves, rel=1e-5)
        total += scores[key] / 0.1
    num_frames = sum(map(len, frames.values()))
    assert f"Overall log-likelihood per frame is {total / num_frames:.6g} over {num_frames} frames." in log


def test_a_careful_alignment_refuses_speech_that_goes_on_where_the_transcript_ends(kaldi, capsys):
    feats = dict(read_table(kaldi["feats"], "matrix"))
    key = "fblv0_sx158"
    graph = dict(read_table(kaldi["graphs"], FST))[key]
    with TableWriter("ark:feats", "matrix") as writer, TableWriter("ark:graphs", FST) as graphs:
        for name, matrix in (("once", feats[key]), ("twice", np.concatenate([feats[key], feats[key]]))):
            writer.write(name, matrix)
            graphs.write(name, graph)
    of_two = {"graphs": "ark:graphs", "feats": "ark:feats"}
    assert align(capsys, kaldi, "--beam=200", **of_two)[-1] == "Done 2, errors on 0"
    assert align(capsys, kaldi, "--beam=200", "--careful=true", **of_two)[-1] == "Done 1, errors on 1"
    align(capsys, kaldi, "--beam=200", graphs=kaldi["graphs"], output="ark,t:ordinary")
    assert alignments() == {"once": alignments("ordinary")[key]}


def test_utterances_without_features_or_frames_are_skipped_and_counted(kaldi, capsys):
    feats = list(read_table(kaldi["feats"], "matrix"))
    with TableWriter("ark:some", "matrix") as writer:
        writer.write(*feats[0])
        writer.write(feats[1][0], np.zeros((0, 0)))
    log = align(capsys, kaldi, "--beam=200", feats="ark:some")
    assert f"Zero-length utterance: {feats[1][0]}" in log
    assert f"No features for utterance {feats[2][0]}" in log
    assert log[-1] == "Done 1, errors on 15"


def test_a_sentence_shorter_than_its_phones_is_not_aligned(kaldi, capsys):
    key, feats = next(read_table(kaldi["feats"], "matrix"))
    with TableWriter("ark:short", "matrix") as writer:
        writer.write(key, feats[:50])
    sources = [kaldi["model"], kaldi["graphs"], "ark:short", "ark,t:ali"]
    capsys.readouterr()
    assert gmm_align_compiled.main(["--beam=200", "--retry-beam=400", *sources]) == 1
    assert f"Did not successfully decode file {key}, len = 50" in capsys.readouterr().err
    assert align_equal_compiled.main([kaldi["graphs"], "ark:short", "ark,t:ali"]) == 1
    assert f"did not align utterance {key}: its 50 frames are too few" in capsys.readouterr().err


def test_an_utterance_with_an_empty_graph_is_skipped_and_named(kaldi, capsys):
    graphs = list(read_table(kaldi["graphs"], FST))[:2]
    with TableWriter("ark:graphs", FST) as writer:
        writer.write(graphs[0][0], to_wheel(from_lists(-1, [], [])))
        writer.write(*graphs[1])
    told = f"Empty decoding graph for {graphs[0][0]}"
    log = align(capsys, kaldi, "--beam=200", graphs="ark:graphs")
    assert told in log and log[-1] == "Done 1, errors on 1"
    assert told in run(capsys, align_equal_compiled, "ark:graphs", kaldi["feats"], "ark:ali")


def test_features_that_are_no_numbers_are_refused_by_their_key(kaldi, capsys):
    key, feats = next(read_table(kaldi["feats"], "matrix"))
    with TableWriter("ark:bad", "matrix") as writer:
        writer.write(key, np.full_like(feats, np.nan))
    error = refusal(capsys, gmm_align_compiled, kaldi["model"], kaldi["graphs"], "ark:bad", "ark:ali")
    assert f"{key} in the archive bad: frame 0 (from 0) has a feature that is infinite or no number" in error


def test_features_of_another_dimension_are_refused_by_their_key(kaldi, capsys, work):
    key, feats = next(read_table(kaldi["feats"], "matrix"))
    with TableWriter("ark:narrow", "matrix") as writer:
        writer.write(key, feats[:, :13])
    told = f"utterance {key} has features of dimension 13, but the model's is 39"
    assert told in refusal(capsys, gmm_align_compiled, kaldi["model"], kaldi["graphs"], "ark:narrow", "ark:ali")
    assert not (work / "ali").exists()


def test_graphs_of_another_model_are_refused(kaldi, capsys, work):
    (work / "topo").write_text(
        "<Topology> <TopologyEntry> <ForPhones> 1 2 </ForPhones> <State> 0 <PdfClass> 0 <Transition> 0 0.5 "
        "<Transition> 1 0.5 </State> <State> 1 </State> </TopologyEntry> </Topology>"
    )
    assert gmm_init_mono.main(["topo", "39", "small.mdl", "small.tree"]) == 0
    error = refusal(capsys, gmm_align_compiled, "small.mdl", kaldi["graphs"], kaldi["feats"], "ark:ali")
    assert "utterance fblv0_si1058" in error and "of another model" in error
    assert not (work / "ali").exists()


def test_a_second_beam_that_is_not_wider_is_refused(kaldi, capsys):
    sources = [kaldi["model"], kaldi["graphs"], kaldi["feats"], "ark:ali"]
    message = refusal(capsys, gmm_align_compiled, "--beam=10", "--retry-beam=10", *sources)
    assert "--retry-beam=10 is not wider than --beam=10" in message


def test_a_transcript_with_an_unknown_word_is_skipped_and_named(kaldi, capsys, work):
    (work / "some").write_text("bad 1 999\nfine 1 2\n")
    log = run(capsys, compile_train_graphs, kaldi["tree"], kaldi["model"], kaldi["lexicon"], "ark:some", "ark:fsts")
    assert log[0].startswith("Empty decoding graph for utterance bad: a word that is not in ")
    assert log[1] == "compile-train-graphs: succeeded for 1 graphs, failed for 1"
    assert [key for key, _ in read_table("ark:fsts", FST)] == ["fine"]


def test_a_tree_of_another_model_is_refused(golden, kaldi, capsys, work):
    (work / "sets").write_text("1 2\n" + "".join(f"{phone}\n" for phone in range(3, 49)))
    topo = str(golden / "lang" / "topo")
    assert gmm_init_mono.main(["--shared-phones=sets", topo, "39", "other.mdl", "other.tree"]) == 0
    sources = [kaldi["tree"], "other.mdl", kaldi["lexicon"], kaldi["transcripts"]]
    error = refusal(capsys, compile_train_graphs, *sources, "ark:fsts")
    assert "has 144 pdfs, but other.mdl has 141" in error
    assert not (work / "fsts").exists()


def test_equal_alignments_deal_frames_evenly_to_the_states_of_the_transcript(kaldi, capsys):
    log = run(capsys, align_equal_compiled, kaldi["graphs"], kaldi["feats"], "ark,t:ali")
    assert log == ["Success: done 16 utterances."]
    model = read_transition_model(kaldi["model"])
    transcripts = dict(read_table(kaldi["transcripts"], "int_vector"))
    for key, feats in read_table(kaldi["feats"], "matrix"):
        alignment = np.array(alignments()[key])
        assert len(alignment) == len(feats)
        moves = np.flatnonzero(~model.is_self_loop[alignment])
        lengths = np.diff([*moves, len(alignment)])
        assert len(moves) == 3 * len(transcripts[key]) and lengths.max() - lengths.min() <= 1


def test_the_seed_of_an_equal_alignment_is_kaldis_hash_of_the_key():
    assert random_seed("ab") == ord("a") * 7853 + ord("b")
    assert random_seed("abcd") == (((97 * 7853 + 98) * 7853 + 99) * 7853 + 100 + 2**31) % 2**32 - 2**31
    assert random_seed("é") == -61 * 7853 - 87  # bytes count as signed characters


def test_missing_features_keep_an_equal_alignment_from_being_called_a_success(kaldi, capsys):
    key, feats = next(read_table(kaldi["feats"], "matrix"))
    with TableWriter("ark:one", "matrix") as writer:
        writer.write(key, feats)
    log = run(capsys, align_equal_compiled, kaldi["graphs"], "ark:one", "ark:ali")
    assert log[-1] == "Computed 1 alignments; 15 lacked features, 0 had other errors."


def test_words_decoded_with_the_mixtures_are_those_of_kaldi(golden, kaldi, capsys, work):
    options = ["--acoustic-scale=0.083333", "--beam=13", "--max-active=7000"]
    graph = str(golden / "graph" / "HCLG.fst")
    log = run(capsys, gmm_decode_faster, *options, kaldi["model"], graph, kaldi["feats"], "ark,t:words", "ark,t:ali")
    assert (work / "words").read_text() == (golden / "decode" / "gmm_words.txt").read_text()
    assert log[-2] == "Done 16 utterances, failed for 0"
    feats = dict(read_table(kaldi["feats"], "matrix"))
    assert {key: len(alignment) for key, alignment in alignments().items()} == {k: len(x) for k, x in feats.items()}


def test_a_decoding_graph_of_another_model_is_refused(golden, kaldi, capsys, work):
    (work / "topo").write_text(
        "<Topology> <TopologyEntry> <ForPhones> 1 2 </ForPhones> <State> 0 <PdfClass> 0 <Transition> 0 0.5 "
        "<Transition> 1 0.5 </State> <State> 1 </State> </TopologyEntry> </Topology>"
    )
    assert gmm_init_mono.main(["topo", "39", "small.mdl", "small.tree"]) == 0
    sources = ["small.mdl", str(golden / "graph" / "HCLG.fst"), kaldi["feats"]]
    assert "made with another model" in refusal(capsys, gmm_decode_faster, *sources, "ark:words")
