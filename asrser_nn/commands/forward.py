"""asrser_nn forward"""

import sys
from typing import Any

import click
from click.core import ParameterSource

from asrser_nn.commands.options import COMPUTE, Real, options


@click.command()
@click.argument("model")
@click.argument("feats")
@click.argument("wspecifier")
@click.option("--pseudo-log-likelihoods", is_flag=True, help="divide by the priors: log p(class|x) - log p(class)")
@click.option(
    "--priors", help="Kaldi vector of label counts to take the priors from, instead of the model's; implies the above"
)
@click.option(
    "--prior-floor", type=Real(0, min_open=True), default=1.0, help="label counts below this are raised to it"
)
@options(COMPUTE)
def forward(model: str, feats: str, wspecifier: str, **given: Any) -> None:
    """Write log posteriors of the classes for each frame of FEATS (raw filterbanks), one matrix per utterance.

    \b
    asrser_nn forward --pseudo-log-likelihoods exp/asr data_fbank/asr/test ark:- | \\
      decode-faster-mapped --acoustic-scale=0.3 exp/mono/final.mdl exp/mono/graph/HCLG.fst ark:- ark,t:words.txt
    """
    from asrser_nn.network.device import pick_device, set_threads
    from asrser_nn.network.model import load_model
    from asrser_nn.prediction.forward import forward_table, model_log_priors

    divide = given["pseudo_log_likelihoods"] or given["priors"]
    if click.get_current_context().get_parameter_source("prior_floor") is ParameterSource.COMMANDLINE and not divide:
        raise click.UsageError("--prior-floor needs --pseudo-log-likelihoods or --priors")
    set_threads(given["threads"])
    network = load_model(model)
    priors = model_log_priors(network, given["priors"], given["prior_floor"]) if divide else None
    done = forward_table(network, feats, wspecifier, pick_device(given["device"]), given["precision"], priors)
    print(f"asrser_nn forward: {done} utterances", file=sys.stderr)
