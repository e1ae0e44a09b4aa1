#!/usr/bin/env python
"""How long the study takes at the paper's size: an epoch, eight folds, each transfer, and all of its 105 trainings.

Every way of training in the study (from scratch, and with l = 0 … 5 layers constant) is timed over some minibatches of
synthetic data, beside a plain PyTorch program (bench/plain.py: Dataset, DataLoader, constant layers computed again for
each minibatch), in the same run. The trainings of a grid run some at a time, as `asrser_nn grid` does it.

From these rates follows the time of whole epochs and of the grid, for 1.12 million training frames of ASR and 1.7 of
SER, a dev set of 0.12 and 0.5, and --epochs epochs per training: that is computed, not run. For asrser_nn it counts dev
frames, the output of constant layers and the epoch of the output layer alone; for the plain program, training frames.

Usage: python bench/grid.py [--device cpu|cuda] [--precision fp32|tf32|bf16] [--threads N] [--together N] [--steps N]
                            [--epochs 15] [--json OUT]
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import torch

import plain
from asrser_nn.data.corpus import Corpus
from asrser_nn.network.constant_layers import hold_constant, output_shape
from asrser_nn.network.convnet import ConvNet, Shape
from asrser_nn.network.device import own_stream
from asrser_nn.training.loop import Display, Learner, dev_scores, make_optimiser, train_epoch
from asrser_nn.training.run import cache_memory, share_of_threads, trainings_at_once
from asrser_nn.training.transfer import CacheMemory, worth_keeping
from synthetic import BATCH, CLASSES, METHOD, clock, machine, option_parser, peak_memory, report, synthetic_corpus

FRAMES = {"ASR": 1.12e6, "SER": 1.7e6}  # of a training set of the paper
DEV_FRAMES = {"ASR": 0.12e6, "SER": 0.5e6}
FROM_SCRATCH = {"ASR": 1, "SER": 8}  # trainings
TRANSFERS = 8  # for each task and number of constant layers
OUTPUT_LAYER = 5  # all layers but this last one constant


class Bench:
    def __init__(self, device: torch.device, precision: str, steps: int):
        self.device, self.precision = device, precision
        self.corpus = synthetic_corpus(steps * BATCH)
        self.num_frames = self.corpus.num_frames // BATCH * BATCH

    def rate(self, jobs: list[Callable[[], object]], threads: int) -> float:
        """Frames per second of jobs at the same time, each of which goes over the corpus; the second time counts.

        threads: of each job
        """

        def work(job: Callable[[], object]) -> None:
            torch.set_num_threads(threads)
            with own_stream(self.device):
                job()

        def all_jobs() -> None:
            if len(jobs) == 1:  # in the main thread, as asrser_nn grid does it
                work(jobs[0])
            else:
                list(pool.map(work, jobs))

        with ThreadPoolExecutor(len(jobs)) as pool:
            all_jobs()
            begin = clock(self.device)
            all_jobs()
            return len(jobs) * self.num_frames / (clock(self.device) - begin)

    def network(self) -> ConvNet:
        return ConvNet(Shape(40, CLASSES)).to(self.device)

    def held(self, network: ConvNet, layers: int, once: bool) -> Corpus:
        return hold_constant(network, self.corpus.to(self.device), 0, layers, once)

    def training(self, layers: int, once: bool) -> Callable[[], object]:
        network = self.network()
        corpus = self.held(network, layers, once)
        method = replace(METHOD, precision=self.precision)
        learner = Learner(network, make_optimiser(network, layers, method), layers, method, Display())
        return lambda: train_epoch([learner], [corpus], 1)

    def plain_rate(self, layers: int, threads: int) -> float:
        step = plain.trainer(self.device, self.precision, layers)
        loaded = plain.minibatches()
        return self.rate([lambda: [step(*next(loaded)) for _ in range(self.num_frames // BATCH)]], threads)

    def measure(self, layers: int, together: int, threads: int, memory: CacheMemory) -> dict[str, float]:
        """Frames per second of training, of dev, of computing the constant layers, and of plain training.

        threads: of the machine; memory: for the constant layers' output, if it were that of the paper's larger corpus
        """
        network = self.network()
        values = output_shape(network, self.corpus, layers)[1] if layers else 0
        needed = int(4 * values * (FRAMES["SER"] + DEV_FRAMES["SER"]))
        once = layers > 0 and worth_keeping(network, layers, needed, memory)
        share = share_of_threads(threads, together)
        if once:
            together = memory.at_a_time(needed)
        held = self.held(network, layers, once)
        result = {
            "together": together,
            "once": once,
            "asrser_nn": self.rate([self.training(layers, once) for _ in range(together)], share),
            "dev": self.rate([lambda: dev_scores(network, held, layers, self.precision)] * together, share),
            "plain": self.plain_rate(layers, threads),
        }
        if once:
            result["constant_layers"] = self.rate([lambda: self.held(network, layers, True)] * together, share)
        return result


def seconds_of_epoch(task: str, rates: dict[str, float]) -> float:
    """Seconds of the machine for an epoch and a look at dev; what runs at the same time is already in the rates."""
    return FRAMES[task] / rates["asrser_nn"] + DEV_FRAMES[task] / rates["dev"]


def seconds_of_training(task: str, rates: dict[str, Any], layers: int | None, epochs: int) -> dict[str, float]:
    """Of each program, for one training of the grid."""
    own, last = rates[str(layers or 0)], rates[str(OUTPUT_LAYER)]
    ours, plain_epochs = epochs * seconds_of_epoch(task, own), epochs
    if own["once"]:
        ours += (FRAMES[task] + DEV_FRAMES[task]) / own["constant_layers"]
    if layers is not None and layers < OUTPUT_LAYER:  # the output layer alone
        plain_epochs += 1
        ours += seconds_of_epoch(task, last)
        if last["once"]:
            ours += (FRAMES[task] + DEV_FRAMES[task]) / last["constant_layers"]
    return {"asrser_nn": ours, "plain": plain_epochs * FRAMES[task] / own["plain"]}


def whole_grid(rates: dict[str, Any], epochs: int) -> dict[str, float]:
    """Hours of all 105 trainings."""
    hours = {"asrser_nn": 0.0, "plain": 0.0}
    for task in FRAMES:
        for layers, number in [(None, FROM_SCRATCH[task]), *((layers, TRANSFERS) for layers in range(6))]:
            seconds = seconds_of_training(task, rates, layers, epochs)
            for program in hours:
                hours[program] += number * seconds[program] / 3600
    return hours


def main() -> None:
    parser = option_parser(__doc__)
    parser.add_argument(
        "--together", type=int, default=0, help="trainings at the same time; 0: as asrser_nn grid chooses"
    )
    parser.add_argument("--steps", type=int, default=0, help="minibatches of each measurement; 0: 12, on a GPU 400")
    parser.add_argument("--epochs", type=int, default=15, help="of each training, for the time of the grid")
    options = parser.parse_args()
    device = torch.device(options.device)
    threads = options.threads or torch.get_num_threads()
    together = options.together or trainings_at_once(device, threads)
    bench = Bench(device, options.precision, options.steps or (400 if device.type == "cuda" else 12))

    alone = bench.rate([bench.training(0, True)], threads)
    eight = bench.rate([bench.training(0, True) for _ in range(together)], share_of_threads(threads, together))
    folds = {"alone": alone, "together": eight}
    print(f"an epoch of SER, {FRAMES['SER']:.3g} frames, from scratch:")
    print(f"  one fold alone        {FRAMES['SER'] / alone:8.0f} s  {alone:8.0f} frames/s")
    print(f"  eight folds           {8 * FRAMES['SER'] / eight:8.0f} s  {eight:8.0f} frames/s, {together} at a time")

    print(f"\n{'':8} {'frames/s':>9} {'plain':>9} {'ratio':>6}   seconds per epoch, dev included")
    print(f"{'':8} {'':9} {'':9} {'':6} {'ASR':>9} {'SER':>9}  constant layers")
    rates: dict[str, dict[str, float]] = {}
    memory = cache_memory(None, device, together)
    for layers in range(6):
        rates[str(layers)] = row = bench.measure(layers, together, threads, memory)
        epochs = [seconds_of_epoch(task, row) for task in FRAMES]
        how = f"computed once, {row['together']} at a time" if row["once"] else "computed each time" if layers else ""
        print(
            f"l = {layers}    {row['asrser_nn']:9.0f} {row['plain']:9.0f} {row['asrser_nn'] / row['plain']:6.2f} "
            f"{epochs[0]:9.0f} {epochs[1]:9.0f}  {how}",
            flush=True,
        )
    torch.set_num_threads(threads)  # which rate() has changed; the report says it
    hours = whole_grid(rates, options.epochs)
    ratio = hours["plain"] / hours["asrser_nn"]
    print(f"\n105 trainings of {options.epochs} epochs, {together} at a time, by these rates:")
    print(
        f"asrser_nn {hours['asrser_nn']:.1f} hours, the plain program {hours['plain']:.1f}, {ratio:.2f} times as long"
    )
    result = {
        "machine": machine(device, options.precision),
        "together": together,
        "frames_per_second": {"folds": folds, "constant_layers": rates},
        "grid": {"epochs": options.epochs, "hours": hours, "ratio": ratio},
        "peak_memory_gib": peak_memory(device),
    }
    report(result, options.json)


if __name__ == "__main__":
    main()
