"""Print the numbers of phones, pdfs, transition-ids and transition states of a model."""

from kaldi_programs.common.hmm import read_transition_model
from kaldi_programs.common.program import program


@program("am-info [options] <model>", arguments=1)
def main(options, model):
    print(read_transition_model(model).summary())
