"""Training: one loop over frames in random order, early stopping on dev accuracy, a checkpoint after each epoch.

One task or several, which take turns: then each has a learner and data of its own, and their networks share layers.
"""

import math
import time
from collections.abc import Callable, Sequence
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
    best_accuracy: float = -1.0  # as mean_accuracy has it
    best_weights: list[dict[str, Tensor]] = field(default_factory=list)  # of each task's network
    history: list[list[dict[str, Any]]] = field(default_factory=list)  # for each epoch a record of each task
    constant: list[str] = field(default_factory=list)  # checksums of the constant layers, from before the training

    def finished(self, max_epochs: int, patience: int) -> bool:
        return self.epoch >= max_epochs or self.epoch - self.best_epoch >= patience


class Display:
    """What a training shows while it runs. This one shows nothing. An epoch ends once for each task."""

    def start_epoch(self, epoch: int, num_steps: int) -> None: ...

    def step(self, num_frames: int, total_loss: Tensor, steps_done: int) -> None: ...

    def end_epoch(self, record: dict[str, Any]) -> None: ...


@dataclass
class Learner:
    """A network whose layers after `constant_layers` learn a task by a method, and where that is shown.

    Learners of several tasks may have layers in common. Each has an optimiser of its own all the same: what RMSProp
    divides by is the gradient of one task, and its learning rate is that task's.
    """

    network: ConvNet
    optimiser: torch.optim.Optimizer
    constant_layers: int
    method: Method
    display: Display
    task: str = ""  # its name, where there are several
    passes: float = 1.0  # over the task's frames in an epoch
    baseline: float = 1.0  # the dev accuracy that this one's is divided by, where there are several

    def num_steps(self, corpus: Corpus) -> int:
        """Minibatches in an epoch."""
        return max(1, round(self.passes * (corpus.num_frames // self.method.batch_size)))


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


class Epoch:
    """The minibatches of one task in an epoch, in random order; a last, partial one is dropped.

    Loss and right answers are summed on the device: nothing here waits for it.
    """

    def __init__(self, learner: Learner, corpus: Corpus, seed: int):
        self.learner, self.corpus = learner, corpus
        self.batch_size = learner.method.batch_size
        device = corpus.rows.device
        whole = corpus.num_frames // self.batch_size
        self.num_steps = learner.num_steps(corpus)
        generator = torch.Generator().manual_seed(seed)  # drawn on the CPU: the same on every device
        passes = [torch.randperm(corpus.num_frames, generator=generator) for _ in range(-(-self.num_steps // whole))]
        self.order = torch.cat([order[: whole * self.batch_size] for order in passes]).to(device)
        self.steps_done = 0
        self.total_loss = torch.zeros((), device=device)
        self.num_correct = torch.zeros((), dtype=torch.int64, device=device)
        network = learner.network
        network.eval()
        for layer in network.layers[learner.constant_layers :]:
            layer.train()
        network.seed_dropout(seed)

    def step(self) -> None:
        learner, corpus, device = self.learner, self.corpus, self.corpus.rows.device
        begin = self.steps_done * self.batch_size
        frames = self.order[begin : begin + self.batch_size]  # (256,)
        labels = corpus.labels[frames]  # (256,)
        with precision_context(device, learner.method.precision):
            logits = learner.network(corpus.inputs(frames), learner.constant_layers)  # (256, 144)
            loss = F.cross_entropy(logits, labels)
        learner.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        learner.optimiser.step()
        with torch.no_grad():
            self.total_loss += loss
            self.num_correct += (logits.argmax(1) == labels).sum()
        self.steps_done += 1

    def result(self) -> tuple[float, float]:
        """The mean loss (nats per frame) and the frame accuracy (per cent)."""
        mean_loss = self.total_loss.item() / self.steps_done
        if not math.isfinite(mean_loss):
            raise Failure("the training diverged (its loss is no number any more): try a smaller --learning-rate")
        return mean_loss, 100 * self.num_correct.item() / (self.steps_done * self.batch_size)


def turns(steps: Sequence[int]) -> list[int]:
    """Whose turn it is at each step, where each has so many of them: all spread evenly from the first to the last."""
    moments = [((step + 0.5) / number, task) for task, number in enumerate(steps) for step in range(number)]
    return [task for _, task in sorted(moments)]


def train_epoch(learners: Sequence[Learner], corpora: Sequence[Corpus], seed: int) -> list[tuple[float, float]]:
    """A pass over the frames of every task in random order, minibatches of the tasks taking turns.

    Returns for each task the mean loss (nats per frame) and the frame accuracy (per cent) of the pass.
    """
    # The same seed for all: the order of each task's frames is what it would be without the others.
    epochs = [Epoch(learner, corpus, seed) for learner, corpus in zip(learners, corpora, strict=True)]
    display = learners[0].display
    for number, task in enumerate(turns([epoch.num_steps for epoch in epochs]), 1):
        epochs[task].step()
        total_loss = sum((epoch.total_loss for epoch in epochs[1:]), epochs[0].total_loss)
        display.step(epochs[task].batch_size, total_loss, number)
    return [epoch.result() for epoch in epochs]


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


def run_epoch(learners: Sequence[Learner], data: Sequence[Data], epoch: int) -> list[dict[str, Any]]:
    """Train for one epoch and look at dev; returns the epoch's line in history.json for each task."""
    corpora = [task.train for task in data]
    num_steps = sum(learner.num_steps(corpus) for learner, corpus in zip(learners, corpora, strict=True))
    learners[0].display.start_epoch(epoch, num_steps)
    begin = time.monotonic()
    results = train_epoch(learners, corpora, epoch_seed(learners[0].method.seed, epoch))
    seconds = time.monotonic() - begin
    num_frames = sum(learner.passes * corpus.num_frames for learner, corpus in zip(learners, corpora, strict=True))
    records = []
    for learner, task, (loss, accuracy) in zip(learners, data, results, strict=True):
        constant_layers, precision = learner.constant_layers, learner.method.precision
        dev_loss, dev_accuracy = dev_scores(learner.network, task.dev, constant_layers, precision)
        record = {
            "epoch": epoch,
            "train_loss": loss,
            "train_accuracy": accuracy,
            "dev_loss": dev_loss,
            "dev_accuracy": dev_accuracy,
            "seconds": round(seconds, 3),  # of all tasks
            "frames_per_second": round(num_frames / seconds),
        }
        records.append(record | ({"task": learner.task} if learner.task else {}))
        learner.display.end_epoch(records[-1])
    return records


def mean_accuracy(learners: Sequence[Learner], records: Sequence[dict[str, Any]]) -> float:
    """What early stopping looks at: of one task the dev accuracy in per cent, of several the mean of their shares."""
    shares = [record["dev_accuracy"] / learner.baseline for learner, record in zip(learners, records, strict=True)]
    return sum(shares) / len(shares)


def fit(
    learners: Sequence[Learner], data: Sequence[Data], progress: Progress, save_checkpoint: Callable[[], None]
) -> None:
    """Train until the dev accuracy has not improved for `patience` epochs; `progress` then holds the best weights.

    Several tasks go on as long as any of their methods would.
    data: of each learner; corpora whose rows are the output of the learner's constant layers, on the network's device
    """
    max_epochs, patience = (
        max(getattr(learner.method, name) for learner in learners) for name in ("max_epochs", "patience")
    )
    while not progress.finished(max_epochs, patience):
        epoch = progress.epoch + 1
        records = run_epoch(learners, data, epoch)
        progress.epoch = epoch
        accuracy = mean_accuracy(learners, records)
        if accuracy > progress.best_accuracy:
            progress.best_epoch, progress.best_accuracy = epoch, accuracy
            weights = [learner.network.state_dict() for learner in learners]
            progress.best_weights = [{name: value.detach().clone() for name, value in w.items()} for w in weights]
        progress.history.append(records)
        save_checkpoint()
