"""A training from data on disk to a directory that holds its network, or to one for each of its tasks."""

import io
import json
import platform
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from asrser_io.files import Failure, described, replacing, write_text
from asrser_nn.data.corpus import Corpus, check_labels, load_corpus, mean_and_stddev
from asrser_nn.network.constant_layers import hold_constant
from asrser_nn.network.convnet import ConvNet
from asrser_nn.network.device import free_memory
from asrser_nn.network.model import Model, code_commit, load, load_model, save, save_model
from asrser_nn.network.shape import MOST_UNITS
from asrser_nn.network.sharing import share_layers
from asrser_nn.runs import Sources, Training, Transfer, check_together
from asrser_nn.training.claims import working_in
from asrser_nn.training.directory import CHECKPOINT, MARK, config, config_text, is_complete
from asrser_nn.training.loop import Data, Display, Learner, Progress, fit, make_optimiser, run_epoch
from asrser_nn.training.origin import Origin, check_origin, origin_of, source_network
from asrser_nn.training.transfer import (
    CacheMemory,
    checksums,
    copy_layers,
    draw_seed,
    fit_statistics,
    output_bytes,
    worth_keeping,
)

TRAINING_BYTES = 2 * 2**30  # a training at the paper's size takes 1.2 GiB (bench/training_memory.py)


@dataclass(frozen=True)
class Computing:
    """How to compute: a device, memory for the output of constant layers, which trainings share, and who reads corpora.

    No result depends on it, but for the rounding of another device.
    """

    device: torch.device
    memory: CacheMemory
    load: Callable[[str, str, int, float], Corpus] = load_corpus


def load_data(sources: Sources, context: int, num_classes: int, load: Callable[..., Corpus] = load_corpus) -> Data:
    """Training and dev corpus and the names of the classes, all checked against each other.

    num_classes: 0 means as many as there are names, or as the training labels need
    load: reads a corpus
    """
    train = load(sources.train_feats, sources.train_labels, context, sources.max_lost)
    dev = load(sources.dev_feats, sources.dev_labels, context, sources.max_lost)
    if train.rows.shape[1] != dev.rows.shape[1]:
        raise Failure(
            f"{sources.train_feats} has {train.rows.shape[1]} coefficients per frame, "
            f"but {sources.dev_feats} has {dev.rows.shape[1]}"
        )
    if both := sorted(set(train.utterances) & set(dev.utterances)):
        raise Failure(
            f"{len(both)} utterances are in {sources.train_feats} and in {sources.dev_feats}, as {both[0]}: dev is "
            "speech that is not trained on; take them out of one of the two"
        )
    names = list(sources.class_names)
    num_classes = num_classes or len(names) or min(int(train.labels.max()) + 1, MOST_UNITS)
    check_labels(train, num_classes, sources.train_labels)
    check_labels(dev, num_classes, sources.dev_labels)
    return Data(train, dev, names or [str(i) for i in range(num_classes)])


def share_of_threads(threads: int, together: int) -> int:
    """CPU threads for each of some trainings at the same time. threads: for all of them; 0: as many as torch takes"""
    return max(1, (threads or torch.get_num_threads()) // together)


def trainings_at_once(device: torch.device, threads: int) -> int:
    """How many trainings to run at the same time: one a thread, as far as memory goes.

    One thread each is more than several for one: the threads of one training wait for each other at each of its many
    small operations.
    """
    memory = min(free_memory(device), free_memory(torch.device("cpu")))
    return max(1, min(threads or torch.get_num_threads(), 8, memory // TRAINING_BYTES))


def cache_memory(gibibytes: float | None, device: torch.device, together: int) -> CacheMemory:
    """For the output of the constant layers of all trainings; None: what is free beside so many at the same time."""
    if gibibytes is None:
        return CacheMemory(max(0, free_memory(device) - together * TRAINING_BYTES), together)
    return CacheMemory(int(gibibytes * 2**30), together)


@dataclass
class Part:
    """One task of a training: where its network is left, how it is made and from what."""

    directory: Path
    training: Training
    data: Data  # on the CPU; its rows are normalised in place

    @property
    def task(self) -> str:
        """Its name, where several tasks learn together."""
        return self.directory.name if self.training.sharing else ""


def train_run(directory: Path, trainings: dict[Path, Training], how: Computing, display: Display) -> list[Model]:
    """Make a training that is not complete; returns its networks, from their directories if it is.

    trainings: of each directory that gets a network; one of them, which is `directory`, or several that share layers
    """
    complete = [is_complete(part, training, directory / CHECKPOINT) for part, training in trainings.items()]
    parts = []
    for place, training in trainings.items():
        data = load_data(training.sources, training.shape.context, training.shape.num_classes, how.load)
        parts.append(Part(place, training, data))
    if not all(complete):
        return train_together(directory, parts, how, display)
    models = [load_model(part.directory) for part in parts]
    for part, model in zip(parts, models, strict=True):
        check_origin(part.directory, model.about.get("data"), origin_of(part.data, part.training))
    print(f"asrser_nn: {directory} is complete: nothing to do", file=sys.stderr)
    return models


def outcome(directory: Path, model: Model) -> str:
    """A training in a line."""
    error, epoch, epochs = 100 - model.about["dev_accuracy"], model.about["best_epoch"], model.about["epochs"]
    return f"{directory}: dev frame error {error:.2f} % after epoch {epoch} of {epochs}"


def train_network(directory: Path, training: Training, data: Data, how: Computing, display: Display) -> Model:
    """Train a network on raw filterbanks and leave it in `directory`; continues from a checkpoint if one is there."""
    return train_together(directory, [Part(directory, training, data)], how, display)[0]


def make_network(part: Part) -> ConvNet:
    """Untrained, but with the layers that are to be transferred."""
    training, data = part.training, part.data
    if data.train.num_frames < training.method.batch_size:
        raise Failure(
            f"{training.sources.train_feats}: {data.train.num_frames} frames, fewer than a minibatch of "
            f"{training.method.batch_size}; give a smaller --batch-size"
        )
    shape = replace(training.shape, num_coefficients=data.train.rows.shape[1], num_classes=len(data.class_names))
    network = ConvNet(shape, training.dropout, training.method.seed)
    if source := source_network(training.transfer):
        copy_layers(source, network)
    elif (drawn := seed_of_random_layers(training)) is not None:
        copy_layers(ConvNet(shape, training.dropout, drawn), network)
    return network


def seed_of_random_layers(training: Training) -> int | None:
    """None where layers come from a network, or none are transferred."""
    draw = training.transfer.draw if training.transfer else None
    return None if draw is None else draw_seed(training.method.seed, draw)


def share(parts: list[Part], networks: list[ConvNet]) -> None:
    """Let tasks that learn together have their first layers in common."""
    widths = [network.shape.num_coefficients for network in networks]
    if len(set(widths)) > 1:
        named = ", ".join(f"{width} in {part.task}" for part, width in zip(parts, widths, strict=True))
        raise Failure(f"the tasks have other numbers of coefficients per frame: {named}")
    if sharing := parts[0].training.sharing:
        share_layers(networks, sharing.shared_layers, sharing.batchnorm == "shared")


def normalise(parts: list[Part], networks: list[ConvNet]) -> None:
    """By the training set of each task, or by all of them where the tasks share that too; the rows in place."""
    sharing = parts[0].training.sharing
    together = sharing is not None and sharing.normalisation == "shared"
    for part, network in zip(parts, networks, strict=True):
        corpora = [other.data.train for other in (parts if together else [part])]
        network.mean, network.stddev = mean_and_stddev(*corpora)
    for part, network in zip(parts, networks, strict=True):
        for corpus in (part.data.train, part.data.dev):
            network.normalise(corpus.rows)


def train_together(directory: Path, parts: list[Part], how: Computing, display: Display) -> list[Model]:
    """Train a network for each part, all at once where they are several; continues from a checkpoint in `directory`."""
    check_method(parts)
    networks = [make_network(part) for part in parts]
    share(parts, networks)
    label_counts = [
        torch.bincount(part.data.train.labels, minlength=network.shape.num_classes)
        for part, network in zip(parts, networks, strict=True)
    ]
    transfer = parts[0].training.transfer
    constant_layers = transfer.constant_layers if transfer else 0
    origins = [origin_of(part.data, part.training) for part in parts]
    normalise(parts, networks)
    learners, data = [], []
    for part, network in zip(parts, networks, strict=True):
        network.to(how.device)
        data.append(replace(part.data, train=part.data.train.to(how.device), dev=part.data.dev.to(how.device)))
        if transfer and transfer.is_fitted:
            method, drawn = part.training.method, seed_of_random_layers(part.training)
            fit_statistics(network, data[-1].train, method.batch_size, method.seed if drawn is None else drawn)
    before = checksums(networks[0], constant_layers)
    for part, network, origin in zip(parts, networks, origins, strict=True):
        method, sharing = part.training.method, part.training.sharing
        learner = Learner(network, make_optimiser(network, constant_layers, method), constant_layers, method, display)
        if sharing:
            learner = replace(learner, task=part.task, passes=sharing.passes, baseline=origin.get("baseline") or 1.0)
        learners.append(learner)
    progress = load_checkpoint(directory / CHECKPOINT, parts, learners, origins) or Progress(constant=before)

    def save_checkpoint() -> None:
        last = progress.history[-1]
        accuracies = " and ".join(f"{record['dev_accuracy']:.1f}" for record in last)
        claim.say(f"epoch {last[0]['epoch']}, dev {accuracies} %")
        state = {
            "data": origins,
            "progress": vars(progress),
            "weights": [network.state_dict() for network in networks],
            "optimiser": [learner.optimiser.state_dict() for learner in learners],
        }
        save(directory / CHECKPOINT, state)

    with working_in(directory) as claim:  # the first thing that is made, now that all is known to fit
        for part in parts:
            part.directory.mkdir(exist_ok=True)
            write_text(part.directory / "config", config_text(part.training))
            (part.directory / MARK).unlink(missing_ok=True)  # of a network that is no longer there
        if transfer:
            learn_transfer(learners[0], data[0], how.memory, progress, save_checkpoint)
        else:
            fit(learners, data, progress, save_checkpoint)
        claim.say("trained")
        models = []
        for k, (part, network) in enumerate(zip(parts, networks, strict=True)):
            network.load_state_dict(progress.best_weights[k])
            history = [records[k] for records in progress.history]
            best = next(record for record in history if record["epoch"] == progress.best_epoch)
            about: dict[str, Any] = {
                "commit": code_commit(),
                "torch": str(torch.__version__),
                "device": torch.cuda.get_device_name(how.device) if how.device.type == "cuda" else platform.machine(),
                "data": origins[k],
                "epochs": progress.epoch,
                "best_epoch": progress.best_epoch,
                "dev_accuracy": best["dev_accuracy"],
            }
            if transfer:
                about["transfer"] = compare_constant_layers(
                    transfer, progress.constant or before, checksums(network, constant_layers)
                )
            model = Model(network, part.data.class_names, label_counts[k], config(part.training), about)
            leave(part.directory, model, history)
            models.append(model)
        (directory / CHECKPOINT).unlink(missing_ok=True)
    return models


def check_method(parts: list[Part]) -> None:
    """One without sharing, or several that may share."""
    if len(parts) > 1 or parts[0].training.sharing:
        check_together({part.task: part.training for part in parts})


def leave(directory: Path, model: Model, history: list[dict[str, Any]]) -> None:
    """What a training leaves of a task, the network last."""
    if "transfer" in model.about:
        write_text(directory / "transfer.json", json.dumps(model.about["transfer"], indent=1) + "\n")
    write_text(directory / "history.json", json.dumps(history, indent=1) + "\n")
    draw_learning_curve(directory / "learning_curve.png", history)
    save_model(directory / "final.pt", model)


def load_checkpoint(
    path: Path, parts: list[Part], learners: list[Learner], origins: list[Origin]
) -> Progress | None:
    """Put networks and optimisers back to where a killed training was; None if there is none.

    origins: what is to be trained on now
    """
    if not path.exists():
        return None
    try:
        checkpoint = load(path, learners[0].network.mean.device)
    except Failure as error:
        raise Failure(f"{error}; remove it to start afresh") from error
    theirs = checkpoint.get("data")
    for k, (part, origin) in enumerate(zip(parts, origins, strict=True)):
        check_origin(part.directory, theirs[k] if isinstance(theirs, list) and k < len(theirs) else None, origin)
    try:
        progress = Progress(**checkpoint["progress"])
        for learner, weights, state in zip(learners, checkpoint["weights"], checkpoint["optimiser"], strict=True):
            learner.network.load_state_dict(weights)
            learner.optimiser.load_state_dict(state)
    except Exception as error:
        raise Failure(f"{path}: a damaged checkpoint ({described(error)}); remove it to start afresh") from error
    print(f"asrser_nn: {path.parent}: continues after epoch {progress.epoch}", file=sys.stderr)
    return progress


def learn_transfer(
    learner: Learner, data: Data, memory: CacheMemory, progress: Progress, save_checkpoint: Callable[[], None]
) -> None:
    """As fit, behind constant layers; the output layer learns alone in the first epoch if others are to learn too.

    The output of layers that do not change is computed once where memory and other trainings allow it. That depends on
    no moment: a training that finds the memory taken waits, so it ends with the same network whatever else runs.
    """
    network, constant_layers = learner.network, learner.constant_layers
    corpora = [data.train, data.dev]
    copied = network.shape.num_layers - 1
    output_first = constant_layers < copied and not progress.history
    num_bytes = output_bytes(network, corpora, constant_layers)
    once = worth_keeping(network, constant_layers, num_bytes, memory)
    num_bytes *= once
    with_output = num_bytes + output_bytes(network, corpora, copied)
    output_once = output_first and memory.at_a_time(with_output) == memory.at_a_time(num_bytes)
    with memory.take(with_output if output_once else num_bytes):
        data = behind_layers(network, data, 0, constant_layers, once)
        if output_first:
            progress.history.append([train_output_only(learner, data, output_once)])
            save_checkpoint()
        fit([learner], [data], progress, save_checkpoint)


def behind_layers(network: ConvNet, data: Data, first: int, last: int, once: bool) -> Data:
    """Both corpora as hold_constant gives them."""
    train, dev = (hold_constant(network, corpus, first, last, once) for corpus in (data.train, data.dev))
    return replace(data, train=train, dev=dev)


def train_output_only(learner: Learner, data: Data, once: bool) -> dict[str, Any]:
    """The first epoch of a transfer: the new output layer alone, so that its noise does not spoil the copied layers.

    Epoch 0: it counts as none for early stopping. The optimiser is its own.
    once: compute the output of the copied layers beforehand
    """
    network, method = learner.network, learner.method
    copied = network.shape.num_layers - 1
    alone = replace(learner, optimiser=make_optimiser(network, copied, method), constant_layers=copied)
    return run_epoch([alone], [behind_layers(network, data, learner.constant_layers, copied, once)], 0)[0]


def compare_constant_layers(transfer: Transfer, before: list[str], after: list[str]) -> dict[str, Any]:
    """The proof, layer by layer, that what was to be constant was; a difference is a fault of this program."""
    changed = [layer for layer, sums in enumerate(zip(before, after, strict=True), 1) if sums[0] != sums[1]]
    if changed:
        raise Failure(f"layers {changed} were to be held constant and have changed: a fault of this program")
    return {
        "from": transfer.source,
        "constant_layers": transfer.constant_layers,
        "statistics": "fitted" if transfer.is_fitted else "copied",
        "sha256_before": before,
        "sha256_after": after,
    }


drawing = threading.Lock()  # matplotlib promises nothing about threads


def draw_learning_curve(path: Path, history: list[dict[str, Any]]) -> None:
    """Frame accuracy on train and dev after each epoch, as PNG."""
    from matplotlib.figure import Figure  # slow to import
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    epochs = [record["epoch"] for record in history]
    axes.plot(epochs, [record["train_accuracy"] for record in history], "o--", label="train (with dropout)")
    axes.plot(epochs, [record["dev_accuracy"] for record in history], "s-", label="dev")
    axes.set_xlabel("epoch")
    axes.set_ylabel("frame accuracy (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    buffer = io.BytesIO()
    with drawing:
        figure.savefig(buffer, format="png", dpi=120)
    with replacing(path) as file:
        file.write(buffer.getbuffer())
