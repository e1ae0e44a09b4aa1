#!/usr/bin/env python
"""Training steps per second of asrser_nn against plain PyTorch and against the arithmetic limit, in one run.

Four ways to do the same training step of the paper's network (minibatches of 256 windows of 31×40), on synthetic data:
  dataloader   a Dataset of windows, a DataLoader with two workers, the network from torch.nn, loss.item() at each step
  gathered     the same loop over windows that lie gathered in memory: the plainest eager loop
  asrser_nn    the loop of asrser_nn train
  limit        the step's multiplications and additions at the speed of a large matrix product of the same precision
They take turns, several times; the best turn of each counts, so that other work on the machine disturbs little.
bench/training_memory.py measures the memory of a training alone; here all four share a process.

Usage: python bench/training.py [--device cpu|cuda] [--precision fp32|tf32|bf16] [--threads N] [--steps N] [--turns N]
                                [--json OUT]
"""

from collections.abc import Callable
from dataclasses import replace

import torch

import plain
from asrser_nn.network.convnet import ConvNet, Shape
from asrser_nn.network.device import set_threads
from asrser_nn.training.loop import Display, Learner, make_optimiser, train_epoch
from synthetic import BATCH, CLASSES, METHOD, clock, machine, option_parser, peak_memory, report, synthetic_corpus


def step_flops() -> float:
    """Multiplications and additions of a step: forward, and twice that backward, but no gradient for the input data."""
    first, others = 64 * 20 * 36 * 28, 128 * 576 * 16 * 12 + 6144 * 1024 + 2 * 1024 * 1024 + 1024 * CLASSES
    return 2 * BATCH * (2 * first + 3 * others)


def measure(device: torch.device, precision: str, steps: int, turns: int) -> dict[str, float]:
    """Steps per second of each way."""
    corpus = synthetic_corpus(steps * BATCH)
    steps = corpus.num_frames // BATCH
    loaded = plain.minibatches()
    some = torch.randperm(corpus.num_frames)[: steps * BATCH]
    windows = corpus.inputs(some).transpose(1, 2).unsqueeze(1).contiguous()
    gathered = list(zip(windows.split(BATCH), corpus.labels[some].split(BATCH), strict=True))
    plain_step = plain.trainer(device, precision)
    network = ConvNet(Shape(40, CLASSES)).to(device)
    optimiser = make_optimiser(network, 0, METHOD)
    learner = Learner(network, optimiser, 0, replace(METHOD, precision=precision), Display())
    ours = corpus.to(device)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    size = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))

    def limit() -> None:
        for _ in range(steps):
            a @ b

    ways: dict[str, Callable[[], object]] = {
        "dataloader": lambda: [plain_step(*next(loaded)) for _ in range(steps)],
        "gathered": lambda: [plain_step(*batch) for batch in gathered],
        "asrser_nn": lambda: train_epoch([learner], [ours], 1),
        "limit": limit,
    }
    best: dict[str, float] = {}
    for turn in range(turns + 1):  # the first one warms up
        for name, way in ways.items():
            begin = clock(device)
            way()
            if turn:
                best[name] = max(best.get(name, 0), steps / (clock(device) - begin))
    best["limit"] *= 2 * size**3 / step_flops()
    return best


def main() -> None:
    parser = option_parser(__doc__)
    parser.add_argument("--steps", type=int, default=8, help="steps per turn")
    parser.add_argument("--turns", type=int, default=4)
    options = parser.parse_args()
    set_threads(options.threads)
    device = torch.device(options.device)
    best = measure(device, options.precision, options.steps, options.turns)
    others = ("dataloader", "gathered", "limit")
    rows = {
        name: {"steps_per_second": rate, **{f"to_{other}": rate / best[other] for other in others}}
        for name, rate in best.items()
    }
    print(f"{'':12} {'steps/s':>9} {'frames/s':>10} {'to dataloader':>14} {'to gathered':>12} {'to limit':>9}")
    for name, row in rows.items():
        rate, *ratios = row.values()
        print(f"{name:12} {rate:9.2f} {rate * BATCH:10.0f} {ratios[0]:14.2f} {ratios[1]:12.2f} {ratios[2]:9.2f}")
    result = {
        "machine": machine(device, options.precision),
        "ways": rows,
        "peak_memory_gib": peak_memory(device),
    }
    report(result, options.json)


if __name__ == "__main__":
    main()
