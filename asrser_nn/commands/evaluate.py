"""asrser_nn evaluate"""

import json
from typing import Any

import click

from asrser_io.files import write_text
from asrser_nn.commands.options import COMPUTE, MATCHING, options


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
def evaluate(model: str, feats: str, labels: str, **given: Any) -> None:
    """Count the errors of MODEL on FEATS, whose frames have LABELS: on all frames, by class, averaged over classes.

    With --silence-class the same without silence, and for whole utterances. Chance and majority rates stand beside.
    """
    from asrser_nn.network.device import pick_device, set_threads
    from asrser_nn.network.model import load_model
    from asrser_nn.prediction.evaluate import evaluate_table, predictions_text, table

    set_threads(given["threads"])
    result = evaluate_table(
        load_model(model), feats, labels, given["max_lost"], given["silence_class"], given["utt2class"],
        pick_device(given["device"]), given["precision"],
    )  # fmt: skip
    print(table(result))
    if given["json_path"]:
        write_text(given["json_path"], json.dumps(result, indent=1) + "\n")
    if given["predictions"]:
        write_text(given["predictions"], predictions_text(result))
