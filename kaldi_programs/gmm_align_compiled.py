"""Find the best path of each utterance through its graph: the alignment of frames with transition ids."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from asrser_io.files import Failure
from asrser_io.tables import RandomAccess, TableWriter, read_table
from kaldi_programs.common.fst import FST, Fst, from_lists, from_wheel, to_wheel
from kaldi_programs.common.gmm import AmDiagGmm, read_model
from kaldi_programs.common.hmm import TransitionModel
from kaldi_programs.common.program import Option, log, program, warn


@program(
    "gmm-align-compiled [options] <model-in> <graphs-rspecifier> <feature-rspecifier> <alignments-wspecifier> "
    "[<scores-wspecifier>]",
    Option("beam", 200.0, "beam of the search", "> 0, <= inf"),
    Option("retry-beam", 0.0, "beam of a second try where the first fails (0: no second try)", ">= 0, <= inf"),
    Option("careful", False, "loop the graph to its start, which makes alignments to a wrong transcript fail"),
    Option("transition-scale", 1.0, "scale of the log transition probabilities, those of self-loops left out", ">= 0"),
    Option("acoustic-scale", 1.0, "scale of the log-likelihoods", "> 0"),
    Option("self-loop-scale", 1.0, "scale of the self-loops' log-probabilities", ">= 0"),
    Option("write-per-frame-acoustic-loglikes", "", "wspecifier for the log-likelihood of each frame on the path"),
    arguments=(4, 5),
)
def main(options, model_in, graphs, features, alignments, scores=""):
    if 0 != options.retry_beam <= options.beam:
        raise Failure(f"--retry-beam={options.retry_beam:g} is not wider than --beam={options.beam:g}")
    transitions, gmms = read_model(model_in)
    aligner = Aligner(transitions, gmms, options)
    feats_of = RandomAccess(features, "feats")
    num_done = num_err = num_frames = 0
    total_log_likelihood = 0.0
    with (
        TableWriter(alignments, "int_vector") as alignment_writer,
        TableWriter(scores, "float") as score_writer,
        TableWriter(options.write_per_frame_acoustic_loglikes, "vector") as frame_writer,
    ):
        for key, graph in read_table(graphs, FST):
            feats = feats_of.get(key)
            if feats is None:
                warn(f"No features for utterance {key}")
            elif len(feats) == 0:
                warn(f"Zero-length utterance: {key}")
            elif graph.start < 0:
                warn(f"Empty decoding graph for {key}")
            else:
                log(key)
                path = aligner.align(key, graph, gmms.check_dim(feats, key))
                if path:
                    num_done += 1
                    num_frames += len(feats)
                    total_log_likelihood += path.score / options.acoustic_scale
                    alignment_writer.write(key, path.alignment)
                    score_writer.write(key, path.score)
                    if options.write_per_frame_acoustic_loglikes:
                        pdfs = transitions.id_to_pdf[path.alignment]
                        frame_writer.write(key, gmms.frame_log_likelihoods(feats, pdfs))
                    continue
            num_err += 1
    log(f"Overall log-likelihood per frame is {total_log_likelihood / max(num_frames, 1):g} over {num_frames} frames.")
    log(f"Retried {aligner.num_retried} out of {num_done + num_err} utterances.")
    log(f"Done {num_done}, errors on {num_err}")
    return 0 if num_done else 1


class Path(NamedTuple):
    alignment: list[int]  # a transition id for every frame
    score: float  # log-probability of the path in the graph plus scaled log-likelihood of the frames


class Aligner:
    """The search, with the model's objects that kaldi_hmm_gmm refers to while it searches."""

    def __init__(self, transitions: TransitionModel, gmms: AmDiagGmm, options):
        self._transitions, self._gmms = transitions.to_wheel(), gmms.to_wheel()
        self._options = options
        self.num_retried = 0

    def align(self, key: str, graph, feats: np.ndarray) -> Path | None:
        """The best path that ends in a final state, if the beam leaves one; feats: (frames, dimension)."""
        import kaldi_hmm_gmm as khg

        options = self._options
        try:
            khg.add_transition_probs(self._transitions, [], options.transition_scale, options.self_loop_scale, graph)
            if options.careful:
                graph = to_wheel(careful_graph(from_wheel(graph)))
            decodable = khg.DecodableAmDiagGmmScaled(self._gmms, self._transitions, feats, options.acoustic_scale)
            path = _search(graph, decodable, options.beam)
            if path is None and options.retry_beam:
                self.num_retried += 1
                warn(f"Retrying utterance {key} with beam {options.retry_beam:g}")
                path = _search(graph, decodable, options.retry_beam)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise Failure(f"utterance {key}: {reason} (a graph of another model, or bad features?)") from error
        if path is None:
            warn(f"Did not successfully decode file {key}, len = {len(feats)}")
        return path


def _search(graph, decodable, beam: float) -> Path | None:
    import kaldi_hmm_gmm as khg
    import kaldifst

    decoder = khg.FasterDecoder(graph, khg.FasterDecoderOptions(beam=beam))
    decoder.decode(decodable)
    if not decoder.reached_final():
        return None
    _, lattice = decoder.get_best_path()
    _, alignment, _, cost = kaldifst.get_linear_symbol_sequence(lattice)
    return Path(alignment, -(cost.value1 + cost.value2))


def careful_graph(graph: Fst) -> Fst:
    """A graph in which a path that has reached the end may begin again, but must then not end.

    A recording that goes on where its transcript stops then finds its best path in the repetition, and is reported as
    not aligned (as ModifyGraphForCarefulAlignment in Kaldi).
    """
    num_states = graph.num_states
    end = 2 * num_states  # behind the graph and its repetition
    again = [[(i, o, cost, state + num_states) for i, o, cost, state in arcs] for arcs in graph.arc_lists()]
    once = graph.arc_lists()
    for state in np.flatnonzero(np.isfinite(graph.finals)).tolist():
        once[state].append((0, 0, float(graph.finals[state]), end))
    finals = [np.inf] * end + [0.0]
    return from_lists(graph.start, finals, [*once, *again, [(0, 0, 0.0, graph.start + num_states)]])
