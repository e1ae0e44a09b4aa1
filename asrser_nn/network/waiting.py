"""How OpenMP's threads wait for each other: spinning on cores that are theirs, asleep beside other work.

A thread that has done its part looks for the others' end over and over, for some milliseconds, before it sleeps. That
is fastest on a quiet machine. Where others want the core, it takes the very time in which the awaited thread could run,
and a step may take ten or a hundred times as long. So we look how long our threads wait for a core, and decide. Results
stay the same: neither the number of threads nor what each of them computes changes.

PyTorch brings GNU's libgomp, which reads how long to spin (GOMP_SPINCOUNT) only once. But it hardly spins while the
process has more OpenMP threads than there are cores, and such threads, which do nothing but exist, can come and go.

A thread that is awaited while another program has its core makes the others wait as long. Where the others leave all
cores but one to us, threads keep to those: two that take turns on one core are about as fast as one thread alone, and
twice as fast as two of which one has to share.
"""

import contextlib
import ctypes
import functools
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

INTERVAL = 0.5  # seconds
CROWDED = 0.15  # part of their time that threads wait for a core, from which on they sleep; 0.03 is usual
ALONE = 0.8  # part of a core's time that threads run which nobody disturbs there
SHORTEST, LONGEST = 4, 32  # intervals until we see whether the others have gone; twice as many while they have not
# Who has decided how threads wait, or on which cores they run, is left alone.
OWN_CHOICE = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY")


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


def keep_to(cores: set[int]) -> None:
    """Have all threads of this process run on these cores only."""
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError):  # it has ended
            os.sched_setaffinity(int(task), cores)


def _keep_watching(surplus: "Surplus") -> None:
    before, then = thread_seconds(), time.monotonic()
    while True:
        time.sleep(INTERVAL)
        now, moment = thread_seconds(), time.monotonic()
        surplus.decide(now.run - before.run, now.waited - before.waited, moment - then)
        before, then = now, moment


class Surplus:
    """More OpenMP threads than cores for as long as others want those; and meanwhile, if that helps, one core less."""

    def __init__(self, library: ctypes.CDLL):
        self.library = library
        self.end = threading.Event()
        self.thread: threading.Thread | None = None
        self.cores = sorted(os.sched_getaffinity(0))
        self.fewer = False  # threads keep to all cores but the first
        self.left, self.patience = 0, SHORTEST  # intervals until threads spin again, for threads that sleep do not tell

    def decide(self, run: float, waited: float, seconds: float) -> None:
        """From how long all threads have run and waited for a core, in so many seconds."""
        self.left -= 1
        if self.thread and self.left <= 0:
            self.keep_to_fewer(False)
            self.stop()
        elif run + waited < 0.1 * seconds:
            return  # an idle process has nothing to decide by
        elif self.thread is None:
            if waited / (run + waited) > CROWDED:
                self.begin()
                self.keep_to_fewer(len(self.cores) > 1)
                self.left, self.patience = self.patience, min(2 * self.patience, LONGEST)
            else:
                self.patience = SHORTEST
        elif self.fewer and run < ALONE * (len(self.cores) - 1) * seconds:
            self.keep_to_fewer(False)

    def keep_to_fewer(self, fewer: bool) -> None:
        self.fewer = fewer
        keep_to(set(self.cores[fewer:]))

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
        self.library.GOMP_parallel(self.library.omp_get_thread_num, None, len(self.cores) + 1, 0)
        self.end.wait()
