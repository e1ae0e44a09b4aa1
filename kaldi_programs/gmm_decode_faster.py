"""Find the best path of each utterance through a decoding graph, with the likelihoods of a GMM-HMM."""

import sys
import time

from kaldi_programs.decoding import BestPathDecoder
from kaldi_programs.fst import read_fst, read_symbol_table
from kaldi_programs.gmm import read_model
from kaldi_programs.program import Failure, Option, log, program, warn
from kaldi_programs.tables import TableWriter, read_table


@program(
    "gmm-decode-faster [options] <model> <graph> <features-rspecifier> <words-wspecifier> [<alignments-wspecifier>]",
    Option("acoustic-scale", 0.1, "scale of the log-likelihoods"),
    Option("allow-partial", True, "also output a best path that ends in no final state"),
    Option("beam", 16.0, "paths worse than the best by more than this are dropped"),
    Option("max-active", 2147483647, "most paths alive at a time"),
    Option("min-active", 20, "never drop paths below this number"),
    Option("beam-delta", 0.5, "slack by which the beam is widened when --max-active has tightened it"),
    Option("hash-ratio", 2.0, "size of the decoder's hash table, in active paths"),
    Option("word-symbol-table", "", "words and their numbers, to print what was recognised"),
    arguments=(4, 5),
)
def main(options, model_in, graph_in, features, words_wspecifier, alignments_wspecifier=""):
    transitions, gmms = read_model(model_in)
    word_table = read_symbol_table(options.word_symbol_table) if options.word_symbol_table else {}
    names = {number: word for word, number in word_table.items()}
    graph = read_fst(graph_in)
    if graph.arcs["ilabel"].max(initial=0) > transitions.num_ids:
        raise Failure(f"{graph_in} has transition ids that {model_in} has not: it was made with another model")
    decode = BestPathDecoder(
        graph, options.beam, options.max_active, options.min_active, options.beam_delta, options.hash_ratio
    )
    num_done = num_failed = num_frames = 0
    total = 0.0
    start = time.perf_counter()
    with (
        TableWriter(words_wspecifier, "int_vector") as word_writer,
        TableWriter(alignments_wspecifier, "int_vector") as alignment_writer,
    ):
        for key, feats in read_table(features, "matrix"):
            path = None
            if len(feats):
                scores = options.acoustic_scale * gmms.pdf_log_likelihoods(gmms.check_dim(feats, key))
                path = decode(scores[:, transitions.id_to_pdf[1:]])
            if path is None or not (path.reached_final or options.allow_partial):
                warn(f"Did not successfully decode utterance {key}, len = {len(feats)}")
                num_failed += 1
                continue
            if not path.reached_final:
                warn(f"Decoder did not reach end-state of {key}, outputting partial traceback")
            word_writer.write(key, path.words)
            alignment_writer.write(key, path.alignment)
            if names:
                print(key, *(names[word] for word in path.words), file=sys.stderr)
            log(f"Log-like per frame for utterance {key} is {path.loglike / len(feats):g} over {len(feats)} frames.")
            num_done += 1
            num_frames += len(feats)
            total += path.loglike
    seconds = time.perf_counter() - start
    log(
        f"Time taken [excluding initialization] {seconds:g}s: real-time factor assuming 100 frames/sec is "
        f"{100 * seconds / max(num_frames, 1):g}"
    )
    log(f"Done {num_done} utterances, failed for {num_failed}")
    log(f"Overall log-likelihood per frame is {total / max(num_frames, 1):g} over {num_frames} frames.")
    return 0 if num_done else 1
