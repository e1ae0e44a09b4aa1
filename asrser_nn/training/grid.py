"""Many trainings as one list: every run once, some at a time, in one process or in many; goes on after an interruption.

A run is complete when it is trained and evaluated: its directory then holds run.json, which says what it is. What it
prints is in the file `output`.
"""

import io
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from asrser_io.files import Failure, described, lacks_memory
from asrser_nn.prediction.evaluate import evaluate_model, table
from asrser_nn.runs import Hybrid, Run
from asrser_nn.training.claims import Claims, Lost, Stopped, working_in
from asrser_nn.training.directory import MARK, is_made, what_is_missing, write_mark
from asrser_nn.training.loop import Display
from asrser_nn.training.progress import duration, num_at_work, seconds_left
from asrser_nn.training.run import Computing, outcome, train_run


def make_run(run: Run | Hybrid, how: Computing, display: Display) -> None:
    """Train what a run is to train, if that is not done, and evaluate it. Prints what the single commands print."""
    directories = [Path(part.directory) for part in run.parts]
    if not all((directory / "final.pt").exists() for directory in directories):
        for part in run.parts:
            for decoding in part.decodings:  # of a network that is no longer there
                (Path(part.directory) / decoding / "best_wer").unlink(missing_ok=True)
    trainings = {Path(part.directory): part.training for part in run.parts}
    models = train_run(Path(run.directory), trainings, how, display)
    for part, directory, model in zip(run.parts, directories, models, strict=True):
        print(outcome(directory, model))
        origin = dict(model.about["data"])
        for number, evaluation in enumerate(part.evaluations, 1):
            result = evaluate_model(directory, evaluation, how.device, how.load)
            print(table(result))
            origin[f"evaluation {number}"], origin["network"] = result["data"], result["network"]
        with working_in(Path(run.directory)) as claim:
            claim.say("evaluated")
            write_mark(part, origin)


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

    def start_run(self, run: Run | Hybrid, left: float | None) -> "RunDisplay":
        display = RunDisplay(self, run.directory)
        with self.mutex:
            self.at_work.append(display)
            self.left = "" if left is None else f", about {duration(left)} left"
            self.show()
        return display

    def show(self) -> None:
        """What the run that has been at work longest is doing."""
        with self.mutex:
            if self.at_work:
                others = f" and {len(self.at_work) - 1} more" if len(self.at_work) > 1 else ""
                self.bar.set_description_str(f"{self.at_work[0].state}{others}{self.left}")

    def end_run(self, display: "RunDisplay", seconds: float, num_done: int) -> None:
        """num_done: runs that are complete, those that others made among them"""
        with self.mutex:
            self.num_done = max(self.num_done + 1, num_done)
            self.bar.n = self.num_done
            self.bar.refresh()
            if not self.on_terminal:
                last = display.last
                dev = f"{last['epoch']} epochs, {', '.join(display.dev.values())}, " if last else ""
                left = self.left if self.num_done < self.num_runs else ""
                self.say(f"{self.num_done}/{self.num_runs} {display.name}: {dev}{duration(seconds)}{left}")

    def leave_run(self, display: "RunDisplay") -> None:
        with self.mutex:
            self.at_work.remove(display)

    def say(self, line: str) -> None:
        with self.mutex:
            self.bar.write(line, file=sys.stderr)
            sys.stderr.flush()


class RunDisplay(Display):
    """What one run tells the display of its grid."""

    def __init__(self, grid: GridDisplay, name: str):
        self.grid = grid
        self.name = self.state = name
        self.last: dict[str, Any] = {}
        self.dev: dict[str, str] = {}  # of each task

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
        task = record.get("task", "")
        self.dev[task] = f"{task} dev {record['dev_accuracy']:.2f} %".strip()
        self._show(100)

    def _show(self, per_cent: int) -> None:
        dev = "".join(f", {accuracy}" for accuracy in self.dev.values())
        self.state = f"{self.name}: epoch {self.epoch} {per_cent:3d} %{dev}"
        self.grid.show()


class OutputOfThread(io.TextIOBase):
    """A standard output that many threads share: what each of them prints goes into its own file."""

    def __init__(self) -> None:
        self.thread = threading.local()

    def write(self, text: str) -> int:
        return int(self.thread.file.write(text))

    @contextmanager
    def into(self, path: Path) -> Iterator[None]:
        """What this thread prints, and where it failed if for a reason that no run foresees, goes into a file."""
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as self.thread.file:
            try:
                yield
            except (Failure, Stopped):
                raise
            except Exception:
                traceback.print_exc(file=self.thread.file)
                raise


def run_grid(
    runs: Sequence[Run | Hybrid], chosen: Sequence[Run | Hybrid], make: Callable[[Any, Display], None],
    on_terminal: bool, together: int, wait: bool = True,
) -> dict[str, str]:
    """Make every chosen run that is not complete; returns directory and reason of those that failed.

    Raises Failure before anything is made if one of them was made with other options. A run that another process works
    on is left to it, here or on another machine (claims.py), and taken over if that process dies.
    runs: all of the list, from which the time that is left is guessed
    make: makes one run, and its mark
    together: how many runs are made at the same time, each in a thread. What they leave does not depend on each other.
    wait: for the runs of others in the end; else they are left to them
    """
    complete = [run for run in chosen if is_made(run)]
    todo = deque(run for run in chosen if run not in complete)
    num_done = len(complete)
    complete += [run for run in runs if run not in chosen and what_is_missing(run) is None]
    guess = seconds_left(list(todo), complete, together) if todo else None
    plan = f", {together} at a time" if together > 1 else ""
    plan += "" if guess is None else f", about {duration(guess)} by the speed of those done"
    print(f"{num_done} runs done, {len(todo)} to do{plan}", file=sys.stderr, flush=True)
    failures: dict[str, str] = {}
    display = GridDisplay(num_done, len(chosen), on_terminal)
    output = OutputOfThread()
    claims = Claims()

    def attempt(run: Run | Hybrid) -> bool:
        """False if another process works on it."""
        with claims.claim(Path(run.directory)) as claim:
            if claim is None:
                return False
            if is_made(run):  # by another process, since this one began
                complete.append(run)
                return True
            unfinished = [run, *todo]
            at_a_time = together + num_at_work(unfinished[1:], claims)
            shown = display.start_run(run, seconds_left(unfinished, complete, at_a_time))
            begin = time.monotonic()
            try:
                with output.into(Path(run.directory) / "output"):
                    make(run, shown)
                complete.append(run)
                num_done = sum(all((Path(part.directory) / MARK).exists() for part in run.parts) for run in chosen)
                display.end_run(shown, time.monotonic() - begin, num_done)
            finally:
                display.leave_run(shown)
        return True

    def work() -> None:
        others: set[str] = set()  # directories in which other processes worked, a moment ago
        while not display.stop.is_set():
            try:
                run = todo.popleft()
            except IndexError:
                return
            try:
                if attempt(run):
                    continue
            except Lost as error:
                display.say(str(error))
            except Stopped:
                return
            except Exception as error:  # whatever it is, the other runs are made
                hint = "; try --together 1" if together > 1 and lacks_memory(error) else ""
                failures[run.directory] = described(error) + hint
                display.say(f"{run.directory}: failed: {failures[run.directory]}")
                continue
            todo.append(run)
            others.add(run.directory)
            if others.issuperset(run.directory for run in list(todo)):
                if not wait:
                    return
                others.clear()
                time.sleep(0.5)

    with redirect_stdout(output), claims:
        if together == 1:
            work()  # not in a thread: OpenMP's own threads are slow to start from there
        else:
            _in_threads(work, together, display.stop)
    display.bar.close()
    if left := sum(not (Path(run.directory) / MARK).exists() for run in todo):
        print(f"{left} runs are left to other processes that work on them", file=sys.stderr, flush=True)
    return failures


def _in_threads(work: Callable[[], None], number: int, stop: threading.Event) -> None:
    with ThreadPoolExecutor(number) as pool:
        try:
            for worker in as_completed([pool.submit(work) for _ in range(number)]):
                worker.result()
        except BaseException:  # Ctrl-C here, or what no run foresaw
            stop.set()
            raise
