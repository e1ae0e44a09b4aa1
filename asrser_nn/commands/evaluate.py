"""asrser_nn evaluate"""

from typing import Any

import click

from asrser_nn.commands.options import COMPUTE, MATCHING, options
from asrser_nn.runs import Evaluation


@click.command()
@click.argument("model")
@click.argument("feats")
@click.argument("labels")
@click.option("--json", "json_path", metavar="OUT", help="the figures for programs, with every utterance")
@click.option("--predictions", metavar="OUT", help="a line per utterance, for sort")
@click.option(
    "--silence-class", help="decide on utterances too, by their frames outside this class, and on frames without it"
)
@click.option("--utt2class", metavar="FILE", help="lines '<utterance> <class>'; default: the class its frames have")
@options(MATCHING, COMPUTE)
def evaluate(model: str, **given: Any) -> None:
    """Count the errors of MODEL on FEATS, whose frames have LABELS: on all frames, by class, averaged over classes.

    With --silence-class the same without silence, and for whole utterances. Chance and majority rates stand beside.
    """
    from asrser_nn.network.device import pick_device, set_threads
    from asrser_nn.prediction.evaluate import evaluate_model, table

    set_threads(given["threads"])
    print(table(evaluate_model(model, Evaluation.of(given), pick_device(given["device"]))))
