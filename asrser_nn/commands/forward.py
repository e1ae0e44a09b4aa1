"""asrser_nn forward"""

import sys
from typing import Any

import click

from asrser_nn.commands.options import COMPUTE, options


@click.command()
@click.argument("model")
@click.argument("feats")
@click.argument("wspecifier")
@click.option("--pseudo-log-likelihoods", is_flag=True, help="divide by the priors: log p(class|x) - log p(class)")
@click.option(
    "--priors", help="Kaldi vector of label counts to take the priors from, instead of the model's; implies the above"
)
@click.option("--prior-floor", default=1.0, help="label counts below this are raised to it")
@options(COMPUTE)
def forward(model: str, feats: str, wspecifier: str, **given: Any) -> None:
    """Write log posteriors of the classes for each frame of FEATS (raw filterbanks), one matrix per utterance.

    \b
    asrser_nn forward --pseudo-log-likelihoods exp/asr data_fbank/asr/test ark:- | \\
      decode-faster-mapped --acoustic-scale=0.3 exp/mono/final.mdl exp/mono/graph/HCLG.fst ark:- ark,t:words.txt
    """
    from asrser_nn.network.device import pick_device, set_threads
    from asrser_nn.network.model import load_model
    from asrser_nn.prediction.forward import forward_table

    set_threads(given["threads"])
    done = forward_table(
        load_model(model),
        feats,
        wspecifier,
        pick_device(given["device"]),
        given["precision"],
        given["pseudo_log_likelihoods"],
        given["priors"],
        given["prior_floor"],
    )
    print(f"asrser_nn forward: {done} utterances", file=sys.stderr)
