"""asrser_nn train, and what transfer shares with it."""

import sys
from pathlib import Path
from typing import Any

import click

from asrser_nn.commands.options import COMPUTE, DATA, FILES, MATCHING, METHOD, NETWORK, options
from asrser_nn.runs import Training


def run_training(given: dict[str, Any]) -> None:
    """What train and transfer share: from their options to a run directory."""
    directory = Path(given["dir"])
    run_trainings(directory, {directory: Training.of(given)}, given)


def run_trainings(directory: Path, trainings: dict[Path, Training], given: dict[str, Any]) -> None:
    """One training, or several that share layers, each with a directory for its network.

    given: options of how to compute
    """
    from asrser_nn.network.device import pick_device, set_threads
    from asrser_nn.training.display import make_display
    from asrser_nn.training.run import Computing, cache_memory, outcome, train_run

    device = pick_device(given["device"])
    set_threads(given["threads"])
    how = Computing(device, cache_memory(given.get("cache_gb"), device, 1))
    display = make_display(sys.stderr.isatty(), str(directory / "tensorboard") if given.get("tensorboard") else None)
    models = train_run(directory, trainings, how, display)
    for part, model in zip(trainings, models, strict=True):
        print(outcome(part, model))


@click.command()
@options(DATA, [click.argument("dir")], FILES, NETWORK, METHOD, MATCHING, COMPUTE)
def train(**given: Any) -> None:
    """Train a network on frames and their labels, from scratch; keep the one best on dev in DIR.

    DIR then holds final.pt (written last: complete), config, history.json, learning_curve.png. A training that was
    killed continues from its last epoch and ends with the same network; a complete one is left alone.

    \b
    asrser_nn train --config conf/paper/asr.conf data_fbank/asr/train 'ark:gunzip -c exp/ali/pdf.*.gz |' \\
                    data_fbank/asr/dev ark:exp/ali_dev/pdf.ark exp/asr
    """
    run_training(given)
