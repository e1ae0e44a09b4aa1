#!/usr/bin/env python
"""Training steps per second of asrser_nn against plain PyTorch and against the arithmetic limit, in one run.

Four ways to do the same training step of the paper's network (minibatches of 256 windows of 31×40), on synthetic data:
  dataloader   a Dataset of windows, a DataLoader with two workers, the network from torch.nn, loss.item() at each step
  gathered     the same loop over windows that lie gathered in memory: the plainest eager loop
  asrser_nn    the loop of asrser_nn train
  limit        the step's multiplications and additions at the speed of a large matrix product of the same precision
They take turns, several times; the best turn of each counts, so that other work on the machine disturbs little.
Peak memory: of the GPU for each way (with what the others hold there), of the host for all of them in one process;
bench/training_memory.py measures a training alone.

Usage: python bench/training.py [--device cpu|cuda] [--precision fp32|tf32|bf16] [--threads N] [--steps N] [--turns N]
                                [--json OUT]
"""

import argparse
import json
import math
import platform
import resource
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from asrser_nn.data import Corpus, corpus_of
from asrser_nn.network import ConvNet, Shape
from asrser_nn.training import Display, Method, make_optimiser, precision_context, train_epoch

BATCH = 256
CLASSES = 144
METHOD = Method(
    batch_size=BATCH,
    learning_rate=1e-3,
    rmsprop_decay=0.99,
    rmsprop_epsilon=1e-8,
    l2=1e-3,
    max_epochs=1,
    patience=1,
    seed=1,
    precision="fp32",
)


def synthetic_corpus(num_frames: int) -> Corpus:
    random = np.random.default_rng(0)
    utterances = []
    for i in range(math.ceil(num_frames / 300)):
        feats = random.standard_normal((300, 40), dtype=np.float32)
        utterances.append((f"u{i:05d}", feats, random.integers(CLASSES, size=300)))
    return corpus_of(utterances, context=15)


class Windows(Dataset[Any]):
    """What a newcomer writes: one window per item."""

    def __init__(self, corpus: Corpus):
        self.corpus = corpus

    def __len__(self) -> int:
        return self.corpus.num_frames

    def __getitem__(self, frame: int) -> tuple[Tensor, Tensor]:
        start = int(self.corpus.starts[frame])
        return self.corpus.rows[start : start + 31].T.unsqueeze(0), self.corpus.labels[frame]


def plain_network() -> nn.Module:
    def full(inputs: int) -> list[nn.Module]:
        return [nn.Linear(inputs, 1024), nn.BatchNorm1d(1024), nn.ReLU(), nn.Dropout(0.4)]

    return nn.Sequential(
        *[nn.Conv2d(1, 64, (5, 4)), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Conv2d(64, 128, (3, 3)), nn.BatchNorm2d(128), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()],
        *[*full(6144), *full(1024), *full(1024), nn.Linear(1024, CLASSES)],
    )


def plain_trainer(device: torch.device, precision: str) -> Callable[[Tensor, Tensor], float]:
    network = plain_network().to(device)
    optimiser = torch.optim.RMSprop(network.parameters(), lr=1e-3, alpha=0.99)

    def step(windows: Tensor, labels: Tensor) -> float:
        optimiser.zero_grad()
        with precision_context(device, precision):
            loss = F.cross_entropy(network(windows.to(device)), labels.to(device))
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def forever(loader: DataLoader[Any]) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from loader


def step_flops() -> float:
    """Multiplications and additions of a step: forward, and twice that backward, but no gradient for the input data."""
    first, others = 64 * 20 * 36 * 28, 128 * 576 * 16 * 12 + 6144 * 1024 + 2 * 1024 * 1024 + 1024 * CLASSES
    return 2 * BATCH * (2 * first + 3 * others)


def measure(device: torch.device, precision: str, steps: int, turns: int) -> tuple[dict[str, float], dict[str, float]]:
    """Steps per second and, on a GPU, peak memory there (GiB) of each way."""

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    corpus = synthetic_corpus(steps * BATCH)
    steps = corpus.num_frames // BATCH
    loader = forever(DataLoader(Windows(corpus), BATCH, shuffle=True, drop_last=True, num_workers=2))
    some = torch.randperm(corpus.num_frames)[: steps * BATCH]
    windows = corpus.inputs(some).transpose(1, 2).unsqueeze(1).contiguous()
    gathered = list(zip(windows.split(BATCH), corpus.labels[some].split(BATCH), strict=True))
    plain = plain_trainer(device, precision)
    network = ConvNet(Shape(40, CLASSES)).to(device)
    optimiser = make_optimiser(network, 0, METHOD)
    ours = corpus.to(device)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    size = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))

    def limit() -> None:
        for _ in range(steps):
            a @ b

    ways: dict[str, Callable[[], object]] = {
        "dataloader": lambda: [plain(*next(loader)) for _ in range(steps)],
        "gathered": lambda: [plain(*batch) for batch in gathered],
        "asrser_nn": lambda: train_epoch(network, optimiser, ours, 0, BATCH, precision, 1, Display()),
        "limit": limit,
    }
    best: dict[str, float] = {}
    peak: dict[str, float] = {}
    for turn in range(turns + 1):  # the first one warms up
        for name, way in ways.items():
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
            begin = now()
            way()
            if turn:
                best[name] = max(best.get(name, 0), steps / (now() - begin))
                if device.type == "cuda":
                    peak[name] = torch.cuda.max_memory_allocated() / 2**30
    best["limit"] *= 2 * size**3 / step_flops()
    return best, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: as many as torch takes")
    parser.add_argument("--steps", type=int, default=8, help="steps per turn")
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--json", help="write the figures here too")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    best, device_memory = measure(device, options.precision, options.steps, options.turns)
    machine = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(
        f"{platform.machine()}, {machine}, torch {torch.__version__}, {options.precision}, {time.strftime('%Y-%m-%d')}"
    )
    print(f"{'':12} {'steps/s':>9} {'frames/s':>10} {'to dataloader':>14} {'to gathered':>12} {'to limit':>9}")
    rows = {
        name: {
            "steps_per_second": rate,
            **{f"to_{other}": rate / best[other] for other in ("dataloader", "gathered", "limit")},
        }
        for name, rate in best.items()
    }
    for name, row in rows.items():
        rate, *ratios = row.values()
        print(f"{name:12} {rate:9.2f} {rate * BATCH:10.0f} {ratios[0]:14.2f} {ratios[1]:12.2f} {ratios[2]:9.2f}")
    host_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # from KiB
    print(
        f"peak memory: host {host_memory:.2f} GiB",
        *(f"{name} {gib:.2f} GiB" for name, gib in device_memory.items()),
        sep=", ",
    )
    if options.json:
        result = {
            "machine": machine,
            "precision": options.precision,
            "ways": rows,
            "peak_host_memory_gib": host_memory,
            "peak_device_memory_gib": device_memory,
        }
        with open(options.json, "w") as file:
            json.dump(result, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
