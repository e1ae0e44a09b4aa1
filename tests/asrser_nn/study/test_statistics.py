"""Intervals and comparisons by bootstrap over speakers."""

import numpy as np
import pytest
import scipy.stats

from asrser_nn.study.statistics import (
    bootstrap_interval,
    confusion_error,
    error_rate,
    paired_bootstrap,
    unweighted_error,
)


@pytest.fixture
def per_speaker():
    """Errors and phones of 24 speakers who differ, as in TIMIT's core test set."""
    generator = np.random.default_rng(1)
    phones = generator.integers(250, 350, 24)
    return np.stack([generator.binomial(phones, generator.uniform(0.1, 0.35, 24)), phones], axis=1)


def assert_interval_is_scipys(estimate, statistic, *arrays):
    """The ends agree to 3 % of the interval's width, which is what 20000 draws allow."""
    low, high = scipy.stats.bootstrap(
        arrays,
        statistic,
        paired=True,
        vectorized=True,
        n_resamples=20000,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.03 * (high - low))


def test_the_rate_is_of_the_sums_not_the_mean_of_the_speakers_rates():
    assert bootstrap_interval([[10, 100], [30, 50]]).value == pytest.approx(40 / 150)


def test_two_speakers_give_the_interval_between_them():
    # Of the four draws, one in four is the first speaker twice, one the second twice: both lie within 95 %.
    estimate = bootstrap_interval([[10, 100], [30, 100]])
    assert estimate == (0.2, 0.1, 0.3, 2)


def test_one_speaker_has_an_interval_without_width():
    assert bootstrap_interval([[10, 100]]) == (0.1, 0.1, 0.1, 1)


def test_intervals_are_those_of_scipy(per_speaker):
    def rate(errors, phones, axis=-1):
        return errors.sum(axis=axis) / phones.sum(axis=axis)

    assert_interval_is_scipys(bootstrap_interval(per_speaker, num_draws=20000), rate, *per_speaker.T)


def test_the_interval_approaches_the_normal_one_with_many_speakers():
    values = np.random.default_rng(3).normal(0.3, 0.05, 2000)
    estimate = bootstrap_interval(np.stack([values, np.ones(2000)], axis=1), num_draws=4000)
    half = 1.96 * values.std() / np.sqrt(2000)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(half, rel=0.05)


def test_the_same_seed_gives_the_same_interval_and_another_one_another(per_speaker):
    first = bootstrap_interval(per_speaker, seed=5)
    assert bootstrap_interval(per_speaker, seed=5) == first
    assert bootstrap_interval(per_speaker, seed=6) != first


def test_a_speaker_without_phones_is_no_speaker():
    assert bootstrap_interval([[10, 100], [30, 100], [0, 0]]) == bootstrap_interval([[10, 100], [30, 100]])
    with pytest.raises(ValueError, match="no speaker"):
        bootstrap_interval([[0, 0]])


def test_the_unweighted_error_counts_each_class_once():
    # Recalls 9/10 and 1/2; accuracy 10/12. The third class never occurs.
    confusions = np.array([[9, 1, 0], [1, 1, 0], [0, 0, 0]])
    assert unweighted_error(confusions) == pytest.approx(1 - (0.9 + 0.5) / 2)
    assert confusion_error(confusions) == pytest.approx(2 / 12)


def test_confusions_of_speakers_are_summed_before_the_recall():
    confusions = np.array([[[8, 2], [0, 0]], [[0, 0], [3, 7]]])  # each speaker has one class only
    assert bootstrap_interval(confusions, unweighted_error).value == pytest.approx(1 - (0.8 + 0.7) / 2)


def test_a_small_gain_of_every_speaker_is_seen_where_the_intervals_overlap(per_speaker):
    improved = per_speaker - [3, 0]
    comparison = paired_bootstrap(improved, per_speaker)
    assert comparison.difference == pytest.approx(-72 / per_speaker[:, 1].sum())
    assert comparison.verdict == "better"
    assert comparison.p_value == 0
    assert bootstrap_interval(improved).high > bootstrap_interval(per_speaker).low
    assert paired_bootstrap(per_speaker, improved).verdict == "worse"


def test_a_difference_of_one_speaker_only_cannot_be_told(per_speaker):
    changed = per_speaker.copy()
    changed[3, 0] -= 20
    comparison = paired_bootstrap(changed, per_speaker)
    assert comparison.verdict == "can't be told"
    assert comparison.high == 0
    assert comparison.p_value == pytest.approx(
        2 * (1 - 1 / 24) ** 24, abs=0.02
    )  # draws without that speaker show no gain


def test_paired_differences_are_those_of_scipy(per_speaker):
    def difference(errors, baseline_errors, phones, axis=-1):
        return (errors.sum(axis=axis) - baseline_errors.sum(axis=axis)) / phones.sum(axis=axis)

    errors, phones = per_speaker.T
    baseline_errors = errors + np.random.default_rng(4).integers(-5, 8, 24)
    baseline = np.stack([baseline_errors, phones], axis=1)
    comparison = paired_bootstrap(per_speaker, baseline, error_rate, num_draws=20000)
    assert_interval_is_scipys(comparison, difference, errors, baseline_errors, phones)


def test_systems_on_different_numbers_of_speakers_are_not_compared():
    with pytest.raises(ValueError, match="not the same speakers"):
        paired_bootstrap([[1, 10]], [[1, 10], [2, 10]])
