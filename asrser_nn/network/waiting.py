"""How OpenMP's threads wait for each other: spinning on cores that are theirs, asleep beside other work.

A thread that has done its part looks for the others' end over and over, for some milliseconds, before it sleeps. That
is fastest on a quiet machine. Where others want the core, it takes the very time in which the awaited thread could run,
and a step may take ten or a hundred times as long. So we look how long our threads wait for a core, and decide. Results
stay the same: neither the number of threads nor what each of them computes changes.

PyTorch brings GNU's libgomp, which reads how long to spin (GOMP_SPINCOUNT) only once. But it hardly spins while the
process has more OpenMP threads than there are cores, and such threads, which do nothing but exist, can come and go.
"""

import ctypes
import functools
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

INTERVAL = 0.5  # seconds
CROWDED, QUIET = 0.15, 0.08  # part of their time that threads wait for a core: sleep above, spin below; 0.03 is usual
OWN_CHOICE = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


@functools.cache  # once in a process
def watch() -> None:
    """From now on let threads sleep for as long as others want their cores. Does nothing where that cannot be told."""
    library = _libgomp()
    if library and any(thread_seconds()) and not any(name in os.environ for name in OWN_CHOICE):
        threading.Thread(target=_keep_watching, args=(Surplus(library),), daemon=True).start()


def _libgomp() -> ctypes.CDLL | None:
    """The library that is loaded already; another copy of it would have other threads."""
    try:
        maps = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return None
    return next((ctypes.CDLL(line.split(maxsplit=5)[5]) for line in maps if "libgomp" in line), None)


class Seconds(NamedTuple):
    run: float
    waited: float  # ready to run, while others ran


def thread_seconds() -> Seconds:
    """Of all threads of this process; zeros where the system does not tell."""
    run = waited = 0
    for task in Path("/proc/self/task").glob("*/schedstat"):
        try:
            of_thread = task.read_text().split()
        except OSError:
            continue  # it has ended
        run, waited = run + int(of_thread[0]), waited + int(of_thread[1])
    return Seconds(run / 1e9, waited / 1e9)


def _keep_watching(surplus: "Surplus") -> None:
    before = thread_seconds()
    while True:
        time.sleep(INTERVAL)
        now = thread_seconds()
        surplus.decide(now.run - before.run, now.waited - before.waited)
        before = now


class Surplus:
    """More OpenMP threads than cores, for as long as others want the cores."""

    def __init__(self, library: ctypes.CDLL):
        self.library = library
        self.end = threading.Event()
        self.thread: threading.Thread | None = None

    def decide(self, run: float, waited: float) -> None:
        if run + waited < 0.1 * INTERVAL:
            return  # an idle process has nothing to decide by
        share = waited / (run + waited)
        if self.thread is None and share > CROWDED:
            self.begin()
        elif self.thread is not None and share < QUIET:
            self.stop()

    def begin(self) -> None:
        self.end.clear()
        self.thread = threading.Thread(target=self._exist, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        if self.thread is not None:
            self.end.set()
            self.thread.join()  # and with it the OpenMP threads that it has started
            self.thread = None

    def _exist(self) -> None:
        # The entry that compilers call: so many threads run a function, here one without an effect.
        number = len(os.sched_getaffinity(0)) + 1
        self.library.GOMP_parallel(self.library.omp_get_thread_num, None, number, 0)
        self.end.wait()
