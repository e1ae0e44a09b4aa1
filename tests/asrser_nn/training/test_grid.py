"""A list of runs is made once, by however many processes, and goes on after an interruption."""

import json
import multiprocessing
import re
import threading
import time
from pathlib import Path

import pytest

from asrser_io.files import Failure
from asrser_nn.training.grid import Run, duration, expected_seconds, read_list, run_grid


def _write_list(folder, names, commands="train {dir} ; evaluate {dir}"):
    path = folder / "runs"
    path.write_text("".join(f"{folder}/{n}\t{commands.format(dir=folder / n)}\n" for n in names))
    return path


def _record(calls, words, display=None):
    print(f"result of {words}")
    with open(calls, "a") as file:
        file.write(" ".join(words) + "\n")


def _run(path, calls, only=()):
    return run_grid(path, only, lambda words, display: _record(calls, words), on_terminal=False)


def test_every_run_is_made_once_however_often_the_grid_is_started(tmp_path, capsys):
    path, calls = _write_list(tmp_path, ["a", "b"]), tmp_path / "calls"
    assert _run(path, calls) == []
    assert _run(path, calls) == []
    assert calls.read_text().split("\n")[:-1] == [f"{c} {tmp_path}/{r}" for r in "ab" for c in ("train", "evaluate")]
    said = capsys.readouterr()
    assert "2/2" in said.err and "2 runs done, 0 to do" in said.err and said.out == ""
    assert "result of" in (tmp_path / "a" / "output").read_text()


def test_only_the_chosen_lines_are_run(tmp_path):
    path, calls = _write_list(tmp_path, ["a", "b", "c"]), tmp_path / "calls"
    _run(path, calls, only=[2])
    assert {line.split("/")[-1] for line in calls.read_text().splitlines()} == {"b"}
    with pytest.raises(Failure, match="3 runs; there is no run 4"):
        _run(path, calls, only=[4])


def test_a_failing_run_is_named_and_the_others_are_made(tmp_path):
    path, calls = _write_list(tmp_path, ["a", "b"]), tmp_path / "calls"

    def call(words, display):
        if words[1].endswith("/a"):
            raise Failure("no such corpus")
        _record(calls, words)

    assert run_grid(path, [], call, on_terminal=False) == [f"{tmp_path}/a: no such corpus"]
    assert (tmp_path / "b" / "commands").exists() and not (tmp_path / "a" / "commands").exists()
    assert _run(path, calls) == []  # the failed one is made when the grid is started again
    assert (tmp_path / "a" / "commands").exists()


def test_a_run_made_by_other_commands_is_refused(tmp_path):
    _run(_write_list(tmp_path, ["a"]), tmp_path / "calls")
    with pytest.raises(Failure, match=re.escape(f"{tmp_path}/a was made by")):
        _run(_write_list(tmp_path, ["a"], "train --seed 2 {dir}"), tmp_path / "calls")


def _slow_worker(path, calls, started):
    def call(words, display):
        _record(calls, words)
        started.set()
        time.sleep(0.05)

    run_grid(path, [], call, on_terminal=False)


def test_two_processes_never_make_the_same_run_and_a_dead_one_leaves_no_lock(tmp_path):
    path, calls = _write_list(tmp_path, [str(i) for i in range(6)], "train {dir}"), tmp_path / "calls"
    started = multiprocessing.Event()
    workers = [multiprocessing.Process(target=_slow_worker, args=(path, calls, started)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)
    assert sorted(calls.read_text().splitlines()) == [f"train {tmp_path}/{i}" for i in range(6)]


def _stuck_worker(path, started):
    def call(words, display):
        started.set()
        time.sleep(60)

    run_grid(path, [], call, on_terminal=False)


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    path, calls = _write_list(tmp_path, ["a"], "train {dir}"), tmp_path / "calls"
    started = multiprocessing.Event()
    worker = multiprocessing.Process(target=_stuck_worker, args=(path, started))
    worker.start()
    assert started.wait(timeout=30)
    worker.kill()
    worker.join()
    assert _run(path, calls) == []
    assert calls.read_text() == f"train {tmp_path}/a\n"


def test_runs_are_made_at_the_same_time_and_print_each_into_its_own_file(tmp_path):
    path = _write_list(tmp_path, ["a", "b", "c", "d"])
    meeting = threading.Barrier(2, timeout=30)  # passed by two runs at a time only

    def call(words, display):
        print("begin", words)
        meeting.wait()
        print("end", words)

    assert run_grid(path, [], call, on_terminal=False, together=2) == []
    for name in "abcd":
        said = "".join(
            f"{what} {[command, f'{tmp_path}/{name}']}\n"
            for command in ("train", "evaluate")
            for what in ("begin", "end")
        )
        assert (tmp_path / name / "output").read_text() == said


def test_what_no_run_foresaw_ends_the_others_too(tmp_path):
    path = _write_list(tmp_path, ["a", "b", "c"])
    meeting = threading.Barrier(2, timeout=30)

    def call(words, display):
        meeting.wait()
        if words[1].endswith("/a"):
            raise OSError("disk full")
        display.start_epoch(1, 10**6)
        for step in range(10**6):
            display.step(1, None, step)
            time.sleep(0.001)

    with pytest.raises(OSError, match="disk full"):
        run_grid(path, [], call, on_terminal=False, together=2)
    assert not any((tmp_path / name / "commands").exists() for name in "abc")


def test_time_is_guessed_from_the_runs_most_alike(tmp_path):
    def run(name, layers, seconds=None):
        directory = tmp_path / name
        directory.mkdir(parents=True)
        if seconds is not None:
            (directory / "history.json").write_text(json.dumps([{"seconds": seconds / 2}] * 2))
        return Run(directory, f"transfer --constant-layers {layers} {directory}")

    done = [run("x/l1/a", 1, 10), run("y/l1/a", 1, 30), run("x/l2/a", 2, 80)]
    assert expected_seconds(run("x/l1/b", 1), done) == 10
    assert expected_seconds(run("z/l1/b", 1), done) == 20
    assert expected_seconds(run("z/l3/b", 3), done) == 40
    assert expected_seconds(run("z/l4/b", 3), []) is None
    assert [duration(s) for s in (45, 300, 7200)] == ["45 s", "5 min", "2.0 h"]


@pytest.mark.parametrize("line", ["exp/a train x", "\ttrain x", "exp/a\t"])
def test_a_line_of_another_form_is_refused_with_its_number(line, tmp_path):
    path = tmp_path / "runs"
    path.write_text(f"exp/b\ttrain y\n{line}\n")
    with pytest.raises(Failure, match="line 2"):
        read_list(path)


def test_commands_are_split_as_a_shell_would():
    run = Run(Path("d"), "train 'ark:gunzip -c a.gz |' d ; evaluate d")
    assert run.split() == [["train", "ark:gunzip -c a.gz |", "d"], ["evaluate", "d"]]
