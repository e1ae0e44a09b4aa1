"""Sums and sums of squares of features, for mean and variance normalisation, as Kaldi's compute-cmvn-stats writes them.

They are taken by utterance, by speaker (--spk2utt) or, where the output is a file and no table, over all.
"""

import numpy as np

from asrser_io.files import Failure
from asrser_io.tables import TableWriter, is_wspecifier, random_access, read_table, write_object
from kaldi_programs.common.program import Option, log, program, warn


@program(
    "compute-cmvn-stats [options] <feature-rspecifier> (<stats-wspecifier>|<stats-wxfilename>)",
    Option("spk2utt", "", "rspecifier of the utterances of each speaker"),
    Option("binary", True, "write binary data (for a single file)"),
    Option("weights", "", "rspecifier of a vector of weights of the frames for each utterance"),
    arguments=2,
)
def main(options, rspecifier, destination):
    weights = random_access(options.weights, "vector") if options.weights else None
    done = failed = 0

    def add(stats: np.ndarray | None, utterance: str, feats: np.ndarray) -> np.ndarray | None:
        nonlocal done, failed
        try:
            stats = accumulate(stats, feats, weights[utterance] if weights else None)
            done += 1
        except Failure as error:
            warn(f"left out {utterance}: {error}")
            failed += 1
        return stats

    if not is_wspecifier(destination):
        if options.spk2utt:
            raise Failure(f"--spk2utt asks for a table; {destination} is a file (ark: forgotten?)")
        stats = None
        for utterance, feats in read_table(rspecifier, "feats"):
            stats = add(stats, utterance, feats)
        if stats is not None:
            write_object(destination, stats, "matrix", options.binary)  # in single precision, as Kaldi does
            log(f"Wrote global CMVN stats to {destination}")
    else:
        with TableWriter(destination, "double_matrix") as writer:
            if options.spk2utt:
                table = random_access(rspecifier, "feats")
                for speaker, utterances in read_table(options.spk2utt, "token_vector"):
                    stats = None
                    for utterance in utterances:
                        if utterance in table:
                            stats = add(stats, utterance, table[utterance])
                        else:
                            warn(f"Did not find features for utterance {utterance}")
                            failed += 1
                    if stats is None:
                        warn(f"No stats accumulated for speaker {speaker}")
                    else:
                        writer.write(speaker, stats)
            else:
                for utterance, feats in read_table(rspecifier, "feats"):
                    stats = add(None, utterance, feats)
                    if stats is not None:
                        writer.write(utterance, stats)
    log(f"Done accumulating CMVN stats for {done} utterances; {failed} had errors.")
    return 0 if done else 1


def accumulate(stats: np.ndarray | None, feats: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Add the frames to the statistics (none yet: None), frame by frame and rounded as Kaldi does.

    feats: (frames, dimension) float32; weights: (frames,)
    returns: (2, dimension + 1) float64: sums and their count, sums of squares and 0
    """
    dimension = feats.shape[1]
    if stats is None:
        stats = np.zeros((2, dimension + 1))
    if stats.shape[1] != dimension + 1:
        raise Failure(f"its features have {dimension} dimensions, those before have {stats.shape[1] - 1}")
    if weights is None:
        weights = np.ones(len(feats), np.float32)
    if len(weights) != len(feats):
        raise Failure(f"{len(weights)} weights for {len(feats)} frames")
    terms = np.zeros((len(feats) + 1, 2, dimension + 1))
    terms[0] = stats
    terms[1:, 0, :dimension] = feats * weights[:, None]
    terms[1:, 1, :dimension] = feats * feats * weights[:, None]
    terms[1:, 0, dimension] = weights
    return np.add.reduce(terms, axis=0)
