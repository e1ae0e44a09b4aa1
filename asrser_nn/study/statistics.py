"""How sure an error rate is: bootstrap over speakers.

Frames, phones and utterances of one speaker are not independent, speakers are; so speakers are drawn with replacement,
and a rate is computed afresh from the summed counts of each draw (Bisani and Ney, "Bootstrap estimates for confidence
intervals in ASR performance evaluation", ICASSP 2004). The same draws for two systems make a paired comparison.
With few speakers the intervals are too narrow: state the number of speakers beside each.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

NUM_DRAWS = 10000
CONFIDENCE = 0.95
CANNOT_BE_TOLD = "can't be told"  # a verdict


class Estimate(NamedTuple):
    """A figure and the interval that holds it with the confidence asked for."""

    value: float
    low: float
    high: float
    num_speakers: int


class Comparison(NamedTuple):
    """System minus baseline over the same speakers: below zero, the system makes fewer errors."""

    difference: float
    low: float
    high: float
    p_value: float  # two-sided, of a difference that has this sign by chance
    num_speakers: int

    @property
    def verdict(self) -> str:
        """The comparison in a word, for a figure of which less is better."""
        if self.high < 0:
            return "better"
        if self.low > 0:
            return "worse"
        return CANNOT_BE_TOLD


Statistic = Callable[[NDArray], NDArray]


def error_rate(counts: NDArray) -> NDArray:
    """Errors per reference phone (or frame, or utterance); counts: (..., 2), errors and how many could be made.

    With one figure and a 1 for each speaker (fold, seed) it is the mean of these figures.
    """
    return counts[..., 0] / counts[..., 1]


def unweighted_error(counts: NDArray) -> NDArray:
    """1 - mean recall over the classes that occur; counts: (..., classes, classes), confusions, one row a truth."""
    of_class = counts.sum(axis=-1)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    recall = np.divide(hits, of_class, out=np.zeros(hits.shape), where=of_class > 0)
    return 1 - recall.sum(axis=-1) / (of_class > 0).sum(axis=-1)


def confusion_error(counts: NDArray) -> NDArray:
    """1 - accuracy; counts: as for unweighted_error."""
    return 1 - np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1))


def bootstrap_interval(
    counts: ArrayLike,
    statistic: Statistic = error_rate,
    *,
    confidence: float = CONFIDENCE,
    num_draws: int = NUM_DRAWS,
    seed: int = 0,
) -> Estimate:
    """Estimate a figure with its percentile interval.

    counts:    (speakers, ...), what the figure is made of, one entry per speaker; e.g. (speakers, 2) for error_rate
    statistic: turns summed counts (draws, ...) into figures (draws,)
    Raises ValueError when no speaker has anything to count.
    """
    array = with_counts(counts)
    low, high = percentile_interval(figures_of_draws(array, statistic, num_draws, seed), confidence)
    return Estimate(float(statistic(array.sum(axis=0, keepdims=True))[0]), low, high, len(array))


def paired_bootstrap(
    counts: ArrayLike,
    baseline_counts: ArrayLike,
    statistic: Statistic = error_rate,
    *,
    confidence: float = CONFIDENCE,
    num_draws: int = NUM_DRAWS,
    seed: int = 0,
) -> Comparison:
    """Compare two systems on the same speakers, in the same order. Arguments as for bootstrap_interval."""
    if np.shape(counts) != np.shape(baseline_counts):
        raise ValueError(
            f"counts of shape {np.shape(counts)} against {np.shape(baseline_counts)}: not the same speakers"
        )
    both = with_counts(np.stack([np.asarray(counts), np.asarray(baseline_counts)], axis=1))  # (speakers, 2, ...)

    def difference_of(sums: NDArray) -> NDArray:
        return statistic(sums[:, 0]) - statistic(sums[:, 1])

    differences = figures_of_draws(both, difference_of, num_draws, seed)
    low, high = percentile_interval(differences, confidence)
    difference = float(difference_of(both.sum(axis=0, keepdims=True))[0])
    p_value = min(1.0, 2 * float(min(np.mean(differences <= 0), np.mean(differences >= 0))))
    return Comparison(difference, low, high, p_value, len(both))


def with_counts(counts: ArrayLike) -> NDArray:
    """The speakers that have anything to count; the others can't bear on a figure."""
    array = np.asarray(counts, dtype=np.float64)
    if array.ndim < 2:
        raise ValueError(f"counts of shape {array.shape}: expected (speakers, ...)")
    array = array[array.any(axis=tuple(range(1, array.ndim)))]
    if len(array) == 0:
        raise ValueError("no speaker with anything to count")
    return array


def figures_of_draws(counts: NDArray, statistic: Statistic, num_draws: int, seed: int) -> NDArray:
    """The figure of each draw of as many speakers as there are, with replacement: (speakers, ...) -> (draws,)."""
    different, which = speakers_drawn(len(counts), num_draws, seed)
    return statistic(np.tensordot(different, counts, axes=1))[which]


@cache
def speakers_drawn(num_speakers: int, num_draws: int, seed: int) -> tuple[NDArray, NDArray]:
    """How often each speaker is drawn, (different draws, speakers), and which of these each draw is, (draws,).

    Few speakers make few different draws: two of them three.
    """
    generator = np.random.default_rng(seed)
    times_drawn = generator.multinomial(num_speakers, np.full(num_speakers, 1 / num_speakers), num_draws)
    different, which = np.unique(times_drawn, axis=0, return_inverse=True)
    return different, which.reshape(-1)


def percentile_interval(figures: NDArray, confidence: float) -> tuple[float, float]:
    low, high = np.percentile(figures, [50 * (1 - confidence), 50 * (1 + confidence)])
    return float(low), float(high)
