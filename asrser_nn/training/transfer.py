"""Layers copied from one network to another, the first of them held constant."""

import hashlib
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np
import torch
from torch import nn

from asrser_io.files import Failure
from asrser_nn.data.corpus import Corpus
from asrser_nn.network.constant_layers import output_shape
from asrser_nn.network.convnet import ConvNet, Dropout
from asrser_nn.runs import as_text


def copy_layers(source: ConvNet, target: ConvNet) -> None:
    """All layers but the output, with their BatchNorm statistics. The normalisation of the input is not copied."""
    theirs, ours = asdict(replace(source.shape, num_classes=target.shape.num_classes)), asdict(target.shape)
    if other := [name for name in ours if theirs[name] != ours[name]]:
        raise Failure(
            "the network whose layers are to be copied has "
            + ", ".join(f"--{name.replace('_', '-')} {as_text(theirs[name])}" for name in other)
            + f", but asked for is {', '.join(as_text(ours[name]) for name in other)}: "
            "give both networks the same features and configuration"
        )
    for from_layer, to_layer in zip(source.layers[:-1], target.layers[:-1], strict=True):
        to_layer.load_state_dict(from_layer.state_dict())


def draw_seed(seed: int, draw: str) -> int:
    """Of the random layers of a training: each seed and each draw has others, and no training begins with them."""
    name = f"random:{draw}".encode(errors="surrogateescape")
    return int(np.random.SeedSequence((seed, *name)).generate_state(1)[0])


@torch.no_grad()
def fit_statistics(network: ConvNet, corpus: Corpus, batch_size: int, seed: int, most_batches: int = 100) -> None:
    """BatchNorm statistics of layers that have not learnt from this speech: those of some minibatches, drawn at random.

    A layer that is trained brings statistics along, those of the speech that it learnt from. With mean 0 and variance
    1, which is what a new one says of itself, random layers would put out values of quite another size. Both may be
    worse for a reason that is not asked about.
    """
    order = torch.randperm(corpus.num_frames, generator=torch.Generator().manual_seed(seed))
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    network.train()
    for module in network.modules():
        if isinstance(module, Dropout):
            module.eval()
    batches = order.to(corpus.rows.device).split(batch_size)[:most_batches]
    for number, frames in enumerate(batches, 1):
        if len(frames) == batch_size:
            for norm in norms:
                norm.momentum = 1 / number  # the mean over all minibatches so far
            network(corpus.inputs(frames), last=len(norms))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()


def checksums(network: ConvNet, num_layers: int) -> list[str]:
    """SHA-256 of each of the first layers: weights, BatchNorm's scale, shift and running statistics."""
    sums = []
    for layer in network.layers[:num_layers]:
        digest = hashlib.sha256()
        for name, value in layer.state_dict().items():
            digest.update(name.encode() + value.cpu().numpy().tobytes())
        sums.append(digest.hexdigest())
    return sums


class CacheMemory:
    """Memory for the output of constant layers, which so many trainings at a time share."""

    def __init__(self, num_bytes: int, trainings: int = 1):
        self.total = self.free = num_bytes
        self.trainings = trainings
        self.changed = threading.Condition()

    def at_a_time(self, num_bytes: int) -> int:
        """How many trainings can have so much at the same time."""
        return min(self.trainings, self.total // num_bytes) if num_bytes else self.trainings

    @contextmanager
    def take(self, num_bytes: int) -> Iterator[None]:
        """Have so many bytes, at most `total`, as soon as other trainings have given enough of theirs back."""
        with self.changed:
            self.changed.wait_for(lambda: num_bytes <= self.free)
            self.free -= num_bytes
        try:
            yield
        finally:
            with self.changed:
                self.free += num_bytes
                self.changed.notify_all()


def output_bytes(network: ConvNet, corpora: list[Corpus], last: int) -> int:
    """Memory that hold_constant takes for all of them; no layers constant take none."""
    return sum(4 * math.prod(output_shape(network, corpus, last)) for corpus in corpora) if last else 0


def worth_keeping(network: ConvNet, layers: int, num_bytes: int, memory: CacheMemory) -> bool:
    """Whether to compute the output of so many constant layers once, though trainings may have to wait for memory then.

    If not, it is computed for each minibatch, and no training waits. What counts is multiplications: three times those
    of a layer that learns, for forward pass and two gradients, and once those of a constant one.
    """
    products = network.num_products()
    constant, learning = sum(products[:layers]), 3 * sum(products[layers:])
    at_a_time = memory.at_a_time(num_bytes)
    return at_a_time > 0 and learning / at_a_time <= (learning + constant) / memory.trainings
