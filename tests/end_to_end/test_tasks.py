"""Further tasks through ./run.sh: declared, trained, and part of the study, on made-up audio laid out as IEMOCAP is."""

import json
import os
import subprocess
import sys

import pytest

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


def run(command):
    return subprocess.run(command, env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True)


def test_gender_is_a_task_beside_emotions_and_needs_no_asr(command):
    work, words = command
    result = run(words("--tasks", "ser"))
    assert result.returncode == 0, result.stderr
    before = (work / "exp/ser/fold_Ses01F/final.pt").stat().st_mtime_ns
    result = run(words("--tasks", "ser,gender"))
    assert result.returncode == 0, result.stderr
    assert "Stage 1: " not in result.stdout and not (work / "data/asr").exists()
    assert (work / "exp/ser/fold_Ses01F/final.pt").stat().st_mtime_ns == before
    runs = json.loads((work / "exp/report/results.json").read_text())["runs"]
    folds = ("Ses01F", "Ses01M")
    experiments = ("ser", "gender", "ser2gender", "gender2ser")
    assert {(run["experiment"], run["fold"]) for run in runs} == {(name, f) for name in experiments for f in folds}
    declared = json.loads((work / "exp/gender/task.json").read_text())
    assert declared["class_names"] == ["female", "male", "silence"] and declared["folds"] == list(folds)
    # the speaker that a fold leaves out is called by his sex
    (entry, *_) = json.loads((work / "exp/gender/fold_Ses01M/evaluate_test.json").read_text())["per_utterance"]
    assert entry["reference"] == "male"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tasks", "ser,mood"], "there is no task 'mood'; local/tasks declares "),
        (["--tasks", "ser,gender,ser"], "--tasks ser,gender,ser: ser stands there twice"),
        (["--tasks", "ser,gender-ser"], "there is no task 'gender-ser', but gender, gender-asr"),
        (["--tasks", ""], "--tasks"),
        (["--tasks", "ser,"], "--tasks"),
    ],
)
def test_tasks_that_cannot_be_are_refused_in_one_line(command, words, said):
    result = run(command[1](*words))
    assert result.returncode == 1 and said in result.stderr and len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
