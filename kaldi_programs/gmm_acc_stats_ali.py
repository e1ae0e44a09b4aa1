"""Accumulate the statistics for training a GMM-HMM from features and their alignments."""

from collections.abc import Iterator

import numpy as np

from asrser_io.files import Failure
from asrser_io.streams import open_output
from asrser_io.tables import RandomAccess, read_table
from kaldi_programs.common.gmm import Accumulators, read_model
from kaldi_programs.common.program import Option, log, program, warn

FRAMES_AT_ONCE = 50_000  # enough for the work to be large matrix products, few enough for little memory

Utterance = tuple[str, np.ndarray, np.ndarray]  # key, features (frames, dimension), alignment (frames,)


@program(
    "gmm-acc-stats-ali [options] <model-in> <feature-rspecifier> <alignments-rspecifier> <stats-out>",
    Option("binary", True, "write binary, not text"),
    arguments=4,
)
def main(options, model_in, feature_rspecifier, alignments_rspecifier, stats_out):
    transitions, gmms = read_model(model_in)
    alignments = RandomAccess(alignments_rspecifier, "int_vector")
    accumulators = Accumulators.zero(transitions, gmms)
    num_done = num_err = 0

    def aligned() -> Iterator[Utterance]:
        nonlocal num_err
        for key, feats in read_table(feature_rspecifier, "feats"):
            alignment = alignments.get(key)
            if alignment is None:
                warn(f"No alignment for utterance {key}")
                num_err += 1
            elif len(alignment) != len(feats):
                warn(f"Alignments has wrong size {len(alignment)} vs. {len(feats)} frames of utterance {key}")
                num_err += 1
            elif len(feats) == 0:
                warn(f"Zero-length utterance: {key}")
                num_err += 1
            else:
                yield key, gmms.check_dim(feats, key), transitions.check_ids(alignment, key)

    for batch in batches(aligned()):
        feats = np.concatenate([feats for _, feats, _ in batch])
        alignment = np.concatenate([alignment for _, _, alignment in batch])
        log_likelihoods = accumulators.accumulate(transitions, gmms, feats, alignment)
        ends = np.cumsum([len(alignment) for _, _, alignment in batch])
        for (key, _, _), of_utterance in zip(batch, np.split(log_likelihoods, ends[:-1]), strict=True):
            if not np.isfinite(of_utterance).all():
                sources = f"bad features in {feature_rspecifier}, or variances in {model_in}"
                raise Failure(f"utterance {key} has an infinite likelihood: {sources}")
            num_done += 1
            if num_done % 50 == 0:
                log(
                    f"Processed {num_done} utterances; for utterance {key} avg. like is "
                    f"{of_utterance.mean(dtype=np.float64):g} over {len(of_utterance)} frames."
                )
    log(f"Done {num_done} files, {num_err} with errors.")
    if not num_done:
        return 1
    log(
        f"Overall avg like per frame (Gaussian only) = {accumulators.log_likelihood / accumulators.frames:g} "
        f"over {accumulators.frames:.0f} frames."
    )
    with open_output(stats_out, options.binary) as file:
        accumulators.write(file, options.binary)
    log("Written accs.")


def batches(utterances: Iterator[Utterance]) -> Iterator[list[Utterance]]:
    """So many utterances together that they have FRAMES_AT_ONCE frames."""
    batch: list[Utterance] = []
    num_frames = 0
    for utterance in utterances:
        batch.append(utterance)
        num_frames += len(utterance[1])
        if num_frames >= FRAMES_AT_ONCE:
            yield batch
            batch, num_frames = [], 0
    if batch:
        yield batch
