"""Print how many phones, pdfs, transition ids and transition states a model has."""

from kaldi_programs.common.hmm import read_transition_model
from kaldi_programs.common.program import program


@program("hmm-info [options] <model>", arguments=1)
def main(options, model_in):
    print(read_transition_model(model_in).summary())
