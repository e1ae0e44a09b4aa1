"""Print the numbers of phones, pdfs, transition-ids and transition states of a model."""

from kaldi_programs.common.hmm import read_transition_model
from kaldi_programs.common.program import program
from kaldi_programs.hmm_info import summary


@program("am-info [options] <model>", arguments=1)
def main(options, model):
    print(summary(read_transition_model(model)))
