"""Copy a GMM-HMM model, to convert it between binary and text or to take its transition or acoustic part alone."""

from asrser_io.streams import open_object, open_output
from kaldi_programs.common.gmm import parse_am_diag_gmm
from kaldi_programs.common.hmm import parse_transition_model
from kaldi_programs.common.program import Option, log, program


@program(
    "gmm-copy [options] <model-in> <model-out>",
    Option("binary", True, "write binary, not text"),
    Option("copy-am", True, "read and write the acoustic part"),
    Option("copy-tm", True, "read and write the transition part"),
    arguments=2,
)
def main(options, model_in, model_out):
    with open_object(model_in) as (file, binary):
        transitions = parse_transition_model(file, binary) if options.copy_tm else None
        gmms = parse_am_diag_gmm(file, binary) if options.copy_am else None
    with open_output(model_out, options.binary) as file:
        for part in (transitions, gmms):
            if part:
                part.write(file, options.binary)
    log(f"Written model to {model_out}")
