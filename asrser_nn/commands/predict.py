"""asrser_nn predict"""

import os
import re
import sys
from pathlib import Path
from typing import Any

import click

from asrser_io.files import Failure
from asrser_nn.commands.options import COMPUTE, Real, options

TAKEN = ("error", "file", "note", "phone", "phones", "seconds", "warnings", "whole")  # in tables and JSON


@click.command()
@click.option("--asr", metavar="MODEL", help="run directory of a network of phone states, with its hmm.json")
@click.option("--ser", metavar="MODEL", help="run directory of a network of emotions, or of other classes")
@click.option(
    "--unit", metavar="WORD", help="what a class of --ser is; default: emotion, or of a hybrid the task, such as gender"
)
@click.option("--model", metavar="HYBRID", help="run directory of multitask, for both; shared layers are computed once")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout instead of a table")
@click.option("--ctm", metavar="FILE", help="the phones of all files in NIST's form")
@click.option("--textgrid", metavar="DIR|FILE", help="for Praat, tiers phones and emotion; *.TextGrid: one file")
@click.option("--plot", metavar="DIR|FILE", help="waveform, spectrogram, phones, emotions; *.png: one file")
@click.option("--window", default=0.5, type=Real(0, 3600), help="emotions are averaged over so many seconds")
@click.option("--silence-class", help="left out of the decision on a whole file; default: silence, if it is a class")
@click.option(
    "--acoustic-scale", type=Real(0, min_open=True), help="of the search for phones; default: the best one on dev"
)
@options(COMPUTE)
@click.argument("audio", nargs=-1, required=True)
def predict(
    audio: tuple[str, ...], as_json: bool, ctm: str | None, textgrid: str | None, plot: str | None, **given: Any
) -> None:
    """Phones with times (--asr), emotion over time (--ser), or both (--model) of AUDIO files: WAV, FLAC, OGG, any rate.

    The table holds start and end in seconds; lines 'whole' are the decision on a file. Stereo is mixed. The models need
    nothing of the recipe that made them.

    \b
    asrser_nn predict --asr exp/asr --ser exp/ser/fold_03 --plot pictures --textgrid pictures *.wav
    """
    from asrser_nn.network.device import pick_device, set_threads
    from asrser_nn.prediction.annotations import write_predictions
    from asrser_nn.prediction.predict import Predictor, networks_of_hybrid, why_apart

    hybrid = given["model"]
    if hybrid:
        if given["asr"] or given["ser"]:
            raise Failure("--model has networks for phones and for emotions; leave out --asr and --ser")
        given["asr"], given["ser"] = networks_of_hybrid(hybrid)
    if given["unit"] is None:
        task = Path(given["ser"]).name if hybrid else "ser"
        given["unit"] = "emotion" if task == "ser" else task
    if not re.fullmatch(r"[^\W\d_][\w-]*", given["unit"]) or given["unit"] in TAKEN:
        raise Failure(f"--unit={given['unit']}: a word such as emotion or gender, and none of {', '.join(TAKEN)}")
    if ctm and not given["asr"]:
        raise Failure("--ctm is for phones, which need --asr MODEL")
    set_threads(given["threads"])
    predictor = Predictor(
        given["asr"], given["ser"], pick_device(given["device"]), given["precision"],
        given["acoustic_scale"], given["window"], given["silence_class"], given["unit"],
    )  # fmt: skip
    if hybrid and not predictor.in_common:
        why = why_apart(given["asr"])
        print(f"asrser_nn: {hybrid}: its networks share nothing that could be computed once: {why}", file=sys.stderr)
    paths = list({os.path.abspath(path): Path(path) for path in audio}.values())  # each file once
    if write_predictions(predictor, paths, as_json, ctm, textgrid, plot):
        sys.exit(1)
