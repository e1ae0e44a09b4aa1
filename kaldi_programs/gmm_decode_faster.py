"""Find the best path of each utterance through a decoding graph, with the likelihoods of a GMM-HMM."""

from asrser_io.tables import read_table
from kaldi_programs.common.decoding import DECODING_OPTIONS, decode_utterances
from kaldi_programs.common.gmm import read_model
from kaldi_programs.common.program import program


@program(
    "gmm-decode-faster [options] <model> <graph> <features-rspecifier> <words-wspecifier> [<alignments-wspecifier>]",
    *DECODING_OPTIONS,
    arguments=(4, 5),
)
def main(options, model_in, graph, features, words_wspecifier, alignments_wspecifier=""):
    transitions, gmms = read_model(model_in)
    utterances = (
        (key, gmms.pdf_log_likelihoods(gmms.check_dim(feats, key)) if len(feats) else feats)
        for key, feats in read_table(features, "matrix")
    )
    return decode_utterances(
        options, model_in, transitions, graph, utterances, words_wspecifier, alignments_wspecifier
    )
