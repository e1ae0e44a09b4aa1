"""The search for the best path through a graph of transition-ids: Kaldi's FasterDecoder, from kaldi_decoder."""

from dataclasses import dataclass

import numpy as np

from kaldi_programs.fst import Fst, to_wheel
from kaldi_programs.program import Failure


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

        if graph.start < 0:
            raise Failure("the decoding graph is empty")
        if not (beam > 0 and max_active > 1 and 0 <= min_active < max_active and hash_ratio >= 1):
            raise Failure(
                f"cannot decode with beam {beam}, max-active {max_active}, min-active {min_active}, hash-ratio "
                f"{hash_ratio}: expected beam > 0, max-active > 1, 0 <= min-active < max-active, hash-ratio >= 1"
            )
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
