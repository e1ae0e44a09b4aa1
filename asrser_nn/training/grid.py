"""Many trainings as one list: every run once, some at a time, in one process or in many; goes on after an interruption.

A list has one run a line: its directory, a tab, and the asrser_nn commands that make it, separated by ' ; ', e.g.

    exp/l3/fold_03<tab>transfer --from exp/asr --constant-layers 3 … exp/l3/fold_03 ; evaluate exp/l3/fold_03 …

A run is complete when all its commands succeeded: its directory then holds the file `commands` with them. What they
print is in the file `output`.
"""

import fcntl
import io
import json
import shlex
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from asrser_io.files import Failure, write_text
from asrser_nn.training.loop import Display


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
        return sum(epoch["seconds"] for epoch in json.loads(history.read_bytes())) if history.exists() else None


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


class GridDisplay:
    """One bar for the whole grid on a terminal; elsewhere one line for each run when it is done."""

    def __init__(self, num_done: int, num_runs: int, on_terminal: bool):
        self.num_done, self.num_runs = num_done, num_runs
        self.bar = tqdm(
            total=num_runs, initial=num_done, unit="run", file=sys.stderr, disable=not on_terminal,
            bar_format="{n_fmt}/{total_fmt} |{bar:20}| {desc}",
        )  # fmt: skip
        self.on_terminal = on_terminal
        self.stop = threading.Event()  # when set, every training ends at its next step
        self.at_work: list[RunDisplay] = []
        self.left = ""
        self.mutex = threading.RLock()

    def start_run(self, run: Run, seconds_left: float | None) -> "RunDisplay":
        display = RunDisplay(self, str(run.directory))
        with self.mutex:
            self.at_work.append(display)
            self.left = "" if seconds_left is None else f", about {duration(seconds_left)} left"
            self.show()
        return display

    def show(self) -> None:
        """What the run that has been at work longest is doing."""
        with self.mutex:
            if self.at_work:
                others = f" and {len(self.at_work) - 1} more" if len(self.at_work) > 1 else ""
                self.bar.set_description_str(f"{self.at_work[0].state}{others}{self.left}")

    def end_run(self, display: "RunDisplay", seconds: float) -> None:
        with self.mutex:
            self.at_work.remove(display)
            self.num_done += 1
            self.bar.update()
            if not self.on_terminal:
                last = display.last
                dev = f"{last['epoch']} epochs, dev {last['dev_accuracy']:.2f} %, " if last else ""
                line = f"{self.num_done}/{self.num_runs} {display.name}: {dev}{duration(seconds)}{self.left}"
                print(line, file=sys.stderr, flush=True)


class RunDisplay(Display):
    """What one run tells the display of its grid."""

    def __init__(self, grid: GridDisplay, name: str):
        self.grid = grid
        self.name = self.state = name
        self.last: dict[str, Any] = {}

    def start_epoch(self, epoch: int, num_steps: int) -> None:
        self.epoch, self.num_steps = epoch, num_steps
        self._show(0)

    def step(self, num_frames: int, total_loss: Tensor, steps_done: int) -> None:
        if self.grid.stop.is_set():
            raise Stopped
        if steps_done % max(1, self.num_steps // 10) == 0:
            self._show(100 * steps_done // self.num_steps)

    def end_epoch(self, record: dict[str, Any]) -> None:
        self.last = record
        self._show(100)

    def _show(self, per_cent: int) -> None:
        dev = f", dev {self.last['dev_accuracy']:.1f} %" if self.last else ""
        self.state = f"{self.name}: epoch {self.epoch} {per_cent:3d} %{dev}"
        self.grid.show()


class Stopped(Exception):
    """A training ends because the grid does."""


class OutputOfThread(io.TextIOBase):
    """A standard output that many threads share: what each of them prints goes into its own file."""

    def __init__(self) -> None:
        self.thread = threading.local()

    def write(self, text: str) -> int:
        return int(self.thread.file.write(text))


def run_grid(
    path: Path, only: Sequence[int], call: Callable[[list[str], Display], None], on_terminal: bool, together: int = 1
) -> list[str]:
    """Make every run of a list that is not complete; returns what failed, in words.

    only: numbers of the lines to run, counted from 1; none means all. A run that another process works on is left to
    it, and waited for at the end.
    call: carries out one asrser_nn command
    together: how many runs are made at the same time, each in a thread. What they leave does not depend on each other.
    """
    runs = read_list(path)
    if outside := [number for number in only if not 1 <= number <= len(runs)]:
        raise Failure(f"{path} has {len(runs)} runs; there is no run {outside[0]}")
    chosen = [runs[number - 1] for number in only] or runs
    complete = [run for run in runs if run.is_complete()]
    todo = deque(run for run in chosen if run not in complete)

    def seconds_left(unfinished: Sequence[Run]) -> float | None:
        guesses = [expected_seconds(run, complete) for run in unfinished]
        return None if None in guesses else sum(filter(None, guesses)) / together

    guess = seconds_left(todo) if todo else None
    plan = f", {together} at a time" if together > 1 else ""
    plan += "" if guess is None else f", about {duration(guess)} by the speed of those done"
    print(f"{path}: {len(chosen) - len(todo)} runs done, {len(todo)} to do{plan}", file=sys.stderr, flush=True)
    failures: list[str] = []
    display = GridDisplay(len(chosen) - len(todo), len(chosen), on_terminal)
    output = OutputOfThread()

    def work() -> None:
        while not display.stop.is_set():
            try:
                run = todo.popleft()
            except IndexError:
                return
            with lock(run.directory) as ours:
                if ours:
                    shown = display.start_run(run, seconds_left([run, *todo]))
                    begin = time.monotonic()
                    if not run.is_complete():  # another process may have made it while this one waited
                        failures.extend(_make(run, call, shown, output))
                    display.end_run(shown, time.monotonic() - begin)
                    complete.append(run)
            if not ours:
                todo.append(run)
                time.sleep(0.2)

    with redirect_stdout(output):
        if together == 1:
            work()  # not in a thread: OpenMP's own threads are slow to start from there
        else:
            _in_threads(work, together, display.stop)
    display.bar.close()
    return failures


def _in_threads(work: Callable[[], None], number: int, stop: threading.Event) -> None:
    with ThreadPoolExecutor(number) as pool:
        try:
            for worker in as_completed([pool.submit(work) for _ in range(number)]):
                worker.result()
        except BaseException:  # Ctrl-C here, or what no run foresaw
            stop.set()
            raise


def _make(run: Run, call: Callable[[list[str], Display], None], display: Display, output: OutputOfThread) -> list[str]:
    try:
        with open(run.directory / "output", "w") as output.thread.file:
            for words in run.split():
                call(words, display)
    except Failure as error:
        return [f"{run.directory}: {error}"]
    write_text(run.directory / "commands", run.commands + "\n")
    return []
