"""Every rate against a worked example."""

import json

import numpy as np
import pytest
import torch

from asrser_io.files import Failure
from asrser_nn.data.corpus import corpus_of
from asrser_nn.prediction.evaluate import (
    confusion_matrix,
    evaluate,
    predictions_text,
    rates,
    read_utt2class,
    table,
    utterance_class,
)

NAMES = ["anger", "sadness", "silence"]


def test_rates_of_a_worked_example() -> None:
    found = rates(np.array([[8, 2, 0], [1, 1, 0], [0, 0, 0]]), NAMES)
    assert found["total"] == 12
    assert found["error"] == pytest.approx(100 * 3 / 12)
    assert found["unweighted_error"] == pytest.approx(100 - (80 + 50) / 2)  # silence does not occur
    assert found["majority_error"] == pytest.approx(100 * 2 / 12)
    assert found["chance_error"] == pytest.approx(200 / 3)
    assert found["recall"] == {"anger": 80, "sadness": 50}
    assert found["support"] == {"anger": 10, "sadness": 2, "silence": 0}


def test_rows_of_the_confusion_matrix_are_references() -> None:
    assert confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 1]), 2).tolist() == [[0, 2], [0, 1]]


@pytest.fixture
def result(monkeypatch: pytest.MonkeyPatch):
    """Three utterances of 2, 3 and 1 frames with posteriors made up here; the last one is silent throughout."""
    posteriors = torch.tensor(
        [
            [0.6, 0.3, 0.1],  # u1, anger: right
            [0.1, 0.2, 0.7],  # silence: right
            [0.5, 0.4, 0.1],  # u2, sadness: wrong
            [0.1, 0.8, 0.1],  # sadness: right
            [0.3, 0.1, 0.6],  # sadness taken for silence; among the emotions it is anger
            [0.7, 0.2, 0.1],  # u3, silence: wrong
        ]
    )
    labels = [[0, 2], [1, 1, 1], [2]]
    corpus = corpus_of(
        [(f"u{i}", np.zeros((len(part), 1)), np.array(part)) for i, part in enumerate(labels, 1)], context=0
    )
    monkeypatch.setattr(
        "asrser_nn.prediction.evaluate.log_posteriors", lambda *_: iter([(torch.arange(6), posteriors.log().float())])
    )
    return lambda silence, utt2class=None: evaluate(None, corpus, NAMES, silence, utt2class)


def test_classes_of_utterances_are_read_with_their_keys_and_columns_checked(tmp_path):
    path = tmp_path / "utt2class"
    path.write_bytes("u1\tb\r\nu2 a".encode("utf-8-sig"))
    assert read_utt2class(str(path), ["a", "b", "silence"], 2) == {"u1": 1, "u2": 0}
    for content, message in [
        ("u1 a\nu2 c\n", f"{path}: u2 is of the class 'c', expected one of a, b"),
        ("u1 silence\n", f"{path}: u1 is of the class 'silence', expected one of a, b"),
        ("u1 a\nu2\n", f"{path}, line 2: expected '<utterance> <class>', found 'u2'"),
        ("u1 a\nu2 a b\n", f"{path}, line 2: expected '<utterance> <class>', found 'u2 a b'"),
        ("u1 a\nu1 b\n", f"{path}, line 2: u1 is there a second time, after line 1"),
    ]:
        path.write_text(content)
        with pytest.raises(Failure, match=message):
            read_utt2class(str(path), ["a", "b", "silence"], 2)


def test_frames_are_counted_over_all_classes(result) -> None:
    found = result(2)["frames"]
    assert found["confusion"] == [[1, 0, 0], [1, 1, 1], [1, 0, 1]]
    assert found["error"] == pytest.approx(50)
    assert found["unweighted_error"] == pytest.approx(100 - (100 + 100 / 3 + 50) / 3)
    assert found["cross_entropy"] == pytest.approx(-np.log([0.6, 0.7, 0.4, 0.8, 0.1, 0.1]).mean(), rel=1e-5)


def test_without_silence_frames_are_decided_among_the_emotions(result) -> None:
    assert result(2)["frames_without_silence"]["confusion"] == [[1, 0], [2, 1]]


def test_an_utterance_is_the_best_mean_log_posterior_of_its_voiced_frames(result) -> None:
    found = result(2)
    # u1 by its first frame: anger. u2: sadness has log(.4·.8·.1), anger log(.5·.1·.3): sadness. u3 has no class.
    assert found["utterances"]["confusion"] == [[1, 0], [0, 1]]
    assert found["utterances"]["of_unknown_class"] == 1
    assert [e["hypothesis"] for e in found["per_utterance"]] == ["anger", "sadness", "anger"]
    assert found["per_utterance"][1]["log_posteriors"]["sadness"] == pytest.approx(
        np.log(0.4 * 0.8 * 0.1) / 3, rel=1e-5
    )
    assert [e["errors"] for e in found["per_utterance"]] == [0, 2, 1]


def test_the_confusions_of_the_utterances_add_up_to_that_of_the_frames(result) -> None:
    found = result(2)
    total = sum(np.array(entry["confusion"]) for entry in found["per_utterance"])
    assert total.tolist() == found["frames"]["confusion"]


def test_a_given_class_of_an_utterance_is_used(result) -> None:
    found = result(2, {"u3": 1})["utterances"]
    assert (found["of_unknown_class"], found["confusion"]) == (0, [[1, 0], [1, 1]])


def test_two_emotions_in_one_utterance_are_refused() -> None:
    with pytest.raises(Failure, match="u: its frames have more than one class"):
        utterance_class(np.array([0, 1, 2]), 2, "u")


def test_without_a_silence_class_there_is_no_utterance_level(result) -> None:
    assert set(result(None)) == {"unit", "classes", "frames", "per_utterance"}


def test_table_and_predictions_hold_the_figures_and_json_takes_the_result(result) -> None:
    found = result(2)
    text = table(found)
    assert "error             50.00 %" in text and "majority" not in text
    assert "2 utterances" in text
    lines = predictions_text(found).splitlines()
    assert lines[0].split()[:6] == ["#", "utterance", "frames", "frame_error_%", "reference", "hypothesis"]
    assert lines[2].split()[:6] == ["u2", "3", "66.7", "sadness", "sadness", "right"]
    assert json.loads(json.dumps(found)) == found
