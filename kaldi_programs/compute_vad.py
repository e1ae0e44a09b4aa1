"""Judge by its log-energy whether a frame is voiced, as Kaldi's compute-vad does: 1 for voiced, 0 otherwise."""

import numpy as np

from asrser_io.files import Failure
from asrser_io.tables import TableWriter, read_table
from kaldi_programs.common.program import Option, log, program, warn


@program(
    "compute-vad [options] <feature-rspecifier> <vad-wspecifier>",
    Option("vad-energy-threshold", 5.0, "constant part of the threshold of the log-energy, which is column 0"),
    Option("vad-energy-mean-scale", 0.5, "share of the mean log-energy that is added to the threshold", ">= 0"),
    Option("vad-frames-context", 0, "frames on each side that have a say", ">= 0"),
    Option("vad-proportion-threshold", 0.6, "part of those frames that must be above the threshold", "> 0, < 1"),
    Option("omit-unvoiced-utts", False, "leave out utterances without a voiced frame"),
    arguments=2,
)
def main(options, rspecifier, wspecifier):
    done = failed = unvoiced = frames = voiced_frames = 0
    dimension = None
    with TableWriter(wspecifier, "vector") as writer:
        for utterance, feats in read_table(rspecifier, "feats"):
            if len(feats) == 0:
                warn(f"Empty feature matrix for utterance {utterance}")
                failed += 1
                continue
            # Else column 0 of a filterbank among MFCC would pass for log-energy.
            dimension = dimension or feats.shape[1]
            if feats.shape[1] != dimension:
                raise Failure(f"{rspecifier}: {utterance} has {feats.shape[1]} dimensions, those before it {dimension}")
            voiced = voiced_by_energy(
                feats[:, 0],
                options.vad_energy_threshold,
                options.vad_energy_mean_scale,
                options.vad_frames_context,
                options.vad_proportion_threshold,
            )
            frames += len(voiced)
            voiced_frames += int(voiced.sum())
            if voiced.any():
                done += 1
            else:
                warn(f"No frames were judged voiced for utterance {utterance}")
                unvoiced += 1
            if voiced.any() or not options.omit_unvoiced_utts:
                writer.write(utterance, voiced)
    log(
        f"Applied energy based voice activity detection; processed {done} utterances successfully; "
        f"{failed} had empty features, and {unvoiced} were completely unvoiced."
    )
    if frames:
        log(f"Proportion of voiced frames was {voiced_frames / frames:g} over {frames} frames.")
    return 0 if done else 1


def voiced_by_energy(
    log_energy: np.ndarray, threshold: float, mean_scale: float, context: int, proportion: float
) -> np.ndarray:
    """(frames,) of 0 and 1: 1 where at least the proportion of the frames from t - context to t + context is above
    threshold + mean_scale * mean. In single precision, as Kaldi: 3 of 5 frames are the proportion 0.6, not less."""
    mean = np.float32(log_energy.astype(np.float64).sum()) / np.float32(len(log_energy))
    above = log_energy > np.float32(threshold) + np.float32(mean_scale) * mean
    window = np.ones(2 * context + 1, np.float32)
    within = slice(context, context + len(above))
    counts = np.convolve(above.astype(np.float32), window)[within]
    sizes = np.convolve(np.ones_like(log_energy), window)[within]  # smaller at the ends
    return (counts >= sizes * np.float32(proportion)).astype(np.float32)
