"""Fixtures for the tests of local/."""

import shutil
import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def declare_tasks(root, golden):
    """Make a folder the work directory of a study whose tasks, ASR and SER, are declared; returns it."""

    def declare(work, folds, emotions):
        for fold in folds:
            (work / "exp/ser/folds" / fold / "train").mkdir(parents=True)
            (work / "exp/ser/folds" / fold / "train/classes").write_text("".join(f"{name}\n" for name in emotions))
        (work / "exp/ser/folds/list").write_text("".join(f"{fold}\n" for fold in folds))
        (work / "exp/mono").mkdir()
        shutil.copy(golden / "mono/final.mdl", work / "exp/mono")
        for task in ("asr", "ser"):
            subprocess.run([sys.executable, root / "local/declare_task.py", work, task], check=True)
        return work

    return declare
