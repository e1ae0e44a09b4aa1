"""Further tasks through ./run.sh: declared, trained, and part of the study, on made-up audio laid out as IEMOCAP is."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from asrser_io.tables import TableWriter

FRAMES = 1 + (12800 - 400) // 160  # of each recording of 0.8 s
TINY = "--channels=2,3\n--hidden=8,8,8\n--max-epochs=1\n--learning-rate=0.003\n"


@pytest.fixture(scope="module")
def command(root, tones, tmp_path_factory):
    """run.sh with tiny networks; the words are further options."""
    tiny = tmp_path_factory.mktemp("tiny")
    for name in ("asr", "ser"):
        (tiny / f"{name}.conf").write_text(TINY)
    (tiny / "study.conf").write_text("--folds=2\n")
    work = tmp_path_factory.mktemp("tasks")
    options = ["--dir", work, "--conf", tiny, "--layers", "5", "--stage", "1", "--nj", "1", "--threads", "1"]
    options += ["--device", "cpu", "--ser-corpus", "iemocap", "--iemocap", tones]
    return work, lambda *words: [str(word) for word in [root / "run.sh", *options, *words]]


@pytest.fixture(scope="module")
def voicing(tones, tmp_path_factory):
    """A task of one's own on the same recordings, with a label for each frame: tone or rest."""
    own = tmp_path_factory.mktemp("voicing")
    recordings = {path.stem: path for path in sorted(tones.glob("Session*/sentences/wav/*/*.wav"))}
    labels = np.zeros(FRAMES, np.int32)
    labels[15:65] = 1
    (own / "wav.scp").write_text("".join(f"{name} {path}\n" for name, path in recordings.items()))
    (own / "utt2spk").write_text("".join(f"{name} {name[:6]}\n" for name in recordings))
    (own / "classes").write_text("rest\ntone\n")
    (own / "task.json").write_text('{"label": "VAD", "recognises": "voice"}')
    with TableWriter(f"ark,scp:{own}/labels.ark,{own}/labels.scp", "int_vector") as writer:
        for name in recordings:
            writer.write(name, labels)
    return own


def run(command):
    return subprocess.run(command, env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True)


def test_tasks_are_added_to_a_study_that_needs_no_asr(root, command, voicing):
    work, words = command
    controls = ["--controls", "5", "--random-draws", "1"]
    result = run(words("--tasks", "ser", *controls))
    assert result.returncode == 0, result.stderr
    assert (work / "exp/transfer/ser2ser/l5/fold_Ses01F/final.pt").exists()
    # ASR, too, though it is not prepared here; but no other SER
    conf = words()[words().index("--conf") + 1]
    both = [root / "recipe/transfer.sh", "--dir", work, "--conf", conf, "--tasks", "asr,ser", "--layers", "5"]
    both += [*controls, "--only-check", "true"]
    result = run(both)
    assert result.returncode == 0, result.stderr
    result = run([*both, "--train-opts", "--max-epochs 2"])
    assert result.returncode == 1 and "'SER network, max-epochs: 1' and 'SER network, max-epochs: 2'" in result.stderr
    before = (work / "exp/ser/fold_Ses01F/final.pt").stat().st_mtime_ns
    result = run(words("--tasks", "ser,gender,voicing", "--task-data", voicing))
    assert result.returncode == 0, result.stderr
    assert "Stage 1: " not in result.stdout and not (work / "data/asr").exists()
    assert (work / "exp/ser/fold_Ses01F/final.pt").stat().st_mtime_ns == before
    runs = json.loads((work / "exp/report/results.json").read_text())["runs"]
    # The folds of voicing, whose corpus is its own, are called like those of the others, but for the reader only.
    tasks, folds = ("ser", "gender", "voicing"), ("Ses01F", "Ses01M")
    experiments = {*tasks, *(f"{source}2{task}" for source in tasks for task in tasks if source != task)}
    assert {(run["experiment"], run["fold"]) for run in runs} == {(name, f) for name in experiments for f in folds}
    declared = json.loads((work / "exp/gender/task.json").read_text())
    assert declared["class_names"] == ["female", "male", "silence"] and declared["folds"] == list(folds)
    # the speaker that a fold leaves out is called by his sex
    (entry, *_) = json.loads((work / "exp/gender/fold_Ses01M/evaluate_test.json").read_text())["per_utterance"]
    assert entry["reference"] == "male"
    own = json.loads((work / "exp/voicing/fold_Ses01M/evaluate_test.json").read_text())
    assert own["frames"]["support"] == {"rest": 8 * (FRAMES - 50), "tone": 8 * 50} and "utterances" not in own
    page = (work / "exp/report/tables.md").read_text()
    assert "Transfer gender → VAD" in page and "voice recognition (VAD) baseline" in page


def test_a_task_of_ones_own_that_has_changed_is_refused(command, voicing):
    work, words = command
    archive = voicing / "labels.ark"
    before = archive.read_bytes()
    archive.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    result = run(words("--tasks", "ser,voicing", "--task-data", voicing))
    archive.write_bytes(before)
    assert result.returncode == 1 and result.stdout == ""
    assert "data/voicing/corpus was made with 'files of the VOICING corpus: " in result.stderr
    assert "(labels.ark is changed); choose another --dir" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tasks", "ser,mood"], "there is no task 'mood'; local/tasks declares "),
        (["--tasks", "ser,gender,ser"], "--tasks ser,gender,ser: ser stands there twice"),
        (["--tasks", "ser,gender-ser"], "there is no task 'gender-ser', but gender, gender-asr"),
        (["--tasks", "ser,"], "--tasks is a list of names, such as asr,ser,gender, not 'ser,'"),
        (["--tasks", "ser,gender", "--task-data", "/"], "--task-data: add a name for this task to --tasks ser,gender"),
        (["--tasks", "ser,mood,rain", "--task-data", "/"], "local/tasks declares neither mood nor rain"),
        (["--tasks", "ser,mood", "--task-data", "/none"], "--task-data: no such folder: /none"),
        (["--tasks", "ser,transfer", "--task-data", "/"], "--task transfer: what a work directory has for"),
        (["--tasks", "ser,mono_ali_dev", "--task-data", "/"], "--task mono_ali_dev: what a work directory has for"),
        (["--tasks", "ser,Mood", "--task-data", "/"], "the name of a task of your own is of small letters"),
    ],
)
def test_tasks_that_cannot_be_are_refused_in_one_line(command, words, said):
    result = run(command[1](*words))
    assert result.returncode == 1 and said in result.stderr and len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
