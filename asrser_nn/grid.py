"""Many trainings as one list: every run once, in one process or in many, and from where it was after an interruption.

A list has one run a line: its directory, a tab, and the asrser_nn commands that make it, separated by ' ; ', e.g.

    exp/l3/fold_03<tab>transfer --from exp/asr --constant-layers 3 … exp/l3/fold_03 ; evaluate exp/l3/fold_03 …

A run is complete when all its commands succeeded: its directory then holds the file `commands` with them. What they
print is in the file `output`.
"""

import fcntl
import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from asrser_nn.files import Failure, write_text
from asrser_nn.training import Display


@dataclass(frozen=True)
class Run:
    directory: Path
    commands: str  # as they stand in the list

    def is_complete(self) -> bool:
        """Raises Failure when what is there was made by other commands."""
        done = self.directory / "commands"
        if not done.exists():
            return False
        if (theirs := done.read_text().strip()) != self.commands:
            raise Failure(
                f"{self.directory} was made by '{theirs}', but the list says '{self.commands}': "
                "remove it or give another directory"
            )
        return True

    def split(self) -> list[list[str]]:
        """The commands as words, one list each."""
        words = shlex.split(self.commands)
        ends = [i for i, word in enumerate(words) if word == ";"] + [len(words)]
        return [words[begin:end] for begin, end in zip([0, *(i + 1 for i in ends)], ends, strict=False)]

    @property
    def constant_layers(self) -> str | None:
        first = self.split()[0]
        return first[first.index("--constant-layers") + 1] if "--constant-layers" in first else None

    def seconds(self) -> float | None:
        """How long the training took, None when there is no record of it."""
        history = self.directory / "history.json"
        return sum(epoch["seconds"] for epoch in json.loads(history.read_text())) if history.exists() else None


def read_list(path: Path) -> list[Run]:
    runs = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        directory, tab, commands = line.partition("\t")
        if not directory or not commands.strip():
            raise Failure(f"{path}, line {number}: expected '<directory><tab><commands>', found '{line}'")
        runs.append(Run(Path(directory), commands.strip()))
    if len({run.directory for run in runs}) < len(runs):
        raise Failure(f"{path}: a directory stands there twice")
    return runs


@contextmanager
def lock(directory: Path) -> Iterator[bool]:
    """Whether this process may work on the run. The system drops the lock of a process that died."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def expected_seconds(run: Run, done: Sequence[Run]) -> float | None:
    """From the complete runs that are most like this one: same folder and constant layers, same layers, any."""
    alike: list[Callable[[Run], bool]] = [
        lambda r: r.directory.parent == run.directory.parent and r.constant_layers == run.constant_layers,
        lambda r: r.constant_layers == run.constant_layers,
        lambda r: True,
    ]
    for is_alike in alike:
        seconds = [s for r in done if is_alike(r) and (s := r.seconds()) is not None]
        if seconds:
            return sum(seconds) / len(seconds)
    return None


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class GridDisplay(Display):
    """One bar for the whole grid on a terminal; elsewhere one line for each run when it is done."""

    def __init__(self, num_done: int, num_runs: int, on_terminal: bool):
        self.num_done, self.num_runs = num_done, num_runs
        self.bar = tqdm(
            total=num_runs, initial=num_done, unit="run", file=sys.stderr, disable=not on_terminal,
            bar_format="{n_fmt}/{total_fmt} |{bar:20}| {desc}",
        )  # fmt: skip
        self.on_terminal = on_terminal
        self.name = self.left = ""
        self.last: dict[str, Any] = {}

    def start_run(self, run: Run, seconds_left: float | None) -> None:
        self.name = str(run.directory)
        self.left = "" if seconds_left is None else f", about {duration(seconds_left)} left"
        self.last = {}
        self._show(0, 0)

    def start_epoch(self, epoch: int, num_steps: int) -> None:
        self._show(epoch, 0)
        self.epoch, self.num_steps = epoch, num_steps

    def step(self, num_frames: int, total_loss: Tensor, steps_done: int) -> None:
        if steps_done % max(1, self.num_steps // 10) == 0:
            self._show(self.epoch, 100 * steps_done // self.num_steps)

    def _show(self, epoch: int, per_cent: int) -> None:
        dev = f", dev {self.last['dev_accuracy']:.1f} %" if self.last else ""
        self.bar.set_description_str(f"{self.name}: epoch {epoch} {per_cent:3d} %{dev}{self.left}")

    def end_epoch(self, record: dict[str, Any]) -> None:
        self.last = record
        self._show(record["epoch"], 100)

    def end_run(self, seconds: float) -> None:
        self.num_done += 1
        self.bar.update()
        if not self.on_terminal:
            dev = f"{self.last['epoch']} epochs, dev {self.last['dev_accuracy']:.2f} %, " if self.last else ""
            line = f"{self.num_done}/{self.num_runs} {self.name}: {dev}{duration(seconds)}{self.left}"
            print(line, file=sys.stderr, flush=True)


def run_grid(
    path: Path, only: Sequence[int], call: Callable[[list[str], Display], None], on_terminal: bool
) -> list[str]:
    """Make every run of a list that is not complete; returns what failed, in words.

    only: numbers of the lines to run, counted from 1; none means all. A run that another process works on is left to
    it, and waited for at the end.
    call: carries out one asrser_nn command
    """
    runs = read_list(path)
    if outside := [number for number in only if not 1 <= number <= len(runs)]:
        raise Failure(f"{path} has {len(runs)} runs; there is no run {outside[0]}")
    chosen = [runs[number - 1] for number in only] or runs
    complete = [run for run in runs if run.is_complete()]
    todo = [run for run in chosen if run not in complete]
    guesses = [expected_seconds(run, complete) for run in todo]
    estimate = ""
    if todo and None not in guesses:
        estimate = f", about {duration(sum(filter(None, guesses)))} by the speed of those done"
    print(f"{path}: {len(chosen) - len(todo)} runs done, {len(todo)} to do{estimate}", file=sys.stderr, flush=True)
    failures: list[str] = []
    display = GridDisplay(len(chosen) - len(todo), len(chosen), on_terminal)
    while todo:
        busy = []
        for i, run in enumerate(todo):
            with lock(run.directory) as ours:
                if not ours:
                    busy.append(run)
                    continue
                left = [expected_seconds(other, complete) for other in todo[i:] + busy]
                display.start_run(run, None if None in left else sum(filter(None, left)))
                begin = time.monotonic()
                if not run.is_complete():  # another process may have made it while this one waited
                    failures += _make(run, call, display)
                display.end_run(time.monotonic() - begin)
                complete.append(run)
        todo = busy
        if busy:
            time.sleep(2)
    display.bar.close()
    return failures


def _make(run: Run, call: Callable[[list[str], Display], None], display: Display) -> list[str]:
    try:
        with open(run.directory / "output", "w") as output, redirect_stdout(output):
            for words in run.split():
                call(words, display)
    except Failure as error:
        return [f"{run.directory}: {error}"]
    write_text(run.directory / "commands", run.commands + "\n")
    return []
