"""Print how many phones, pdfs, transitions and Gaussians a model has, and the dimension of its features."""

from kaldi_programs.common.gmm import read_model
from kaldi_programs.common.program import program


@program("gmm-info [options] <model>", arguments=1)
def main(options, model_in):
    transitions, gmms = read_model(model_in)
    print(transitions.summary())
    print(f"feature dimension {gmms.dim}")
    print(f"number of gaussians {gmms.num_gauss}")
