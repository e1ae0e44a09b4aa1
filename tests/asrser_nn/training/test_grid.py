"""A list of runs is made once, by however many processes, and goes on after an interruption."""

import json
import multiprocessing
import os
import re
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from asrser_io.files import Failure
from asrser_nn.runs import Evaluation, Run, Transfer
from asrser_nn.training.claims import Claims, working_in
from asrser_nn.training.directory import MARK, what_is_missing, write_mark
from asrser_nn.training.grid import run_grid
from asrser_nn.training.progress import duration, expected_seconds, num_left, status


@pytest.fixture
def runs_of(tmp_path, training):
    """Runs in folders of these names, each with an evaluation."""

    def make(names, **method):
        changed = replace(training, method=replace(training.method, **method))
        runs = []
        for name in names:
            out = f"{tmp_path}/{name}/evaluate_dev.json"
            evaluation = Evaluation("dev", "dev", 5.0, None, None, "fp32", out, None)
            runs.append(Run(f"{tmp_path}/{name}", "t", None, None, changed, (evaluation,)))
        return runs

    return make


def _make(calls, run):
    """Stands for a training: leaves the files of one, and a line in `calls`."""
    print(f"result of {run.directory}")
    for name in ("final.pt", "evaluate_dev.json"):
        (Path(run.directory) / name).touch()
    with open(calls, "a") as file:
        file.write(Path(run.directory).name + "\n")
    write_mark(run, {})


def _grid(runs, calls, chosen=None):
    return run_grid(runs, chosen or runs, lambda run, display: _make(calls, run), on_terminal=False, together=1)


def test_every_run_is_made_once_however_often_the_grid_is_started(tmp_path, runs_of, capsys):
    runs, calls = runs_of("ab"), tmp_path / "calls"
    assert _grid(runs, calls) == {}
    assert _grid(runs, calls) == {}
    assert calls.read_text() == "a\nb\n"
    said = capsys.readouterr()
    assert "2/2" in said.err and "2 runs done, 0 to do" in said.err and said.out == ""
    assert (tmp_path / "a/output").read_text() == f"result of {tmp_path}/a\n"


def test_only_the_chosen_runs_are_made(tmp_path, runs_of):
    runs = runs_of("abc")
    _grid(runs, tmp_path / "calls", chosen=[runs[1]])
    assert (tmp_path / "calls").read_text() == "b\n"


@pytest.mark.parametrize("output", ["final.pt", "evaluate_dev.json", MARK])
def test_a_run_of_which_a_part_is_gone_is_made_again(output, tmp_path, runs_of):
    runs, calls = runs_of("ab"), tmp_path / "calls"
    _grid(runs, calls)
    (tmp_path / "b" / output).unlink()
    _grid(runs, calls)
    assert calls.read_text() == "a\nb\nb\n"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Failure("no such corpus"), "no such corpus"),
        (OSError(28, "No space left on device", "x.pt"), "x.pt: No space left on device"),
        (MemoryError(), "not enough memory"),
        (torch.OutOfMemoryError("CUDA out of memory.\nTried 2 GiB."), "not enough memory: CUDA out of memory."),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "not enough memory: DefaultCPUAllocator"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
@pytest.mark.parametrize("together", [1, 2])
def test_whatever_ends_a_run_is_named_and_the_others_are_made(error, reason, together, tmp_path, runs_of, capsys):
    runs, calls = runs_of("abc"), tmp_path / "calls"

    def make(run, display):
        if run.directory.endswith("/a"):
            raise error
        _make(calls, run)

    failures = run_grid(runs, runs, make, on_terminal=False, together=together)
    assert list(failures) == [f"{tmp_path}/a"] and failures[f"{tmp_path}/a"].startswith(reason)
    assert f"{tmp_path}/a: failed: {reason}" in capsys.readouterr().err
    assert sorted(calls.read_text().split()) == ["b", "c"]
    assert ("Traceback" in (tmp_path / "a/output").read_text()) == (not isinstance(error, Failure))
    assert what_is_missing(runs[0]) == "not trained" and what_is_missing(runs[1]) is None
    assert _grid(runs, calls) == {}  # the failed one is made when the grid is started again
    assert what_is_missing(runs[0]) is None


def test_a_run_whose_folder_cannot_be_made_does_not_end_the_others(tmp_path, runs_of):
    runs = runs_of("ab")
    (tmp_path / "a").touch()
    failures = _grid(runs, tmp_path / "calls")
    assert list(failures) == [f"{tmp_path}/a"] and f"{tmp_path}/a" in failures[f"{tmp_path}/a"]
    assert (tmp_path / "calls").read_text() == "b\n"


def test_a_run_made_with_other_options_is_refused_before_anything_is_made(tmp_path, runs_of):
    _grid(runs_of("b"), tmp_path / "calls")
    with pytest.raises(Failure, match=re.escape(f"{tmp_path}/b was made with seed=1 (asked for: 2): remove it")):
        _grid(runs_of("ab", seed=2), tmp_path / "calls")
    assert not (tmp_path / "a").exists()


def test_a_run_of_an_older_version_is_refused(tmp_path, runs_of):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/commands").write_text("train …\n")
    with pytest.raises(Failure, match="made by an older version"):
        _grid(runs_of("a"), tmp_path / "calls")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"training": {}, "origin": 1}', "\xff"])
def test_a_mark_that_is_none_is_named(text, tmp_path, runs_of):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / MARK).write_text(text, encoding="latin-1")
    with pytest.raises(Failure, match=f"{MARK}: this is no mark"):
        _grid(runs_of("a"), tmp_path / "calls")


def test_what_is_missing_is_told_step_by_step(tmp_path, runs_of):
    run = replace(runs_of("a")[0], decodings=("decode_test",))
    (tmp_path / "a").mkdir()
    assert what_is_missing(run) == "not trained"
    (tmp_path / "a/final.pt").touch()
    assert what_is_missing(run) == "trained, but not evaluated"
    _grid([run], tmp_path / "calls")
    assert what_is_missing(run) == "not decoded"
    (tmp_path / "a/decode_test").mkdir()
    (tmp_path / "a/decode_test/best_wer").touch()
    assert what_is_missing(run) is None
    other = what_is_missing(replace(run, fold="01F"))
    assert other and other.startswith("made with other options, or by another version (was made with fold=")


def _slow_worker(runs, calls, started):
    def make(run, display):
        _make(calls, run)
        started.set()
        time.sleep(0.05)

    run_grid(runs, runs, make, on_terminal=False, together=1)


def test_two_processes_never_make_the_same_run_and_a_dead_one_leaves_no_lock(tmp_path, runs_of):
    runs, calls = runs_of("012345"), tmp_path / "calls"
    started = multiprocessing.Event()
    workers = [multiprocessing.Process(target=_slow_worker, args=(runs, calls, started)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)
    assert sorted(calls.read_text().split()) == [*"012345"]


def _elsewhere():
    """The claims of a process of another machine."""
    claims = Claims()
    claims.me = replace(claims.me, host="elsewhere", machine="another")
    return claims


def test_a_worker_that_is_not_to_wait_leaves_the_runs_of_others_to_them(tmp_path, runs_of, capsys):
    runs, calls = runs_of("abc"), tmp_path / "calls"
    make = lambda run, display: _make(calls, run)  # noqa: E731
    with _elsewhere().claim(tmp_path / "b"):
        assert run_grid(runs, runs, make, on_terminal=False, together=1, wait=False) == {}
    assert calls.read_text() == "a\nc\n"
    assert "1 runs are left to other processes" in capsys.readouterr().err


def test_what_others_have_made_meanwhile_counts_in_the_progress_and_is_not_made_again(tmp_path, runs_of, capsys):
    runs, calls = runs_of("abcd"), tmp_path / "calls"

    def make(run, display):
        if run.directory.endswith("/a"):
            _grid(runs[2:], calls)  # another process, meanwhile
        _make(calls, run)

    assert run_grid(runs, runs, make, on_terminal=False, together=1) == {}
    assert calls.read_text() == "c\nd\na\nb\n"
    said = [line.split(":")[0] for line in capsys.readouterr().err.splitlines() if "/4 " in line]
    assert said == [f"3/4 {tmp_path}/a", f"4/4 {tmp_path}/b"]


def test_a_training_whose_run_another_process_took_over_ends_and_waits_for_it(tmp_path, runs_of, capsys):
    runs, calls = runs_of("a"), tmp_path / "calls"

    def make(run, display):
        if not calls.exists():
            # As if this process had been stopped for an hour, and another one had come.
            (tmp_path / "a/claim.2").touch()
            _make(calls, run)
            for number in (1, 2):
                (tmp_path / f"a/claim.{number}").unlink()
        with working_in(tmp_path / "a") as claim:
            claim.say("epoch 1")
        _make(calls, run)

    assert run_grid(runs, runs, make, on_terminal=False, together=1) == {}
    assert calls.read_text() == "a\n", "by the other one only"
    assert f"{tmp_path}/a: another process took this one for dead" in capsys.readouterr().err


def test_a_training_in_the_directory_of_another_process_is_refused(tmp_path):
    assert _elsewhere()._take(tmp_path / "a")
    with pytest.raises(Failure, match="a: another process is at work in it"), working_in(tmp_path / "a"):
        pass
    with Claims().claim(tmp_path / "b") as claim, working_in(tmp_path / "a/../b") as same:
        assert same is claim, "that of the grid"


def test_the_status_of_a_grid_names_what_is_at_work_failed_or_stopped(tmp_path, runs_of):
    runs, calls = runs_of("abcdefg"), tmp_path / "calls"
    _grid(runs[:2], calls)
    for run, seconds in zip(runs[:2], (100, 200), strict=True):
        Path(run.directory, "history.json").write_text(json.dumps([{"seconds": seconds}]))
    with _elsewhere().claim(tmp_path / "c") as claim:
        claim.say("epoch 3, dev 52.1 %")
        with pytest.raises(ValueError), Claims().claim(tmp_path / "d"):
            raise ValueError("no such corpus")
        with pytest.raises(KeyboardInterrupt), Claims().claim(tmp_path / "e") as other:
            other.say("epoch 7, dev 50.0 %")
            raise KeyboardInterrupt
        (tmp_path / "f").mkdir()
        head, *lines = status("runs", runs, Claims()).split("\n")
        assert num_left(runs) == 5
    counts = "2 made, 1 at work, 1 failed, 1 stopped, 2 to do"
    assert head == f"runs: 7 runs: {counts}; about 12 min left with 1 at a time"
    holder = f"process {os.getpid()} on elsewhere"
    assert lines[0].startswith(f"at work  {tmp_path}/c: epoch 3, dev 52.1 %; {holder}, last sign ")
    assert lines[1:] == [
        f"failed   {tmp_path}/d: ValueError: no such corpus",
        f"stopped  {tmp_path}/e: epoch 7, dev 50.0 %",
    ]


def _stuck_worker(runs, started):
    def make(run, display):
        started.set()
        time.sleep(60)

    run_grid(runs, runs, make, on_terminal=False, together=1)


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, runs_of):
    runs, calls = runs_of("a"), tmp_path / "calls"
    started = multiprocessing.Event()
    worker = multiprocessing.Process(target=_stuck_worker, args=(runs, started))
    worker.start()
    assert started.wait(timeout=30)
    worker.kill()
    worker.join()
    assert _grid(runs, calls) == {}
    assert calls.read_text() == "a\n"


def test_runs_are_made_at_the_same_time_and_print_each_into_its_own_file(tmp_path, runs_of):
    runs = runs_of("abcd")
    meeting = threading.Barrier(2, timeout=30)  # passed by two runs at a time only

    def make(run, display):
        print("begin", run.directory)
        meeting.wait()
        print("end", run.directory)

    assert run_grid(runs, runs, make, on_terminal=False, together=2) == {}
    for run in runs:
        assert Path(run.directory, "output").read_text() == f"begin {run.directory}\nend {run.directory}\n"


def test_what_ends_the_grid_ends_the_runs_at_work(tmp_path, runs_of):
    runs = runs_of("abc")
    meeting = threading.Barrier(2, timeout=30)

    def make(run, display):
        meeting.wait()
        if run.directory.endswith("/a"):
            raise KeyboardInterrupt
        display.start_epoch(1, 10**6)
        for step in range(10**6):
            display.step(1, None, step)
            time.sleep(0.001)

    with pytest.raises(KeyboardInterrupt):
        run_grid(runs, runs, make, on_terminal=False, together=2)
    assert not any((tmp_path / name / MARK).exists() for name in "abc")


def test_time_is_guessed_from_the_runs_most_alike(tmp_path, training):
    def run(name, source, layers, seconds=None):
        directory = tmp_path / name
        directory.mkdir(parents=True)
        if seconds is not None:
            (directory / "history.json").write_text(json.dumps([{"seconds": seconds / 2}] * 2))
        return Run(str(directory), "ser", source, name, replace(training, transfer=Transfer("x", layers)))

    done = [run("a", "asr", 1, 10), run("b", "gender", 1, 30), run("c", "asr", 2, 80)]
    assert expected_seconds(run("d", "asr", 1), done) == 10
    assert expected_seconds(run("e", "random", 1), done) == 20
    assert expected_seconds(run("f", "asr", 3), done) == 40
    assert expected_seconds(run("g", "asr", 3), []) is None
    for damaged in ("{", "7", "[{}]", '[{"seconds": "x"}]'):
        (tmp_path / "c/history.json").write_text(damaged)  # a guess is not worth ending a grid
        assert expected_seconds(run(f"h{damaged[:2]}{len(damaged)}", "asr", 1), done) == 10
    assert [duration(s) for s in (45, 300, 7200)] == ["45 s", "5 min", "2.0 h"]
