"""asrser_nn transfer"""

from typing import Any

import click

from asrser_nn.commands.options import CACHE, COMPUTE, DATA, FILES, MATCHING, METHOD, NETWORK, options
from asrser_nn.commands.train import run_training


@click.command()
@click.option(
    "--from", "source", required=True, metavar="MODEL|random[:NAME]",
    help="run directory or model file; random: no training; for each NAME other layers are drawn from the seed",
)  # fmt: skip
@click.option(
    "--constant-layers", required=True, type=click.IntRange(min=0), help="how many of the first layers stay as they are"
)
@click.option(
    "--statistics", type=click.Choice(["copied", "fitted"]), default="copied", show_default=True,
    help="BatchNorm statistics of MODEL's layers: its own, or those that the new training set has behind them",
)  # fmt: skip
@options([CACHE], DATA, [click.argument("dir")], FILES, NETWORK, METHOD, MATCHING, COMPUTE)
def transfer(**given: Any) -> None:
    """Train on copied layers: all but the output come from MODEL, the first --constant-layers of them held constant.

    The output layer is new. If copied layers are to be trained, the output layer alone is trained for one epoch first.
    Input is normalised by the new training set. DIR holds what `train` leaves, and transfer.json: checksums of every
    constant layer before and after. The network's sizes must be those of MODEL. Random layers have weights as those
    with which a training begins, and the BatchNorm statistics that the new training set has behind such layers.
    """
    run_training(given)
