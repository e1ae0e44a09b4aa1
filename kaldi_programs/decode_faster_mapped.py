"""Find the best path of each utterance through a decoding graph, reading log-likelihoods of pdfs.

Of the model only the transition model is read, which says which pdf each transition-id of the graph has.
"""

import sys
import time

import numpy as np

from kaldi_programs.decoding import BestPathDecoder
from kaldi_programs.fst import read_fst, read_symbol_table
from kaldi_programs.hmm import read_transition_model
from kaldi_programs.program import Failure, Option, log, program, warn
from kaldi_programs.tables import TableWriter, read_table


@program(
    "decode-faster-mapped [options] <model> <graph> <loglikes-rspecifier> <words-wspecifier> [<alignments-wspecifier>]",
    Option("acoustic-scale", 0.1, "scale of the log-likelihoods"),
    Option("allow-partial", True, "also output a best path that ends in no final state"),
    Option("beam", 16.0, "paths worse than the best by more than this are dropped"),
    Option("max-active", 2147483647, "most paths alive at a time"),
    Option("min-active", 20, "never drop paths below this number"),
    Option("beam-delta", 0.5, "slack by which the beam is widened when --max-active has tightened it"),
    Option("hash-ratio", 2.0, "size of the decoder's hash table, in active paths"),
    Option("word-symbol-table", "", "words and their numbers, to print what was recognised"),
    Option("binary", True, "has no effect here: the wspecifiers say binary or text"),
    arguments=(4, 5),
)
def main(options, model, graph_fst, loglikes_rspecifier, words_wspecifier, alignments_wspecifier=""):
    transition_model = read_transition_model(model)
    word_table = read_symbol_table(options.word_symbol_table) if options.word_symbol_table else {}
    words_by_number = {number: word for word, number in word_table.items()}
    graph = read_fst(graph_fst)
    largest = graph.arcs["ilabel"].max(initial=0)
    if largest > transition_model.num_ids:
        raise Failure(
            f"{graph_fst}: transition-id {largest}, but {model} has {transition_model.num_ids}; "
            "was the graph made with another model?"
        )
    decode = BestPathDecoder(
        graph,
        beam=options.beam,
        max_active=options.max_active,
        min_active=options.min_active,
        beam_delta=options.beam_delta,
        hash_ratio=options.hash_ratio,
    )
    num_done = num_failed = num_frames = 0
    total_loglike = 0.0
    start = time.perf_counter()
    with (
        TableWriter(words_wspecifier, "int_vector") as words_writer,
        TableWriter(alignments_wspecifier, "int_vector") as alignments_writer,
    ):
        for key, loglikes in read_table(loglikes_rspecifier, "matrix"):
            frames = len(loglikes)
            if frames == 0:
                warn(f"Zero-length utterance: {key}")
                num_failed += 1
                continue
            if loglikes.shape[1] != transition_model.num_pdfs:
                raise Failure(
                    f"{key} in {loglikes_rspecifier}: {loglikes.shape[1]} columns, but {model} has "
                    f"{transition_model.num_pdfs} pdfs; were the scores made with another model?"
                )
            if not (loglikes < np.inf).all():
                warn(f"Log-likelihoods of {key} that are infinite or no number: did its network diverge?")
                num_failed += 1
                continue
            # One column per transition-id, in the order of the ids, which begin with 1.
            path = decode(options.acoustic_scale * loglikes[:, transition_model.id_to_pdf[1:]])
            if path is None or not (path.reached_final or options.allow_partial):
                warn(f"Did not successfully decode utterance {key}, len = {frames}")
                num_failed += 1
                continue
            if not path.reached_final:
                warn("Decoder did not reach end-state, outputting partial traceback.")
            words_writer.write(key, path.words)
            alignments_writer.write(key, path.alignment)
            if words_by_number:
                print(key, *(words_by_number[word] for word in path.words), file=sys.stderr)
            log(f"Log-like per frame for utterance {key} is {path.loglike / frames:.6g} over {frames} frames.")
            num_done += 1
            num_frames += frames
            total_loglike += path.loglike
    elapsed = time.perf_counter() - start
    factor = elapsed * 100 / num_frames if num_frames else float("nan")
    real_time = f"real-time factor assuming 100 frames/sec is {factor:.6g}"
    log(f"Time taken [excluding initialization] {elapsed:.6g}s: {real_time}")
    log(f"Done {num_done} utterances, failed for {num_failed}")
    if num_done:
        log(f"Overall log-likelihood per frame is {total_loglike / num_frames:.6g} over {num_frames} frames.")
    return 0 if num_done else 1
