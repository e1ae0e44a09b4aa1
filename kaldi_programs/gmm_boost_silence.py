"""Multiply the likelihoods of some phones, usually silence, by a factor, through the weights of their Gaussians."""

import numpy as np

from asrser_io.files import Failure
from kaldi_programs.common.gmm import read_model, write_model
from kaldi_programs.common.program import Option, log, program, warn


@program(
    "gmm-boost-silence [options] <phones, as in 1:2:3> <model-in> <model-out>",
    Option("binary", True, "write binary, not text"),
    Option("boost", 1.5, "the factor", "> 0"),
    arguments=3,
)
def main(options, phones, model_in, model_out):
    if not phones:
        warn("gmm-boost-silence: no silence phones specified, doing nothing.")
    try:
        boosted_phones = [int(phone) for phone in phones.split(":")] if phones else []
    except ValueError:
        raise Failure(f"expected phone ids as in 1:2:3, found {phones!r}") from None
    transitions, gmms = read_model(model_in)
    unknown = set(boosted_phones) - set(transitions.topology.phones)
    if unknown:
        raise Failure(f"phone {min(unknown)} is not in the model {model_in}")
    pdfs, theirs_only = transitions.pdfs_of_phones(boosted_phones)
    if not theirs_only:
        warn("The pdfs for the silence phones may be shared by other phones (note: this probably does not matter.)")
    slices = gmms.slices()
    for pdf in pdfs.tolist():
        gmms.weights[slices[pdf]] *= np.float32(options.boost)
    gmms.compute_gconsts()
    log(f"Boosted weights for {len(pdfs)} pdfs, by factor of {options.boost:g}")
    write_model(model_out, transitions, gmms, options.binary)
    log(f"Wrote model to {model_out}")
