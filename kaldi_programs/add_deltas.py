"""Append time derivatives to features, as Kaldi's add-deltas does."""

import numpy as np

from asrser_io.files import Failure
from asrser_io.tables import TableWriter, read_table
from kaldi_programs.common.program import Option, log, program, warn


@program(
    "add-deltas [options] <in-rspecifier> <out-wspecifier>",
    Option("delta-order", 2, "order of the derivatives", ">= 0, < 1000"),
    Option("delta-window", 2, "frames on each side that a derivative looks at", ">= 1, < 1000"),
    Option("truncate", 0, "if not 0, first cut the features to so many dimensions", ">= 0"),
    arguments=2,
)
def main(options, rspecifier, wspecifier):
    filters = delta_filters(options.delta_order, options.delta_window)
    failed = 0
    with TableWriter(wspecifier, "matrix") as writer:
        for utterance, feats in read_table(rspecifier, "feats"):
            if len(feats) == 0:
                warn(f"Empty feature matrix for key {utterance}")
                failed += 1
                continue
            if options.truncate > feats.shape[1]:
                found = f"{utterance} in {rspecifier} has {feats.shape[1]} dimensions"
                raise Failure(f"{found}, fewer than --truncate={options.truncate}")
            writer.write(utterance, with_deltas(feats[:, : options.truncate or None], filters))
    log(f"Added deltas to {writer.count} utterances, errors on {failed}")
    return 0 if writer.count else 1


def delta_filters(order: int, window: int) -> list[np.ndarray]:
    """One filter for each order from 0 on: the regression slope over 2 window + 1 frames, applied order times."""
    ramp = np.arange(-window, window + 1, dtype=np.float32)
    filters = [np.ones(1, np.float32)]
    for _ in range(order):
        filters.append(np.convolve(filters[-1], ramp) * np.float32(1.0 / float(ramp @ ramp)))
    return filters


def with_deltas(feats: np.ndarray, filters: list[np.ndarray]) -> np.ndarray:
    """feats: (frames, dimension); returns (frames, dimension * orders). The edge frames are repeated."""
    reach = len(filters[-1]) // 2
    padded = np.pad(feats, ((reach, reach), (0, 0)), mode="edge")
    columns = []
    for taps in filters:
        start = reach - len(taps) // 2
        column = np.zeros_like(feats)
        for i, tap in enumerate(taps):
            column += tap * padded[start + i : start + i + len(feats)]
        columns.append(column)
    return np.hstack(columns)
