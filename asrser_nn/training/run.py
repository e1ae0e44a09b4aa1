"""A training from data on disk to a directory that holds its network."""

import contextlib
import io
import json
import platform
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from asrser_io.files import Failure, replacing, write_text
from asrser_nn.data.corpus import Corpus, check_labels, load_corpus, mean_and_stddev
from asrser_nn.network.convnet import ConvNet, Shape
from asrser_nn.network.model import Model, code_commit, load, load_model, save, save_model
from asrser_nn.training.loop import Display, Method, Progress, fit, make_optimiser, run_epoch
from asrser_nn.training.transfer import (
    CacheMemory,
    checksums,
    copy_layers,
    free_memory,
    hold_constant,
    output_bytes,
    worth_keeping,
)

TRAINING_BYTES = 2 * 2**30  # a training at the paper's size takes 1.2 GiB (bench/training_memory.py)


@dataclass(frozen=True)
class Transfer:
    """Where layers come from (a model or 'random'), how many stay constant, and memory for the output of those."""

    source: str
    constant_layers: int
    memory: CacheMemory


def load_data(
    train_feats: str,
    train_labels: str,
    dev_feats: str,
    dev_labels: str,
    context: int,
    max_lost: float,
    num_classes: int,
    class_names: list[str],
    load: Callable[[str, str, int, float], Corpus] = load_corpus,
) -> tuple[Corpus, Corpus, list[str]]:
    """Training and dev corpus and the names of the classes, all checked against each other.

    num_classes: 0 means as many as there are names, or as the training labels need
    load: reads a corpus
    """
    train = load(train_feats, train_labels, context, max_lost)
    dev = load(dev_feats, dev_labels, context, max_lost)
    if train.rows.shape[1] != dev.rows.shape[1]:
        raise Failure(
            f"{train_feats} has {train.rows.shape[1]} coefficients per frame, but {dev_feats} has {dev.rows.shape[1]}"
        )
    if both := sorted(set(train.utterances) & set(dev.utterances)):
        raise Failure(f"{len(both)} utterances are in {train_feats} and in {dev_feats}, as {both[0]}")
    if num_classes and class_names and num_classes != len(class_names):
        raise Failure(f"--num-classes={num_classes}, but --class-names holds {len(class_names)} names")
    num_classes = num_classes or len(class_names) or int(train.labels.max()) + 1
    check_labels(train, num_classes, train_labels)
    check_labels(dev, num_classes, dev_labels)
    return train, dev, class_names or [str(i) for i in range(num_classes)]


def set_threads(threads: int) -> None:
    """0 leaves the choice to torch."""
    if threads:
        torch.set_num_threads(threads)


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


def own_stream(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """On a GPU, what one thread asks for runs beside what others ask for only in a stream of its own."""
    return torch.cuda.stream(torch.cuda.Stream(device)) if device.type == "cuda" else contextlib.nullcontext()


def pick_device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise Failure("--device cuda: torch finds no GPU here; use --device cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def train_run(
    directory: Path,
    config: dict[str, str],
    train: Corpus,
    dev: Corpus,
    shape: Shape,
    dropout: float,
    class_names: list[str],
    method: Method,
    device: torch.device,
    display: Display,
    transfer: Transfer | None = None,
) -> Model:
    """Train a network on raw filterbanks and leave it in `directory`; continues from a checkpoint if one is there.

    train, dev: on the CPU; their rows are normalised in place
    """
    label_counts = torch.bincount(train.labels, minlength=shape.num_classes)
    network = ConvNet(shape, dropout, method.seed)
    if transfer and transfer.source != "random":
        copy_layers(load_model(transfer.source).network, network)
    constant_layers = transfer.constant_layers if transfer else 0
    if constant_layers >= shape.num_layers:
        raise Failure(f"--constant-layers={constant_layers}: of {shape.num_layers} layers one must learn")
    before = checksums(network, constant_layers)
    network.mean, network.stddev = mean_and_stddev(train)
    network.normalise(train.rows)
    network.normalise(dev.rows)
    network, train, dev = network.to(device), train.to(device), dev.to(device)

    optimiser = make_optimiser(network, constant_layers, method)
    progress = load_checkpoint(directory / "checkpoint.pt", network, optimiser) or Progress()

    def save_checkpoint() -> None:
        state = {"progress": vars(progress), "weights": network.state_dict(), "optimiser": optimiser.state_dict()}
        save(directory / "checkpoint.pt", state)

    if transfer:
        learn_transfer(
            network, optimiser, train, dev, constant_layers, transfer.memory, method, progress, save_checkpoint, display
        )
    else:
        fit(network, optimiser, train, dev, 0, method, progress, save_checkpoint, display)

    network.load_state_dict(progress.best_weights)
    about: dict[str, Any] = {
        "commit": code_commit(),
        "torch": str(torch.__version__),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "train_utterances": len(train.utterances),
        "train_frames": train.num_frames,
        "dev_frames": dev.num_frames,
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "dev_accuracy": progress.best_accuracy,
    }
    if transfer:
        about["transfer"] = compare_constant_layers(transfer, before, checksums(network, constant_layers))
        write_text(directory / "transfer.json", json.dumps(about["transfer"], indent=1) + "\n")
    model = Model(network, class_names, label_counts, config, about)
    write_text(directory / "history.json", json.dumps(progress.history, indent=1) + "\n")
    draw_learning_curve(directory / "learning_curve.png", progress.history)
    save_model(directory / "final.pt", model)
    (directory / "checkpoint.pt").unlink(missing_ok=True)
    return model


def load_checkpoint(path: Path, network: ConvNet, optimiser: torch.optim.Optimizer) -> Progress | None:
    """Put network and optimiser back to where a killed training was; None if there is none."""
    if not path.exists():
        return None
    try:
        checkpoint = load(path, network.mean.device)
        progress = Progress(**checkpoint["progress"])
        network.load_state_dict(checkpoint["weights"])
        optimiser.load_state_dict(checkpoint["optimiser"])
    except Exception as error:
        raise Failure(f"{path}: this checkpoint cannot be read ({error}); remove it to start afresh") from error
    print(f"asrser_nn: {path.parent}: continues after epoch {progress.epoch}", file=sys.stderr)
    return progress


def learn_transfer(
    network: ConvNet,
    optimiser: torch.optim.Optimizer,
    train: Corpus,
    dev: Corpus,
    constant_layers: int,
    memory: CacheMemory,
    method: Method,
    progress: Progress,
    save_checkpoint: Callable[[], None],
    display: Display,
) -> None:
    """As fit, behind constant layers; the output layer learns alone in the first epoch if others are to learn too.

    The output of layers that do not change is computed once where memory and other trainings allow it. That depends on
    no moment: a training that finds the memory taken waits, so it ends with the same network whatever else runs.
    """
    copied = network.shape.num_layers - 1
    output_first = constant_layers < copied and not progress.history
    num_bytes = output_bytes(network, [train, dev], constant_layers)
    once = worth_keeping(network, constant_layers, num_bytes, memory)
    num_bytes *= once
    with_output = num_bytes + output_bytes(network, [train, dev], copied)
    output_once = output_first and memory.at_a_time(with_output) == memory.at_a_time(num_bytes)
    with memory.take(with_output if output_once else num_bytes):
        train, dev = (hold_constant(network, corpus, 0, constant_layers, once) for corpus in (train, dev))
        if output_first:
            record = train_output_only(network, train, dev, constant_layers, output_once, method, display)
            progress.history.append(record)
            save_checkpoint()
        fit(network, optimiser, train, dev, constant_layers, method, progress, save_checkpoint, display)


def train_output_only(
    network: ConvNet, train: Corpus, dev: Corpus, constant_layers: int, once: bool, method: Method, display: Display
) -> dict[str, Any]:
    """The first epoch of a transfer: the new output layer alone, so that its noise does not spoil the copied layers.

    Epoch 0: it counts as none for early stopping. The optimiser is its own.
    once: compute the output of the copied layers beforehand
    """
    copied = network.shape.num_layers - 1
    optimiser = make_optimiser(network, copied, method)
    train, dev = (hold_constant(network, corpus, constant_layers, copied, once) for corpus in (train, dev))
    return run_epoch(network, optimiser, train, dev, 0, copied, method, display)


def compare_constant_layers(transfer: Transfer, before: list[str], after: list[str]) -> dict[str, Any]:
    """The proof, layer by layer, that what was to be constant was; a difference is a fault of this program."""
    changed = [layer for layer, sums in enumerate(zip(before, after, strict=True), 1) if sums[0] != sums[1]]
    if changed:
        raise Failure(f"layers {changed} were to be held constant and have changed: a fault of this program")
    return {
        "from": transfer.source,
        "constant_layers": transfer.constant_layers,
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
