"""Training: one loop over frames in random order, early stopping on dev accuracy, a checkpoint after each epoch."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from asrser_io.files import Failure
from asrser_nn.data.corpus import Corpus
from asrser_nn.network.convnet import ConvLayer, ConvNet, log_posteriors
from asrser_nn.network.device import precision_context
from asrser_nn.runs import Method

PAST_START = 1e7  # steps: decay^1e7 is nothing


@dataclass
class Data:
    """What is trained on, and what early stopping looks at; the rows may be the output of some constant layers."""

    train: Corpus
    dev: Corpus
    class_names: list[str]


@dataclass
class Progress:
    """What a checkpoint holds beside the network and the optimiser: enough to continue as if never interrupted."""

    epoch: int = 0  # epochs done; the output-only epoch of a transfer is epoch 0
    best_epoch: int = 0
    best_accuracy: float = -1.0  # per cent of the dev frames
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    constant: list[str] = field(default_factory=list)  # checksums of the constant layers, from before the training

    def finished(self, max_epochs: int, patience: int) -> bool:
        return self.epoch >= max_epochs or self.epoch - self.best_epoch >= patience


class Display:
    """What a training shows while it runs. This one shows nothing."""

    def start_epoch(self, epoch: int, num_steps: int) -> None: ...

    def step(self, num_frames: int, total_loss: Tensor, steps_done: int) -> None: ...

    def end_epoch(self, record: dict[str, Any]) -> None: ...


@dataclass
class Learner:
    """A network whose layers after `constant_layers` learn by a method, and where that is shown."""

    network: ConvNet
    optimiser: torch.optim.Optimizer
    constant_layers: int
    method: Method
    display: Display


def epoch_seed(seed: int, epoch: int) -> int:
    """All that is random in an epoch follows from the seed and the epoch's number, so a resumed run needs no more."""
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1)[0])


def make_optimiser(network: ConvNet, constant_layers: int, method: Method) -> torch.optim.Optimizer:
    """RMSProp over the layers after `constant_layers`; to the gradient of a convolution's weights w, l2·w is added."""
    decayed: list[Tensor] = []
    plain: list[Tensor] = []
    for layer in network.layers[constant_layers:]:
        for name, parameter in layer.named_parameters():
            (decayed if isinstance(layer, ConvLayer) and name == "conv.weight" else plain).append(parameter)
    groups: list[dict[str, Any]] = [{"params": plain}]
    if decayed:
        groups.append({"params": decayed, "weight_decay": method.l2})
    # Adam without momentum is RMSProp, but for a correction of the first steps: it is told that they are long past.
    # On a CPU its fused step takes half the time of torch.optim.RMSprop.
    optimiser = torch.optim.Adam(
        groups, lr=method.learning_rate, betas=(0.0, method.rmsprop_decay), eps=method.rmsprop_epsilon, fused=True
    )
    for weights in plain + decayed:
        optimiser.state[weights] = {
            "step": torch.tensor(PAST_START, device=weights.device),
            "exp_avg": torch.zeros_like(weights),
            "exp_avg_sq": torch.zeros_like(weights),
        }
    return optimiser


def train_epoch(learner: Learner, corpus: Corpus, seed: int) -> tuple[float, float]:
    """One pass over the frames in random order; the last, partial minibatch is dropped.

    Returns the mean loss (nats per frame) and the frame accuracy (per cent) of the pass. Nothing in the loop waits for
    the device: both are summed there.
    """
    network, constant_layers, optimiser = learner.network, learner.constant_layers, learner.optimiser
    batch_size, precision = learner.method.batch_size, learner.method.precision
    device = corpus.rows.device
    network.eval()
    for layer in network.layers[constant_layers:]:
        layer.train()
    network.seed_dropout(seed)
    # Drawn on the CPU: the same on every device
    order = torch.randperm(corpus.num_frames, generator=torch.Generator().manual_seed(seed)).to(device)
    num_steps = len(order) // batch_size
    total_loss = torch.zeros((), device=device)
    num_correct = torch.zeros((), dtype=torch.int64, device=device)
    for step in range(num_steps):
        frames = order[step * batch_size : (step + 1) * batch_size]  # (256,)
        labels = corpus.labels[frames]  # (256,)
        with precision_context(device, precision):
            logits = network(corpus.inputs(frames), constant_layers)  # (256, 144)
            loss = F.cross_entropy(logits, labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            total_loss += loss
            num_correct += (logits.argmax(1) == labels).sum()
        learner.display.step(batch_size, total_loss, step + 1)
    mean_loss = total_loss.item() / num_steps
    if not math.isfinite(mean_loss):
        raise Failure("the training diverged (its loss is no number any more): try a smaller --learning-rate")
    return mean_loss, 100 * num_correct.item() / (num_steps * batch_size)


def dev_scores(network: ConvNet, corpus: Corpus, constant_layers: int, precision: str) -> tuple[float, float]:
    """Mean loss (nats per frame) and frame accuracy (per cent), in inference mode."""
    loss = torch.zeros((), device=corpus.rows.device)
    num_correct = torch.zeros((), dtype=torch.int64, device=corpus.rows.device)
    with precision_context(corpus.rows.device, precision):
        for frames, scores in log_posteriors(network, corpus, constant_layers):
            labels = corpus.labels[frames]
            loss += F.nll_loss(scores, labels, reduction="sum")
            num_correct += (scores.argmax(1) == labels).sum()
    return loss.item() / corpus.num_frames, 100 * num_correct.item() / corpus.num_frames


def run_epoch(learner: Learner, data: Data, epoch: int) -> dict[str, Any]:
    """Train for one epoch and look at dev; returns the epoch's line of history.json."""
    method = learner.method
    learner.display.start_epoch(epoch, data.train.num_frames // method.batch_size)
    begin = time.monotonic()
    loss, accuracy = train_epoch(learner, data.train, epoch_seed(method.seed, epoch))
    seconds = time.monotonic() - begin
    dev_loss, dev_accuracy = dev_scores(learner.network, data.dev, learner.constant_layers, method.precision)
    record = {
        "epoch": epoch,
        "train_loss": loss,
        "train_accuracy": accuracy,
        "dev_loss": dev_loss,
        "dev_accuracy": dev_accuracy,
        "seconds": round(seconds, 3),
        "frames_per_second": round(data.train.num_frames / seconds),
    }
    learner.display.end_epoch(record)
    return record


def fit(learner: Learner, data: Data, progress: Progress, save_checkpoint: Callable[[], None]) -> None:
    """Train until the dev accuracy has not improved for `patience` epochs; `progress` then holds the best weights.

    data: corpora whose rows are the output of the learner's constant layers, on the network's device
    """
    while not progress.finished(learner.method.max_epochs, learner.method.patience):
        epoch = progress.epoch + 1
        record = run_epoch(learner, data, epoch)
        progress.epoch = epoch
        if record["dev_accuracy"] > progress.best_accuracy:
            progress.best_epoch, progress.best_accuracy = epoch, record["dev_accuracy"]
            weights = learner.network.state_dict()
            progress.best_weights = {name: value.detach().clone() for name, value in weights.items()}
        progress.history.append(record)
        save_checkpoint()
