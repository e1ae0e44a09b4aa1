"""decode-faster-mapped against Kaldi's own best paths, and on input that cannot be decoded."""

import math
import re

import numpy as np
import pytest

from asrser_io.tables import TableWriter
from kaldi_programs import decode_faster_mapped
from kaldi_programs.common.decoding import BestPathDecoder
from kaldi_programs.common.fst import from_lists, write_fst
from kaldi_programs.common.hmm import read_transition_model

GOLDEN_OPTIONS = ["--beam=13", "--max-active=7000"]


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def model(golden):
    return str(golden / "mono/final.mdl")


def write_scores(**matrices) -> str:
    with TableWriter("ark:scores.ark", "matrix") as writer:
        for key, matrix in matrices.items():
            writer.write(key, np.asarray(matrix, np.float32))
    return "ark:scores.ark"


def log_of(text: str) -> list[str]:
    """The log lines without the program's name and place and without the time that was taken."""
    lines = [re.sub(r"\(.*?\) ", "", line) for line in text.splitlines() if line.startswith(("LOG", "WARNING"))]
    return [line for line in lines if "Time taken" not in line]


@pytest.mark.parametrize("scale", ["1.0", "0.5", "0.2"])
def test_words_alignments_and_log_are_kaldis_at_every_scale(golden, work, model, capfd, scale):
    options = [f"--acoustic-scale={scale}", *GOLDEN_OPTIONS]
    tables = [f"ark:{golden / 'decode/loglikes.ark'}", "ark,t:words", "ark,t:ali"]
    assert decode_faster_mapped.main([*options, model, golden / "graph/HCLG.fst", *tables]) == 0
    assert (work / "words").read_text() == (golden / f"decode/words.{scale}.txt").read_text()
    assert (work / "ali").read_text() == (golden / f"decode/ali.{scale}.txt").read_text()
    assert log_of(capfd.readouterr().err) == log_of((golden / f"decode/log.{scale}").read_text())


def test_recognised_words_are_printed_with_a_symbol_table(golden, work, model, capfd):
    options = ["--acoustic-scale=1.0", *GOLDEN_OPTIONS, f"--word-symbol-table={golden / 'lang/words.txt'}"]
    tables = [f"ark:{golden / 'decode/loglikes.ark'}", "ark,t:words"]
    decode_faster_mapped.main([*options, model, golden / "graph/HCLG.fst", *tables])
    numbers = dict(line.split() for line in (golden / "lang/words.txt").read_text().splitlines())
    key, *words = (golden / "decode/words.1.0.txt").read_text().splitlines()[0].split()
    printed = next(line for line in capfd.readouterr().err.splitlines() if line.startswith(key))
    assert [numbers[word] for word in printed.split()[1:]] == words


def test_a_word_that_the_symbol_table_lacks_is_an_error(golden, work, model, capfd):
    (work / "words.txt").write_text("<eps> 0\n")
    tables = [f"ark:{golden / 'decode/loglikes.ark'}", "ark,t:words"]
    assert decode_faster_mapped.main(["--word-symbol-table=words.txt", model, golden / "graph/HCLG.fst", *tables]) == 1
    assert "is not in words.txt" in capfd.readouterr().err


def test_scores_with_another_number_of_columns_are_refused(golden, work, model, capfd):
    scores = write_scores(utt1=np.zeros((5, 143)))
    assert decode_faster_mapped.main([model, golden / "graph/HCLG.fst", scores, "ark:words"]) == 1
    assert "utt1 in ark:scores.ark: 143 columns, but" in capfd.readouterr().err
    assert not (work / "words").exists()


def test_a_graph_of_another_model_is_refused(work, model, capfd):
    write_fst(from_lists(0, [0.0], [[(289, 1, 0.0, 0)]]), "other.fst")
    assert decode_faster_mapped.main([model, "other.fst", write_scores(utt1=np.zeros((5, 144))), "ark:words"]) == 1
    assert "transition-id 289, but" in capfd.readouterr().err


def test_an_empty_or_damaged_graph_is_refused(golden, work, model, capfd):
    scores = write_scores(utt1=np.zeros((5, 144)))
    write_fst(from_lists(-1, [], []), "empty.fst")
    assert decode_faster_mapped.main([model, "empty.fst", scores, "ark:words"]) == 1
    (work / "cut.fst").write_bytes((golden / "graph/HCLG.fst").read_bytes()[:9999])
    assert decode_faster_mapped.main([model, "cut.fst", scores, "ark:words"]) == 1
    errors = capfd.readouterr().err
    assert "graph is empty" in errors and "cut.fst: a damaged or truncated FST" in errors


def test_a_bad_utterance_is_named_and_the_others_are_decoded(golden, work, model, capfd):
    diverged, empty = np.zeros((5, 144)), np.zeros((0, 144))
    diverged[2, 7] = np.nan
    scores = write_scores(
        diverged=diverged, empty=empty, impossible=np.full((5, 144), -np.inf), good=np.zeros((90, 144))
    )
    assert decode_faster_mapped.main([model, golden / "graph/HCLG.fst", scores, "ark,t:words"]) == 0
    errors = capfd.readouterr().err
    for message in (
        "Log-likelihoods of diverged that are infinite or no number",
        "Zero-length utterance: empty",
        "Did not successfully decode utterance impossible, len = 5",
        "Done 1 utterances, failed for 3",
    ):
        assert message in errors
    assert (work / "words").read_text().split()[0] == "good"


def test_the_status_is_1_when_nothing_was_decoded(golden, work, model):
    scores = write_scores(empty=np.zeros((0, 144)))
    assert decode_faster_mapped.main([model, golden / "graph/HCLG.fst", scores, "ark:words"]) == 1


def test_a_path_that_ends_in_no_final_state_is_written_only_if_allowed(work, model, capfd):
    # Three frames are needed to come to the final state; there are two.
    write_fst(from_lists(0, [math.inf] * 3 + [0.0], [[(1, 5, 0, 1)], [(1, 6, 0, 2)], [(1, 7, 0, 3)], []]), "g.fst")
    scores = write_scores(short=np.zeros((2, 144)))
    assert decode_faster_mapped.main(["--allow-partial=false", model, "g.fst", scores, "ark,t:words"]) == 1
    assert "Did not successfully decode utterance short" in capfd.readouterr().err
    assert decode_faster_mapped.main([model, "g.fst", scores, "ark,t:words"]) == 0
    assert "did not reach end-state of short" in capfd.readouterr().err
    assert (work / "words").read_text() == "short 5 6 \n"
    scores = write_scores(long=np.zeros((3, 144)))
    assert decode_faster_mapped.main(["--allow-partial=false", model, "g.fst", scores, "ark,t:words"]) == 0
    assert (work / "words").read_text() == "long 5 6 7 \n"


def test_the_scale_weighs_scores_against_the_graph(work, model):
    """Word 1 costs 2 in the graph, word 2 nothing; the scores favour word 1 by 3, so that the scales 2/3 decides."""
    id_to_pdf = read_transition_model(model).id_to_pdf
    first = 1
    second = next(i for i in range(1, len(id_to_pdf)) if id_to_pdf[i] != id_to_pdf[first])
    write_fst(from_lists(0, [math.inf, 0.0], [[(first, 1, 2.0, 1), (second, 2, 0.0, 1)], []]), "g.fst")
    frame = np.zeros((1, 144))
    frame[0, id_to_pdf[first]] = 3
    for scale, word in ((0.66, 2), (0.67, 1)):
        arguments = [f"--acoustic-scale={scale}", model, "g.fst", write_scores(utt=frame), "ark,t:words", "ark,t:ali"]
        assert decode_faster_mapped.main(arguments) == 0
        assert (work / "words").read_text() == f"utt {word} \n"
        assert (work / "ali").read_text() == f"utt {[second, first][word == 1]} \n"


def test_a_beam_drops_paths_that_would_have_won_later():
    late = [[(1, 1, 5.0, 1), (1, 2, 0.0, 2)], [(2, 0, 0.0, 3)], [(2, 0, 9.0, 3)], []]
    graph = from_lists(0, [math.inf] * 3 + [0.0], late)
    scores = np.zeros((2, 2), np.float32)
    settings = {"max_active": 100, "min_active": 0, "beam_delta": 0.5, "hash_ratio": 2.0}
    assert BestPathDecoder(graph, beam=6.0, **settings)(scores).words == [1]
    assert BestPathDecoder(graph, beam=4.0, **settings)(scores).words == [2]


def test_settings_that_the_decoder_cannot_work_with_are_refused(golden, work, model, capfd):
    options = ["--max-active=10", "--min-active=20"]
    scores = write_scores(utt1=np.zeros((5, 144)))
    assert decode_faster_mapped.main([*options, model, golden / "graph/HCLG.fst", scores, "ark:words"]) == 1
    assert "--min-active=20 is not less than --max-active=10" in capfd.readouterr().err
