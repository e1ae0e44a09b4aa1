"""The list of the study's runs."""

import shutil
import subprocess

import pytest

FOLDS = [f"Ses0{session}{gender}" for session in range(1, 5) for gender in "FM"]


@pytest.fixture(scope="module")
def work(golden, tmp_path_factory):
    work = tmp_path_factory.mktemp("work")
    for fold in FOLDS:
        (work / "exp/ser/folds" / fold / "train").mkdir(parents=True)
        (work / "exp/ser/folds" / fold / "train/classes").write_text("anger\nhappiness\nsadness\nneutral\nsilence\n")
    (work / "exp/ser/folds/list").write_text("".join(f"{fold}\n" for fold in FOLDS))
    (work / "exp/mono").mkdir()
    shutil.copy(golden / "mono/final.mdl", work / "exp/mono")
    return work


def _list(root, work, task, *options):
    command = [root / "local/list_runs.sh", *options, work, task]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return {directory.removeprefix(f"{work}/exp/"): commands for directory, commands in lines}


def test_the_study_of_the_paper_is_105_runs(root, work):
    asr, ser = _list(root, work, "asr"), _list(root, work, "ser")
    assert set(asr) == {"asr", *(f"transfer/ser2asr/l{n}/fold_{fold}" for n in range(6) for fold in FOLDS)}
    assert set(ser) == {
        *(f"ser/fold_{fold}" for fold in FOLDS),
        *(f"transfer/asr2ser/l{n}/fold_{fold}" for n in range(6) for fold in FOLDS),
    }
    assert len(asr) + len(ser) == 105


def test_every_transfer_takes_its_layers_from_the_other_task_and_the_data_of_its_own(root, work):
    for run, commands in _list(root, work, "ser").items():
        fold = run.rpartition("_")[2]
        first, *evaluations = commands.split(" ; ")
        assert f"folds/{fold}/train" in first and f"folds/{fold}/test" not in first
        assert f"folds/{fold}/dev" in evaluations[0] and f"folds/{fold}/test" in evaluations[1]
        assert (f"--from {work}/exp/asr " in first) == run.startswith("transfer")
    for run, commands in _list(root, work, "asr").items():
        if run.startswith("transfer"):
            fold = run.rpartition("_")[2]
            assert f"--from {work}/exp/ser/fold_{fold} " in commands and "--num-classes 144 " in commands


def test_a_part_of_the_grid_can_be_picked(root, work):
    assert set(_list(root, work, "asr", "--layers", "none")) == {"asr"}
    picked = _list(root, work, "ser", "--layers", "0,5")
    assert {run.split("/")[2] for run in picked if run.startswith("transfer")} == {"l0", "l5"}


def test_other_seeds_repeat_everything_beside_the_first(root, work):
    once, thrice = _list(root, work, "asr"), _list(root, work, "asr", "--seeds", "3")
    assert set(thrice) == {*once, *(f"seed{seed}/{run}" for run in once for seed in (2, 3))}
    assert f"--from {work}/exp/seed2/ser/fold_Ses01F" in thrice["seed2/transfer/ser2asr/l0/fold_Ses01F"]
    assert all(("--seed 3 " in commands) == run.startswith("seed3/") for run, commands in thrice.items())


def test_controls_take_layers_from_the_same_task_and_at_random(root, work):
    extra = set(_list(root, work, "asr", "--controls", "true")) - set(_list(root, work, "asr"))
    # no random layer held constant is training from scratch, so that l = 0 is missing there
    assert extra == {*(f"transfer/asr2asr/l{n}" for n in range(6)), *(f"transfer/random2asr/l{n}" for n in range(1, 6))}


def test_layers_that_are_no_numbers_are_refused(root, work):
    done = subprocess.run(
        [root / "local/list_runs.sh", "--layers", "all", work, "ser"], capture_output=True, text=True, cwd=root
    )
    assert done.returncode == 1 and "--layers is numbers with commas" in done.stderr
