"""A task of one's own: what is read of its folder, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asrser_io.tables import TableWriter

ROOT = Path(__file__).resolve().parent.parent.parent
SPEAKERS = ("ann", "bob", "eve", "joe")


@pytest.fixture
def own(tmp_path):
    """Four speakers with two utterances each, in two accents."""
    own = tmp_path / "accents"
    own.mkdir()
    tables = {"wav.scp": "", "utt2spk": "", "utt2class": ""}
    for speaker in SPEAKERS:
        for n in (1, 2):
            soundfile.write(own / f"{speaker}{n}.wav", np.zeros(8000), 16000, subtype="PCM_16")
            tables["wav.scp"] += f"{speaker}-{n} {own}/{speaker}{n}.wav\n"
            tables["utt2spk"] += f"{speaker}-{n} {speaker}\n"
            tables["utt2class"] += f"{speaker}-{n} {'north' if n == 1 else 'south'}\n"
    for name, text in tables.items():
        (own / name).write_text(text)
    return own


def label_frames(own, classes="vowel\nother\n"):
    """Instead of classes of utterances, labels of frames."""
    (own / "utt2class").unlink()
    (own / "classes").write_text(classes)
    with TableWriter(f"ark,scp:{own}/labels.ark,{own}/labels.scp", "int_vector") as writer:
        for line in (own / "utt2spk").read_text().splitlines():
            writer.write(line.split()[0], np.zeros(48, np.int32))


def prepare(own, *options):
    command = [sys.executable, ROOT / "local/own_task.py", *options, own, own.parent / "data/accent"]
    return subprocess.run(command, capture_output=True, text=True)


def test_classes_of_utterances_come_with_their_order_and_the_words_for_them(own):
    (own / "classes").write_text("south\nnorth\n")
    (own / "dev_speakers").write_text("bob\n")
    (own / "test_speakers").write_text("joe\n")
    (own / "task.json").write_text('{"recognises": "accent", "unit": "accent"}')
    result = prepare(own)
    assert result.returncode == 0, result.stderr
    data = own.parent / "data/accent"
    assert (data / "utt2class").read_text() == (own / "utt2class").read_text()
    assert (data / "utterance_classes").read_text() == "south\nnorth\n"
    assert [(data / f"{part}_speakers").read_text() for part in ("dev", "test")] == ["bob\n", "joe\n"]
    declared = json.loads((data / "declaration.json").read_text())
    assert declared == {"label": "accent", "recognises": "accent", "unit": "accent"}
    assert not (data / "utt2emotion").exists()


def test_labels_of_frames_are_taken_as_they_are_and_scored_by_frames_alone(own):
    label_frames(own)
    result = prepare(own)
    assert result.returncode == 0, result.stderr
    data = own.parent / "data/accent"
    assert (data / "labels.scp").read_text() == (own / "labels.scp").read_text()
    assert (data / "classes").read_text() == "vowel\nother\n" and not (data / "utt2class").exists()
    declared = json.loads((data / "declaration.json").read_text())
    assert (declared["measures"], declared["silence_class"]) == (["FER"], None)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("utt2class", None, "has neither utt2class, lines of <utterance> <class>, nor labels.scp"),
        ("utt2class", "ann-1 north\n", "utt2spk and utt2class differ in 7 utterances"),
        ("utt2class", "ann-1 silence\n", "'silence' is the class of silent frames and can't be a class"),
        ("utt2class", "".join(f"{s}-{n} north\n" for s in SPEAKERS for n in (1, 2)), "at least two classes are needed"),
        ("classes", "north\n", "utt2class has south, "),
        ("test_speakers", "joe\n", "name those for early stopping, too, in dev_speakers"),
        ("task.json", "{", "task.json: this is no JSON"),
        ("task.json", '{"folds": 3}', "task.json: expected label, recognises, unit"),
        ("task.json", '{"corpus": "TIMIT"}', "task.json: corpus is asr or ser, not 'TIMIT'"),
        ("task.json", '{"unit": 3}', "task.json: unit is a word or a few, not 3"),
        ("wav.scp", None, "a data directory for accent needs wav.scp, utt2spk and utt2class"),
    ],
)
def test_what_is_wrong_is_refused_in_a_line_and_nothing_is_written(name, text, said, own):
    (own / name).unlink(missing_ok=True)
    if text is not None:
        (own / name).write_text(text)
    result = prepare(own)
    assert result.returncode == 1 and said in result.stderr.splitlines()[-1]
    assert "emotion" not in result.stderr and not (own.parent / "data/accent").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("classes", "the numbers in labels.scp need names"),
        ("labels.ark", "labels.ark, which is no file"),
    ],
)
def test_labels_without_names_or_archive_are_refused(name, said, own):
    label_frames(own)
    (own / name).unlink()
    result = prepare(own)
    assert result.returncode == 1 and said in result.stderr and len(result.stderr.splitlines()) == 1
