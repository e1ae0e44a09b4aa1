"""The auditor that every training passes through."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from asrser_io.tables import TableWriter

ROOT = Path(__file__).resolve().parents[2]


def write_part(folder: Path, utt2spk: dict[str, str], labels: str = "", **more: str) -> Path:
    """A data directory; labels: the ids that every utterance has."""
    folder.mkdir(parents=True)
    (folder / "utt2spk").write_text("".join(f"{utt} {spk}\n" for utt, spk in utt2spk.items()))
    if labels:
        for utt in utt2spk:
            (folder / f"{utt}.txt").write_text(f"{labels}\n")
        (folder / "labels.scp").write_text("".join(f"{utt} {folder}/{utt}.txt\n" for utt in utt2spk))
    for name, text in more.items():
        (folder / name).write_text(text)
    return folder


def audit(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "utils/audit_split.py", *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    classes = "anger\nneutral\nsilence\n"
    return [
        write_part(tmp_path / "train", {"a-1": "a", "a-2": "a", "b-1": "b"}, "0 0 1 2", classes=classes),
        write_part(tmp_path / "dev", {"c-1": "c"}, "0 1 1 1 2", classes=classes),
        write_part(tmp_path / "test", {"d-1": "d"}, "0 0 1 2", classes=classes),
    ]


def test_a_clean_split_is_described_with_speakers_utterances_and_frames_of_each_class(parts):
    result = audit(*parts)
    assert result.returncode == 0, result.stderr
    train, dev, _test, verdict = (" ".join(line.split()) for line in result.stdout.splitlines())
    assert train == "train 2 speakers 3 utterances 12 frames: anger 6, neutral 3, silence 3"
    assert dev == "dev 1 speakers 1 utterances 5 frames: anger 1, neutral 3, silence 1"
    assert verdict == "no speaker and no utterance stands in two parts"


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 2)])
def test_a_speaker_in_two_parts_is_refused(parts, pair):
    for number in pair:
        with (parts[number] / "utt2spk").open("a") as file:
            file.write(f"zoe-{number} zoe\n")
    result = audit(*parts)
    assert result.returncode == 1
    names = ("train", "dev", "test")
    assert f"speaker zoe stands in {names[pair[0]]} " in result.stderr and f"in {names[pair[1]]} " in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_utterance_in_two_parts_is_refused_even_under_another_speaker(parts):
    (parts[1] / "utt2spk").write_text("a-1 c\n")
    result = audit(*parts)
    assert result.returncode == 1
    assert "utterance a-1 stands in train " in result.stderr


def test_an_empty_dev_set_is_refused(parts):
    (parts[1] / "utt2spk").write_text("")
    result = audit(*parts)
    assert result.returncode == 1
    assert "the dev set is empty" in result.stderr


def test_a_missing_part_is_refused(parts, tmp_path):
    result = audit(parts[0], tmp_path / "nowhere")
    assert result.returncode == 1
    assert "no such file" in result.stderr and "nowhere/utt2spk" in result.stderr


def test_a_class_without_frames_cannot_be_trained_and_is_told_of_in_test(parts):
    for utterance in ("a-1", "a-2", "b-1"):
        (parts[0] / f"{utterance}.txt").write_text("0 0 2\n")
    result = audit(*parts)
    assert result.returncode == 1 and "no frame of neutral in " in result.stderr
    for utterance in ("a-1", "a-2", "b-1"):
        (parts[0] / f"{utterance}.txt").write_text("0 1 2\n")
    (parts[2] / "d-1.txt").write_text("0 0 2\n")
    result = audit(*parts)
    assert result.returncode == 0 and "test has no frame of neutral" in result.stdout


def test_the_dialogue_partner_in_training_is_told_of(tmp_path):
    train = write_part(tmp_path / "train", {"Ses01M-1": "Ses01M"}, spk2session="Ses01M Ses01\n")
    dev = write_part(tmp_path / "dev", {"Ses05F-1": "Ses05F"}, spk2session="Ses05F Ses05\n")
    test = write_part(tmp_path / "test", {"Ses01F-1": "Ses01F"}, spk2session="Ses01F Ses01\n")
    assert "Ses01M, the dialogue partner of test speaker Ses01F, is in training" in audit(train, dev, test).stdout
    (train / "spk2session").write_text("Ses01M Ses02\n")
    assert "partner" not in audit(train, dev, test).stdout


def test_of_many_classes_only_the_extremes_are_told(tmp_path):
    train = write_part(tmp_path / "train", {"a-1": "a"}, " ".join(map(str, [*range(144), 143])))
    dev = write_part(tmp_path / "dev", {"b-1": "b"}, "0")
    assert "145 frames in 144 classes of 1 to 2" in audit(train, dev).stdout


def test_labels_can_come_by_rspecifier(tmp_path):
    train = write_part(tmp_path / "train", {"a-1": "a"})
    dev = write_part(tmp_path / "dev", {"b-1": "b"})
    (tmp_path / "train.txt").write_text("a-1 0 0 1\n")
    (tmp_path / "dev.txt").write_text("b-1 1\n")
    labels = ["--labels", f"ark:cat {tmp_path}/train.txt |", "--labels", f"ark:{tmp_path}/dev.txt"]
    result = audit(*labels, train, dev)
    assert "3 frames: class 0 2, class 1 1" in result.stdout
    assert audit(*labels[:2], train, dev).returncode == 1


def test_without_labels_frames_are_taken_from_their_list_or_unknown(tmp_path):
    train = write_part(tmp_path / "train", {"a-1": "a"}, utt2num_frames="a-1 120\n")
    dev = write_part(tmp_path / "dev", {"b-1": "b"})
    assert "120 frames\n" in audit(train, dev).stdout and "unknown frames\n" in audit(train, dev).stdout


def many(folder: Path, speaker: str, with_labels: int, with_features: int = 40) -> Path:
    """40 utterances, of which the first so many have labels (of four frames) and features."""
    write_part(folder, {f"{speaker}-{i:02}": speaker for i in range(40)}, "0 1 1 0")
    labels = (folder / "labels.scp").read_text().splitlines(keepends=True)
    (folder / "labels.scp").write_text("".join(labels[:with_labels]))
    write_feats(folder, {f"{speaker}-{i:02}": f"{speaker}{i}" for i in range(with_features)})
    return folder


def write_feats(folder: Path, recordings: dict[str, str]) -> None:
    """Features of four frames for each utterance; equal ones where the name of the recording is the same."""
    with TableWriter(f"ark,scp:{folder}/feats.ark,{folder}/feats.scp", "matrix") as writer:
        for utterance, recording in recordings.items():
            rng = np.random.default_rng(list(recording.encode()))
            writer.write(utterance, rng.normal(size=(4, 40)) * (recording != "silence"))


def test_utterances_without_labels_or_features_are_named_and_not_counted(tmp_path):
    result = audit(many(tmp_path / "train", "a", 39), many(tmp_path / "dev", "b", 40, with_features=38))
    assert result.returncode == 0, result.stderr
    lost_in_train, lost_in_dev, train, dev, _ = (" ".join(line.split()) for line in result.stdout.splitlines())
    assert lost_in_train == "train: 1 of 40 utterances are not used, as they lack features or labels: a-39"
    assert lost_in_dev == "dev: 2 of 40 utterances are not used, as they lack features or labels: b-38 b-39"
    assert train == "train 1 speakers 39 utterances 156 frames: class 0 78, class 1 78"
    assert dev == "dev 1 speakers 38 utterances 152 frames: class 0 76, class 1 76"


def test_more_than_5_per_cent_without_labels_or_features_are_an_error(tmp_path):
    result = audit(many(tmp_path / "train", "a", 39, with_features=37), many(tmp_path / "dev", "b", 40))
    assert result.returncode == 1
    assert "train: 3 of 40 utterances are not used" in result.stderr and "no more than 5% may be lost" in result.stderr
    (tmp_path / "dev/labels.scp").write_text("".join(f"x-{i} {tmp_path}/dev/b-00.txt\n" for i in range(40)))
    assert "the dev set is empty: no utterance of " in audit(many(tmp_path / "other", "a", 40), tmp_path / "dev").stderr


def test_sentences_of_the_test_that_training_heard_are_counted(parts):
    (parts[0] / "utt2sentence").write_text("a-1 s1\na-2 s2\nb-1 s2\n")
    (parts[2] / "utt2sentence").write_text("d-1 s2\n")
    assert "1 of the 1 sentences of test are in training, read by others" in audit(*parts).stdout
    (parts[2] / "utt2sentence").write_text("d-1 s3\n")
    assert "none of the 1 sentences of test is in training" in audit(*parts).stdout
    (parts[2] / "utt2sentence").unlink()
    assert "sentence" not in audit(*parts).stdout


def with_feats(parts, *names_by_part):
    for part, names in zip(parts, names_by_part, strict=True):
        utterances = [line.split()[0] for line in (part / "utt2spk").read_text().splitlines()]
        write_feats(part, dict(zip(utterances, names, strict=True)))
    return audit(*parts)


def test_one_recording_under_two_names_in_two_parts_is_refused(parts):
    result = with_feats(parts, ["one", "two", "three"], ["two"], ["three"])
    assert result.returncode == 1
    assert f"a-2 in train ({parts[0]}) and c-1 in dev ({parts[1]}) are the same recording" in result.stderr
    assert "so are 1 more pairs" in result.stderr and len(result.stderr.splitlines()) == 1


def test_one_recording_under_two_names_in_one_part_is_named(parts):
    result = with_feats(parts, ["one", "two", "one"], ["four"], ["five"])
    assert result.returncode == 0, result.stderr
    assert "train: 1 pairs of utterances are the same recording: a-1 and b-1\n" in result.stdout


def test_features_of_an_utterance_that_nobody_speaks_are_refused(parts):
    with_feats(parts, ["a", "b", "c"], ["d"], ["e"])
    with (parts[0] / "feats.scp").open("a") as file:
        file.write((parts[2] / "feats.scp").read_text())  # of test
    result = audit(*parts)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert f"{parts[0]}/feats.scp: d-1 is not in {parts[0]}/utt2spk, and so are 0 more" in result.stderr


def test_recordings_that_begin_alike_or_are_silent_are_not_the_same(parts):
    write_feats(parts[1], {"c-1": "silence"})
    write_feats(parts[2], {"d-1": "silence"})
    beginning = np.random.default_rng(1).normal(size=(100, 40))  # more than what is compared first
    with TableWriter(f"ark,scp:{parts[0]}/feats.ark,{parts[0]}/feats.scp", "matrix") as writer:
        for i, utterance in enumerate(("a-1", "a-2", "b-1")):
            writer.write(utterance, np.concatenate([beginning, np.full((1, 40), i)]))
    result = audit(*parts)
    assert result.returncode == 0, result.stderr
    assert "same recording" not in result.stdout


def test_the_same_recording_is_found_in_a_file_of_its_own_a_pipe_or_a_part_of_an_archive(parts):
    with_feats(parts, ["one", "two", "three"], ["four"], ["five"])
    (place,) = [line.split()[1] for line in (parts[0] / "feats.scp").read_text().splitlines() if line[:3] == "a-2"]
    for other in (f"{place}[0:3]", f"tail -c +{int(place.rpartition(':')[2]) + 1} {parts[0]}/feats.ark |"):
        (parts[2] / "feats.scp").write_text(f"d-1 {other}\n")
        (parts[1] / "feats.scp").write_text(f"c-1 {place}[0:3]\n")
        assert "c-1 in dev" in audit(*parts).stderr


@pytest.fixture
def hybrid(tmp_path: Path) -> Path:
    """A list with a run of two tasks, each with its parts and speakers of its own."""
    tasks = []
    for task in ("asr", "ser"):
        train, dev, test = (
            str(write_part(tmp_path / task / part, {f"{task}-{part}-1": f"{task}-{part}"}))
            for part in ("train", "dev", "test")
        )
        training = {"train_feats": train, "dev_feats": dev}
        tasks.append({"training": training, "evaluations": [{"feats": dev}, {"feats": test}]})
    (tmp_path / "runs").write_text(json.dumps({"directory": "exp/hybrid/l3", "parts": tasks}) + "\n")
    return tmp_path / "runs"


def test_tasks_that_learn_together_are_audited_together(hybrid):
    result = audit("--runs", hybrid)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "exp/hybrid/l3" and lines[-1] == "in no run a speaker or an utterance stands in two parts"
    assert [line.split()[0] for line in lines[1:-1]] == ["train", "dev", "test"] * 2


@pytest.mark.parametrize("pair", [("asr/train", "ser/test"), ("ser/train", "asr/dev"), ("asr/dev", "ser/test")])
def test_no_task_may_learn_from_whom_another_is_tested_on(hybrid, pair):
    for number, part in enumerate(pair):
        with (hybrid.parent / part / "utt2spk").open("a") as file:
            file.write(f"zoe-{number} zoe\n")
    result = audit("--runs", hybrid)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert "speaker zoe stands in " in result.stderr
    assert all(f"({hybrid.parent}/{part})" in result.stderr for part in pair)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no run in it"),
        ("junk\n", "line 1: expected a run whose last evaluation is its test"),
        ('{"directory": "x"}\n', "line 1: expected a run whose last evaluation is its test"),
        ('{"directory": "x", "training": {"train_feats": "a", "dev_feats": "b"}, "evaluations": []}\n', "line 1: "),
    ],
)
def test_what_is_no_list_of_runs_is_refused(tmp_path, text, said):
    (tmp_path / "runs").write_text(text)
    result = audit("--runs", tmp_path / "runs")
    assert result.returncode == 1 and result.stdout == "" and len(result.stderr.splitlines()) == 1
    assert f"{tmp_path}/runs" in result.stderr and said in result.stderr


def test_speakers_who_look_alike_are_not_taken_for_two(parts):
    for part, name in zip(parts, ("josé", "mia", "jose\u0301"), strict=True):
        with (part / "utt2spk").open("a") as file:
            file.write(f"{part.name}-x {name}\n")
    result = audit(*parts)
    assert result.returncode == 1 and "a speaker is jose\\u0301 here and jos\\xe9 there" in result.stderr


def test_a_number_of_frames_that_is_none_is_refused(tmp_path):
    parts = [write_part(tmp_path / name, {f"{name}-1": name}, utt2num_frames=f"{name}-1 x12\n") for name in ("a", "b")]
    result = audit(*parts)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert f"{tmp_path}/a/utt2num_frames: a-1 has 'x12', expected a number of frames" in result.stderr


def test_tasks_may_learn_from_the_same_speakers(hybrid):
    for task in ("asr", "ser"):
        with (hybrid.parent / task / "train/utt2spk").open("a") as file:
            file.write(f"zoe-{task} zoe\n")
    assert audit("--runs", hybrid).returncode == 0
