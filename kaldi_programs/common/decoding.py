"""The search for the best path through a graph of transition-ids: Kaldi's FasterDecoder, from kaldi_decoder."""

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from asrser_io.files import Failure
from asrser_io.tables import TableWriter
from asrser_io.text import read_symbol_table
from kaldi_programs.common.fst import Fst, read_fst, to_wheel
from kaldi_programs.common.hmm import TransitionModel
from kaldi_programs.common.program import Option, log, warn

DECODING_OPTIONS = (
    Option("acoustic-scale", 0.1, "scale of the log-likelihoods", ">= 0"),
    Option("allow-partial", True, "also output a best path that ends in no final state"),
    Option("beam", 16.0, "paths worse than the best by more than this are dropped", "> 0, <= inf"),
    Option("max-active", 2147483647, "most paths alive at a time", "> 1"),
    Option("min-active", 20, "never drop paths below this number", ">= 0"),
    Option("beam-delta", 0.5, "slack by which the beam is widened when --max-active has tightened it", ">= 0"),
    Option("hash-ratio", 2.0, "size of the decoder's hash table, in active paths", ">= 1"),
    Option("word-symbol-table", "", "words and their numbers, to print what was recognised"),
)


@dataclass
class Path:
    alignment: list[int]  # a transition-id per frame
    words: list[int]
    loglike: float  # graph and scaled acoustic log-likelihood together
    reached_final: bool


class BestPathDecoder:
    """Searches one graph for the best paths of many utterances."""

    def __init__(self, graph: Fst, beam: float, max_active: int, min_active: int, beam_delta: float, hash_ratio: float):
        import kaldi_decoder

        config = kaldi_decoder.FasterDecoderOptions(
            beam=beam, max_active=max_active, min_active=min_active, beam_delta=beam_delta, hash_ratio=hash_ratio
        )
        self._graph = to_wheel(graph)  # the decoder refers to it
        self._decoder = kaldi_decoder.FasterDecoder(self._graph, config)

    def __call__(self, loglikes: np.ndarray) -> Path | None:
        """The best path, or None if no path survived to the last frame.

        loglikes: (frames, transition-ids) float32, scaled; column t - 1 belongs to transition-id t
        """
        import kaldi_decoder
        import kaldifst

        decodable = kaldi_decoder.DecodableCtc(loglikes)
        self._decoder.decode(decodable)
        found, lattice = self._decoder.get_best_path()
        if not found:
            return None
        _, alignment, words, weight = kaldifst.get_linear_symbol_sequence(lattice)
        loglike = -weight.value1 - weight.value2
        return Path(alignment, words, loglike, self._decoder.reached_final())


def decode_utterances(
    options: SimpleNamespace,
    model: str,
    transition_model: TransitionModel,
    graph_fst: str,
    utterances: Iterable[tuple[str, np.ndarray]],
    words_wspecifier: str,
    alignments_wspecifier: str,
) -> int:
    """Write the words and transition-ids of the best path of each utterance, log what Kaldi's programs log.

    options:    those of DECODING_OPTIONS
    utterances: key and unscaled log-likelihoods, (frames, pdfs) float32
    returns:    the exit status, 0 if any utterance was decoded
    """
    word_table = read_symbol_table(options.word_symbol_table) if options.word_symbol_table else {}
    word_names = {number: word for word, number in word_table.items()}
    graph = read_fst(graph_fst)
    if graph.start < 0:
        raise Failure(f"{graph_fst}: the decoding graph is empty; do language model and lexicon have other words?")
    largest = graph.arcs["ilabel"].max(initial=0)
    if largest > transition_model.num_ids:
        raise Failure(
            f"{graph_fst}: transition-id {largest}, but {model} has {transition_model.num_ids}; "
            "was the graph made with another model?"
        )
    decode = BestPathDecoder(
        graph, options.beam, options.max_active, options.min_active, options.beam_delta, options.hash_ratio
    )
    num_done = num_failed = num_frames = 0
    total_loglike = 0.0
    start = time.perf_counter()
    with (
        TableWriter(words_wspecifier, "int_vector") as words_writer,
        TableWriter(alignments_wspecifier, "int_vector") as alignments_writer,
    ):
        for key, loglikes in utterances:
            path = None
            frames = len(loglikes)
            if frames == 0:
                warn(f"Zero-length utterance: {key}")
            elif not (loglikes < np.inf).all():
                warn(f"Log-likelihoods of {key} that are infinite or no number: did the network diverge?")
            else:
                # One column per transition-id, in the order of the ids, which begin with 1.
                path = decode(options.acoustic_scale * loglikes[:, transition_model.id_to_pdf[1:]])
            if path is None or not (path.reached_final or options.allow_partial):
                warn(f"Did not successfully decode utterance {key}, len = {frames}")
                num_failed += 1
                continue
            if not path.reached_final:
                warn(f"Decoder did not reach end-state of {key}, outputting partial traceback.")
            words_writer.write(key, path.words)
            alignments_writer.write(key, path.alignment)
            if word_names:
                print(
                    key, *(_name(word, word_names, options.word_symbol_table) for word in path.words), file=sys.stderr
                )
            log(f"Log-like per frame for utterance {key} is {path.loglike / frames:.6g} over {frames} frames.")
            num_done += 1
            num_frames += frames
            total_loglike += path.loglike
    elapsed = time.perf_counter() - start
    if num_done:
        real_time = f"real-time factor assuming 100 frames/sec is {elapsed * 100 / num_frames:.6g}"
        log(f"Time taken [excluding initialization] {elapsed:.6g}s: {real_time}")
    log(f"Done {num_done} utterances, failed for {num_failed}")
    if num_done:
        log(f"Overall log-likelihood per frame is {total_loglike / num_frames:.6g} over {num_frames} frames.")
    return 0 if num_done else 1


def _name(word: int, names: dict[int, str], file: str) -> str:
    if word not in names:
        raise Failure(f"word {word} of the graph is not in {file}; is it the graph's own words.txt?")
    return names[word]
