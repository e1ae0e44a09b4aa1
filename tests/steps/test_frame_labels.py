"""The class of each frame: its utterance's emotion, or silence."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from asrser_io.tables import TableWriter, read_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "utt2spk").write_text("a-1 a\na-2 a\nb-1 b\n")
    (tmp_path / "utt2emotion").write_text("a-1 neutral\na-2 anger\nb-1 anger\n")
    (tmp_path / "emotions").write_text("anger\nneutral\n")
    write_vad(tmp_path, {"a-1": [0, 1, 1, 0], "a-2": [1, 1], "b-1": [0, 0, 0, 1]})
    return tmp_path


def write_vad(data: Path, voiced: dict[str, list[int]]) -> None:
    with TableWriter(f"ark,scp:{data}/vad.ark,{data}/vad.scp", "vector") as writer:
        for utterance, frames in voiced.items():
            writer.write(utterance, np.array(frames, np.float32))


def label(data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, ROOT / "steps/frame_labels.py", data], capture_output=True, text=True)


def test_a_frame_is_its_utterances_emotion_or_silence(data):
    assert label(data).returncode == 0
    assert (data / "classes").read_text().split() == ["anger", "neutral", "silence"]
    labels = {utt: list(ids) for utt, ids in read_table(f"scp:{data}/labels.scp", "int_vector")}
    assert labels == {"a-1": [2, 1, 1, 2], "a-2": [0, 0], "b-1": [2, 2, 2, 0]}


def test_the_share_of_silence_is_reported_by_speaker_and_emotion(data):
    result = label(data)
    silence = json.loads((data / "silence.json").read_text())["silence"]
    assert silence["a"] == {"anger": 0, "neutral": 0.5, "all": 2 / 6}
    assert silence["b"] == {"anger": 0.75, "neutral": None, "all": 0.75}
    assert silence["all"] == {"anger": 3 / 6, "neutral": 0.5, "all": 5 / 10}
    assert "b".ljust(9) + "     75.0        -     75.0" in result.stdout


def test_an_utterance_of_silence_alone_is_named_and_kept(data):
    write_vad(data, {"a-1": [0, 1], "a-2": [0, 0, 0], "b-1": [0, 1]})
    result = label(data)
    assert result.returncode == 0
    assert "a-2 has no speech" in result.stderr
    assert json.loads((data / "silence.json").read_text())["without_speech"] == ["a-2"]
    assert dict(read_table(f"scp:{data}/labels.scp", "int_vector"))["a-2"].tolist() == [2, 2, 2]


def test_an_emotion_that_is_silent_throughout_is_refused(data):
    write_vad(data, {"a-1": [0, 0], "a-2": [1], "b-1": [0, 1]})
    result = label(data)
    assert result.returncode == 1
    assert "all 2 frames of neutral are silent" in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (data / "labels.scp").exists() and not (data / "classes").exists()


def test_an_utterance_without_emotion_is_refused(data):
    write_vad(data, {"a-1": [0, 1], "stranger": [1]})
    result = label(data)
    assert result.returncode == 1
    assert "stranger stands in vad.scp, but not in utt2emotion" in result.stderr
    assert not (data / "labels.scp").exists()


def test_emotions_outside_the_list_are_counted_and_named_and_what_was_made_stays(data):
    assert label(data).returncode == 0
    before = (data / "labels.scp").read_text()
    (data / "utt2emotion").write_text("a-1 neutral\na-2 rage\nb-1 rage\n")
    result = label(data)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert f"2 utterances have emotions that {data}/emotions has not: rage (2); list them there" in result.stderr
    assert (data / "labels.scp").read_text() == before


def test_an_utterance_without_a_decision_on_speech_is_named_and_no_old_labels_stay(data):
    assert label(data).returncode == 0
    write_vad(data, {"a-1": [0, 1], "b-1": [0, 1]})
    result = label(data)
    assert result.returncode == 1
    assert "1 of 3 utterances of utt2spk are not in vad.scp: a-2" in result.stderr
    assert not (data / "labels.scp").exists() and not (data / "classes").exists()


def test_the_classes_of_another_task_stand_in_utt2class(data):
    (data / "utt2class").write_text("a-1 female\na-2 female\nb-1 male\n")
    (data / "utterance_classes").write_text("male\nfemale\n")
    assert label(data).returncode == 0
    assert (data / "classes").read_text().split() == ["male", "female", "silence"]
    labels = {utt: list(ids) for utt, ids in read_table(f"scp:{data}/labels.scp", "int_vector")}
    assert labels == {"a-1": [2, 1, 1, 2], "a-2": [1, 1], "b-1": [2, 2, 2, 0]}
