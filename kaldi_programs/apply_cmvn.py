"""Normalise the mean, and on request the variance, of features, as Kaldi's apply-cmvn does."""

import numpy as np

from asrser_io.files import Failure
from asrser_io.tables import TableWriter, is_rspecifier, random_access, read_object, read_table
from kaldi_programs.common.program import Option, log, program, warn

VARIANCE_FLOOR = 1e-20


@program(
    "apply-cmvn [options] (<cmvn-stats-rspecifier>|<cmvn-stats-rxfilename>) <feature-rspecifier> <feature-wspecifier>",
    Option("utt2spk", "", "rspecifier of the speaker of each utterance"),
    Option("norm-vars", False, "normalise variances too"),
    Option("norm-means", True, "normalise means; if false, features are only copied"),
    Option("reverse", False, "from zero mean and unit variance to the given mean and variance"),
    Option("skip-dims", "", "dimensions to leave as they are, such as 13:14:15"),
    arguments=3,
)
def main(options, stats_source, rspecifier, wspecifier):
    if options.norm_vars and not options.norm_means:
        raise Failure("--norm-vars=true needs --norm-means=true")
    try:
        skipped = [int(word) for word in options.skip_dims.split(":") if options.skip_dims]
        if any(dimension < 0 for dimension in skipped):
            raise ValueError
    except ValueError:
        raise Failure(f"--skip-dims={options.skip_dims}: expected integers from 0 on between colons") from None
    table = None
    stats = np.zeros((0, 0))
    if options.norm_means:
        if is_rspecifier(stats_source):
            table = random_access(stats_source, "double_matrix", options.utt2spk)
        elif options.utt2spk:
            raise Failure(f"--utt2spk asks for a table of statistics; {stats_source} is a file (ark: forgotten?)")
        else:
            stats = read_object(stats_source, "double_matrix")
    failed = 0
    with TableWriter(wspecifier, "matrix") as writer:
        for utterance, feats in read_table(rspecifier, "feats"):
            if table is not None and utterance not in table:
                warn(f"No normalization statistics available for key {utterance}, producing no output for it")
                failed += 1
                continue
            if options.norm_means:
                try:
                    if table is not None:
                        stats = table[utterance]
                    chosen = without_dimensions(stats, skipped)
                    feats = normalised(feats, chosen, options.norm_vars, options.reverse)
                except Failure as error:
                    raise Failure(f"{utterance} with {stats_source}: {error}") from error
            writer.write(utterance, feats)
    what = "mean and variance" if options.norm_vars else "mean"
    if options.norm_means:
        log(f"Applied cepstral {what} normalization to {writer.count} utterances, errors on {failed}")
    else:
        log(f"Copied {writer.count} utterances.")
    return 0 if writer.count else 1


def without_dimensions(stats: np.ndarray, dimensions: list[int]) -> np.ndarray:
    """Statistics that leave the dimensions as they are: zero mean and unit variance."""
    if not dimensions:
        return stats
    if len(stats) != 2 or max(dimensions) >= stats.shape[1] - 1:
        raise Failure(
            f"--skip-dims needs statistics of two rows and more than {max(dimensions)} dimensions, found "
            f"{' x '.join(map(str, stats.shape))} values"
        )
    stats = stats.copy()
    stats[:, dimensions] = [[0.0], [stats[0, -1]]]
    return stats


def normalised(feats: np.ndarray, stats: np.ndarray, variances: bool, reverse: bool) -> np.ndarray:
    """Features with the mean (and variance) of the statistics taken out or, in reverse, put in.

    feats: (frames, dimension) float32; stats: (2, dimension + 1), see compute_cmvn_stats.accumulate
    The rounding to single precision is where Kaldi has it, so that the result is equal bit by bit.
    """
    dimension = stats.shape[1] - 1
    if len(stats) not in (1, 2) or feats.shape[1] != dimension:
        raise Failure(f"statistics of {' x '.join(map(str, stats.shape))} for features of {feats.shape[1]} dimensions")
    if variances and len(stats) == 1:
        raise Failure("--norm-vars=true, but the statistics have no second row, for the variances")
    count = stats[0, dimension]
    if count < 1:
        raise Failure(f"the statistics are of {count:g} frames, at least 1 is needed")
    if not variances:
        if reverse:
            return feats + (stats[0, :dimension] / count).astype(np.float32)
        return feats + (np.float64(np.float32(-1.0 / count)) * stats[0, :dimension]).astype(np.float32)
    mean = stats[0, :dimension] / count
    variance = stats[1, :dimension] / count - mean * mean
    if np.any(variance < VARIANCE_FLOOR):
        warn(f"Flooring cepstral variance from {variance.min():g} to {VARIANCE_FLOOR}")
        variance = np.maximum(variance, VARIANCE_FLOOR)
    scale, offset = (np.sqrt(variance), mean) if reverse else (1 / np.sqrt(variance), -mean / np.sqrt(variance))
    if not np.all(np.isfinite(scale)):
        raise Failure("the statistics hold infinite values or values that are no numbers")
    return feats * scale.astype(np.float32) + offset.astype(np.float32)
