#!/usr/bin/env python
"""What other work on the machine costs: the network's speed beside busy processes, by threads and by how they wait.

Frames per second of training and of the forward pass of the network of conf/quick, and of a grid of as many trainings
at a time as there are threads; beside so many processes that do nothing but compute. A column is an arrangement: one
thread; as many as cores, which wait as asrser_nn lets them (asrser_nn/network/waiting.py); and the same with fixed
settings of OpenMP, in its own variables. In each row all arrangements take turns, and the median of the turns counts;
below stands its part of one thread's speed.

Usage: python bench/contention.py [--busy 0,1,2] [--seconds 2] [--turns 5] [--work training,grid,forward] [--json OUT]
                                  [GOMP_SPINCOUNT=1000,OMP_WAIT_POLICY=passive …]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

CORES = len(os.sched_getaffinity(0))
# Busy as long as this program lives.
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: sum(range(100_000))"


def work_on_request(threads: int) -> None:
    """Lines '<work> <seconds>' come in on standard input, frames per second go out."""
    from asrser_nn.network.convnet import ConvNet, Shape, log_posteriors
    from asrser_nn.network.device import set_threads
    from asrser_nn.training.loop import Display, Learner, make_optimiser, train_epoch
    from synthetic import BATCH, CLASSES, METHOD, synthetic_corpus

    shape = Shape(40, CLASSES, context=7, channels=(16, 32), hidden=(256, 256, 256))
    corpus = synthetic_corpus(4 * BATCH, shape.context)

    def training() -> Callable[[], object]:
        network = ConvNet(shape)
        learner = Learner(network, make_optimiser(network, 0, METHOD), 0, METHOD, Display())
        return lambda: train_epoch([learner], [corpus], 1)

    def forward() -> Callable[[], object]:
        network = ConvNet(shape).eval()
        return lambda: list(log_posteriors(network, corpus))

    def rate(job: Callable[[], object], own_threads: int, seconds: float) -> float:
        set_threads(own_threads)
        begin, turns = time.perf_counter(), 0
        while (taken := time.perf_counter() - begin) < seconds:
            job()
            turns += 1
        return turns * corpus.num_frames / taken

    jobs = [training() for _ in range(threads)]
    once = forward()
    pool = ThreadPoolExecutor(threads)
    for line in sys.stdin:
        work, seconds = line.split()
        if work == "grid" and threads > 1:
            found = sum(pool.map(rate, jobs, repeat(1), repeat(float(seconds))))
        else:
            found = rate(once if work == "forward" else jobs[0], threads, float(seconds))
        print(found, flush=True)


class Arrangement:
    """A process with some threads and settings, which works when asked to."""

    def __init__(self, threads: int, settings: str):
        environment = os.environ | dict(setting.split("=", 1) for setting in settings.split(",") if setting)
        command = [sys.executable, __file__, "--child", str(threads)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=environment, **pipes)

    def rate(self, work: str, seconds: float) -> float:
        self.process.stdin.write(f"{work} {seconds}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def measure(arrangements: list[Arrangement], work: str, busy: int, seconds: float, turns: int) -> list[float]:
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]
    try:
        found = [[each.rate(work, seconds) for each in arrangements] for _ in range(turns)]
    finally:
        for other in others:
            other.kill()
            other.wait()
    return [statistics.median(rates) for rates in zip(*found, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", help="further arrangements of as many threads as cores")
    parser.add_argument("--busy", default=",".join(map(str, sorted({0, 1, CORES}))))
    parser.add_argument("--work", default="training,grid,forward")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        work_on_request(options.child)
        return

    kinds = [(1, ""), *((CORES, settings) for settings in ("", *options.settings))]
    columns = [f"{n} thread{'s' * (n > 1)} {settings}".strip() for n, settings in kinds]
    widths = [max(14, len(name) + 2) for name in columns]

    def print_row(label: str, cells: list[str]) -> None:
        aligned = [f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)]
        print(f"{label:20}", *aligned, sep="", flush=True)

    print_row(f"frames per s, {CORES} cores", columns)
    table: dict[str, dict[str, dict[str, float]]] = {}
    for work in options.work.split(","):
        arrangements = [Arrangement(*kind) for kind in kinds]
        for each in arrangements:
            each.rate(work, 0.1)  # warms up
        for busy in map(int, options.busy.split(",")):
            rates = measure(arrangements, work, busy, options.seconds, options.turns)
            table.setdefault(work, {})[str(busy)] = dict(zip(columns, rates, strict=True))
            print_row(f"{work}, {busy} busy", [f"{rate:.0f}" for rate in rates])
            print_row("", [f"{rate / rates[0]:.2f}" for rate in rates])
        for each in arrangements:
            each.process.stdin.close()
            each.process.wait()
    if options.json:
        options.json.write_text(json.dumps({"cores": CORES, "frames_per_second": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
