"""Workers of a grid as jobs of a real Slurm, on nodes that share no more than the directories."""

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from asrser_nn.commands.runs import evaluation_of, training_of
from asrser_nn.runs import Run
from asrser_nn.training.claims import Entry, Holder

pytestmark = pytest.mark.usefixtures("slurm")


@pytest.fixture
def write_list(world, small_options, tmp_path):
    """A list of runs that train for these numbers of epochs. The test itself holds them, so that workers wait."""

    def write_list(*epochs):
        options = [option for option in small_options if not option.startswith("--threads")]
        lines = []
        for seed, num_epochs in enumerate(epochs, 1):
            directory = f"{tmp_path}/run{seed}"
            data = [f"{world}/train", f"{world}/train", f"{world}/dev", f"{world}/dev"]
            method = [f"--max-epochs={num_epochs}", f"--patience={num_epochs}", f"--seed={seed}"]
            training = training_of(["train", *options, *method, *data, directory])
            json_path = f"{directory}/evaluate_dev.json"
            evaluation = evaluation_of(["--json", json_path, directory, f"{world}/dev", f"{world}/dev"])
            hold(Path(directory))
            lines.append(json.dumps(Run(directory, "t", None, None, training, (evaluation,)).as_data()) + "\n")
        (tmp_path / "runs").write_text("".join(lines))
        return tmp_path / "runs"

    return write_list


@pytest.fixture
def grid(root, tmp_path):
    """Start two workers, each on a node of its own."""
    processes = []

    def grid(path, *words):
        command = [root / "utils/slurm.sh", "--exclusive", "JOB=1:2", "worker.JOB.log"]
        worker = ["asrser_nn", "grid", "--device", "cpu", "--threads", "1", *words, path]
        processes.append(subprocess.Popen([*command, *worker], cwd=tmp_path, stderr=subprocess.PIPE, text=True))
        return processes[-1]

    yield grid
    for process in processes:
        process.terminate()
        process.communicate(timeout=60)


def logs(folder):
    paths = [folder / f"worker.{job}.log" for job in (1, 2)]
    return [path.read_text() if path.exists() else "" for path in paths]


def made_by(log):
    return re.findall(r"^\d+/\d+ .*/(run\d+): \d+ epochs", log, re.MULTILINE)


def hold(directory):
    """A claim as of a process of another machine."""
    holder = replace(Holder.me(), host="elsewhere", machine="another")
    directory.mkdir()
    (directory / "claim.1").write_text(json.dumps(asdict(Entry(holder, time.time(), "working", ""))))


def release_when_both_wait(folder):
    """Let two workers, which need not have started at the same time, begin at the same time."""
    wait_until(lambda: all("runs done, " in log for log in logs(folder)))
    for path in folder.glob("run*/claim.1"):
        path.write_text(path.read_text().replace("working", "stopped"))


def wait_until(condition, seconds=200):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def holders(folder):
    """Of the runs that are trained just now."""
    found = []
    for path in folder.glob("run*/claim.?"):
        try:
            entry = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            continue
        if entry["said"].startswith("epoch"):
            found.append(entry["holder"])
    return found


def ask(path, option):
    return subprocess.run(["asrser_nn", "grid", option, path], capture_output=True, text=True, check=True).stdout


def test_two_nodes_share_a_list_and_no_run_is_made_twice(grid, write_list, tmp_path):
    path = write_list(40, 40, 4, 4, 4)
    process = grid(path)
    release_when_both_wait(tmp_path)
    at_work = re.compile(r"^at work .*: epoch \d+, dev .*; process \d+ on (\S+), Slurm job \d+_[12], last sign", re.M)
    hosts = wait_until(lambda: found if len(found := set(at_work.findall(ask(path, "--status")))) == 2 else None)
    assert hosts == {"node2", os.uname().nodename}
    assert process.wait(timeout=200) == 0, process.stderr.read()
    first, second = map(made_by, logs(tmp_path))
    assert sorted([*first, *second]) == [f"run{seed}" for seed in range(1, 6)] and first and second
    assert not list(tmp_path.glob("run*/claim*"))
    assert ask(path, "--status") == f"{path}: 5 runs: 5 made\n" and ask(path, "--num-left") == "0\n"


def process_of(holder, path):
    """The worker's number on this machine; its own node may have numbers of its own."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            if not command[0].endswith(b"python") or str(path).encode() not in command:
                continue
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        array, task = holder["job"].split("_")
        if {f"SLURM_ARRAY_JOB_ID={array}".encode(), f"SLURM_ARRAY_TASK_ID={task}".encode()} <= set(variables):
            return int(folder.name)
    raise AssertionError(f"no worker for {holder}")


def test_the_run_of_a_worker_that_was_killed_is_made_by_the_other(grid, write_list, tmp_path):
    path = write_list(60, 60)
    process = grid(path)
    release_when_both_wait(tmp_path)
    wait_until(lambda: len(holders(tmp_path)) == 2)
    names = {name: job for job in (1, 2) for name in re.findall(r"Running on (\S+)", logs(tmp_path)[job - 1])}
    victim = names["node2"]
    holder = next(holder for holder in holders(tmp_path) if holder["host"] == "node2")
    os.kill(process_of(holder, path), signal.SIGKILL)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 1 and "1 of 2 jobs failed" in said
    assert f"worker.{victim}.log: signal 9 ended it" in said
    assert made_by(logs(tmp_path)[victim - 1]) == []
    assert sorted(made_by(logs(tmp_path)[2 - victim])) == ["run1", "run2"]
    assert ask(path, "--num-left") == "0\n" and not list(tmp_path.glob("run*/claim*"))
