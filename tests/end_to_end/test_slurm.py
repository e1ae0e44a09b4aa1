"""./run.sh with its jobs on a real Slurm: the results of a run on one machine, bit for bit."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch

pytestmark = pytest.mark.usefixtures("slurm")
SLURM = "utils/slurm.sh --partition day"


@pytest.fixture(scope="module")
def start(root, tmp_path_factory):
    """Start stages 1 to 8 of run.sh in a folder, on a demo of few sentences and with a tiny network."""
    folder = tmp_path_factory.mktemp("tiny")
    for name in ("asr.conf", "ser.conf"):
        (folder / name).write_text("--channels=4,8\n--hidden=16,16,16\n--max-epochs=3\n")
    (folder / "study.conf").write_text("--folds=2\n")
    demo = folder / "demo_asr"
    command = [sys.executable, root / "local/demo_asr.py", "--sentences", "2", demo]
    subprocess.run(command, check=True, capture_output=True)

    def start(work, *words):
        (work / "data").mkdir(parents=True, exist_ok=True)
        if not (work / "data/demo_asr").exists():
            subprocess.run(["cp", "-r", demo, work / "data"], check=True)
        options = ["--dir", work, "--conf", folder, "--stage", 1, "--stop-stage", 8, "--device", "cpu", "--threads", 1]
        environment = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
        command = [root / "run.sh", *map(str, options), *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=environment, text=True, **pipes)

    return start


def finish(process):
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, out + err
    return out


def queue():
    return subprocess.run(["squeue", "--noheader", "--format=%j %T"], capture_output=True, text=True).stdout


def wait_until(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def content(file, work):
    """What a file holds besides paths and times."""
    if file.suffix == ".pt":
        model = torch.load(file, weights_only=True)
        return [(name, value.tolist()) for name, value in sorted(model["weights"].items())]
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    if file.name == "history.json":
        return [{name: epoch[name] for name in epoch if "second" not in name} for epoch in json.loads(data)]
    return data.replace(str(work).encode(), b"")


def results(work):
    """Of all files but those of the corpus, and what tells of the making: calls, times, checksums of paths."""
    files = [file for file in work.rglob("*") if file.is_file() and file.suffix != ".log"]
    names = {"demo_asr", "log", "commands", "made_with", "made_from", "seconds", "learning_curve.png", ".lock"}
    return {file.relative_to(work): content(file, work) for file in files if not names & set(file.parts)}


def hosts(work, pattern):
    return {host for log in work.glob(pattern) for host in re.findall(r"^# Running on (\S+)", log.read_text(), re.M)}


def test_a_run_on_slurm_that_was_killed_and_goes_on_has_the_results_of_one_on_this_machine(start, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    process = start(there, "--cmd", SLURM)
    wait_until(lambda: "train RUNNING" in queue() or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    out = process.communicate()[0]
    assert "Stage 7" in out and process.returncode == -signal.SIGKILL, out
    wait_until(lambda: queue() == "", 60)
    finish(start(there, "--cmd", SLURM))
    finish(start(here))
    ours, theirs = results(there), results(here)
    assert len(ours) > 100 and ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    # What takes seconds was not sent away.
    for pattern in ("data/asr/*/log/make_mfcc*", "exp/asr/log/train.log", "exp/asr/decode_dev/log/forward.log"):
        assert hosts(there, pattern) and hosts(there, pattern) <= {"node1", "node2"}, pattern
    for pattern in ("exp/mono/log/*", "exp/log/mkgraph.log", "exp/asr/decode_dev/log/decode*"):
        assert hosts(there, pattern) == hosts(here, pattern) == {os.uname().nodename}, pattern
    assert not [path for path in there.rglob(".*") if path.name != ".lock"]
