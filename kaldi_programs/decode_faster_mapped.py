"""Find the best path of each utterance through a decoding graph, reading log-likelihoods of pdfs.

Of the model only the transition model is read, which says which pdf each transition-id of the graph has.
"""

from asrser_io.files import Failure
from asrser_io.tables import read_table
from kaldi_programs.common.decoding import DECODING_OPTIONS, decode_utterances
from kaldi_programs.common.hmm import read_transition_model
from kaldi_programs.common.program import Option, program


@program(
    "decode-faster-mapped [options] <model> <graph> <loglikes-rspecifier> <words-wspecifier> [<alignments-wspecifier>]",
    *DECODING_OPTIONS,
    Option("binary", True, "has no effect, as in Kaldi: the wspecifiers say binary or text"),
    arguments=(4, 5),
)
def main(options, model, graph, loglikes_rspecifier, words_wspecifier, alignments_wspecifier=""):
    if options.min_active >= options.max_active:
        raise Failure(f"--min-active={options.min_active} is not less than --max-active={options.max_active}")
    transition_model = read_transition_model(model)

    def utterances():
        for key, loglikes in read_table(loglikes_rspecifier, "matrix"):
            if len(loglikes) and loglikes.shape[1] != transition_model.num_pdfs:
                raise Failure(
                    f"{key} in {loglikes_rspecifier}: {loglikes.shape[1]} columns, but {model} has "
                    f"{transition_model.num_pdfs} pdfs; were the scores made with another model?"
                )
            yield key, loglikes

    return decode_utterances(
        options, model, transition_model, graph, utterances(), words_wspecifier, alignments_wspecifier
    )
