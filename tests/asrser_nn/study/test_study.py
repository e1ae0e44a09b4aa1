"""The figures of the study against worked examples."""

import numpy as np
import pytest

from asrser_nn.study.measures import compare, mean_over_runs, rate, summarise, summary


def test_a_rare_class_weighs_as_much_as_a_common_one():
    # 10 of 100 wrong in the common class, 1 of 2 in the rare one: (10 % + 50 %) / 2
    assert rate(np.array([[10, 100], [1, 2]])) == pytest.approx(30.0)


def test_a_class_that_does_not_occur_is_left_out():
    assert rate(np.array([[10, 100], [0, 0]])) == pytest.approx(10.0)
    assert np.isnan(rate(np.array([[0, 0]])))


def test_the_mean_over_folds_differs_from_the_pooled_rate():
    folds = [{"a": [[1, 10]]}, {"b": [[30, 100]]}]
    found = summarise(folds)
    assert found["mean"] == pytest.approx((10 + 30) / 2)
    assert found["pooled"] == pytest.approx(100 * 31 / 110)
    assert (found["runs"], found["speakers"], found["total"]) == (2, 2, 110)


def test_a_speaker_drawn_twice_counts_as_two_folds():
    # two folds that test one speaker each, the first drawn twice and the second not at all, then once each
    drawn = np.array([[[[2, 20, 2]], [[0, 0, 0]]], [[[1, 10, 1]], [[30, 100, 1]]]])
    assert mean_over_runs(drawn) == pytest.approx([10.0, 20.0])


def test_the_interval_holds_every_fold_when_all_draws_are_of_two_speakers():
    low, high = summarise([{"a": [[10, 100]]}, {"b": [[30, 100]]}])["interval"]
    assert (low, high) == pytest.approx((10.0, 30.0))


def test_one_speaker_has_no_interval():
    assert summarise([{"a": [[1, 10]]}])["interval"] is None


def test_a_difference_common_to_all_speakers_is_told_though_speakers_differ_more():
    baseline = [{f"s{i}": [[10 * i, 100]] for i in range(1, 8)}]
    worse = [{f"s{i}": [[10 * i + 2, 100]] for i in range(1, 8)}]
    found = compare(worse, baseline, lower_is_better=True)
    assert found["difference"] == pytest.approx(2.0)
    assert found["verdict"] == "worse"
    assert compare(worse, baseline, lower_is_better=False)["verdict"] == "better"
    assert summarise(worse)["interval"][0] < summarise(baseline)["mean"]  # unpaired, it could not be told


def test_a_difference_that_changes_sign_between_speakers_cannot_be_told():
    baseline = [{f"s{i}": [[50, 100]] for i in range(8)}]
    other = [{f"s{i}": [[50 + (5 if i % 2 else -5), 100]] for i in range(8)}]
    assert compare(other, baseline, lower_is_better=True)["verdict"] == "can't be told"


def test_five_speakers_are_too_few_for_a_verdict():
    def errors(more, speakers):
        return [{f"s{i}": [[10 + more, 100]] for i in range(speakers)}]

    assert compare(errors(5, 5), errors(0, 5), lower_is_better=True)["verdict"] == "can't be told"
    assert compare(errors(5, 6), errors(0, 6), lower_is_better=True)["verdict"] == "worse"


def test_other_speakers_are_no_baseline():
    assert compare([{"a": [[1, 2]], "b": [[1, 2]]}], [{"a": [[1, 2]], "c": [[1, 2]]}], lower_is_better=True) is None


def _run(experiment, layers, fold, errors, seed=1):
    source, _, task = experiment.rpartition("2")
    what = {"experiment": experiment, "task": task, "source_task": source or None, "constant_layers": layers}
    return {**what, "fold": fold, "seed": seed, "counts": {"test": {"E": {fold: [[errors, 100]]}}}}


def test_a_transfer_is_compared_with_the_same_folds_of_the_baseline_of_its_target():
    runs = [_run("ser", None, fold, errors) for fold, errors in (("a", 20), ("b", 40), ("c", 90))]
    runs += [_run("asr2ser", 3, fold, errors) for fold, errors in (("a", 30), ("b", 50))]
    rows = {(row["experiment"], row["constant_layers"]): row for row in summary(runs)}
    assert rows["ser", None]["mean"] == pytest.approx(50.0)
    assert rows["asr2ser", 3]["comparisons"]["scratch"]["difference"] == pytest.approx(10.0)  # fold c was not run
    assert rows["ser", None]["comparisons"] == {}
    assert rows["asr2ser", 3]["folds"] == pytest.approx({"a": 30.0, "b": 50.0})


def test_folds_and_seeds_that_one_side_lacks_do_not_take_part_in_a_comparison():
    runs = [_run("ser", None, fold, errors) for fold, errors in (("a", 20), ("b", 40))]
    runs += [_run("asr2ser", 3, fold, errors) for fold, errors in (("a", 30), ("b", 50), ("c", 90))]
    runs += [_run("asr2ser", 3, fold, 95, seed=2) for fold in ("a", "b")]
    (row,) = [r for r in summary(runs) if r["experiment"] == "asr2ser"]
    assert row["comparisons"]["scratch"]["difference"] == pytest.approx(10)
    assert row["mean"] == pytest.approx((30 + 50 + 90 + 95 + 95) / 5)


@pytest.mark.parametrize(("of_second_seed", "verdict"), [(10, "better"), (41, "can't be told")])
def test_what_another_seed_turns_round_is_not_told(of_second_seed, verdict):
    folds = "abcdef"
    runs = [_run("ser", None, fold, 40, seed) for fold in folds for seed in (1, 2)]
    runs += [_run("asr2ser", 3, fold, 10, 1) for fold in folds]
    runs += [_run("asr2ser", 3, fold, of_second_seed, 2) for fold in folds]
    (row,) = [r for r in summary(runs) if r["experiment"] == "asr2ser"]
    found = row["comparisons"]["scratch"]
    assert found["by_seed"] == pytest.approx({"1": -30, "2": of_second_seed - 40})
    assert found["interval"][1] < 0 and found["verdict"] == verdict


def test_a_transfer_is_compared_with_controls_of_as_many_constant_layers():
    runs = [_run(f"{name}ser", layers, fold, 10 + e, 1) for name, layers, e in (
        ("", None, 0), ("asr2", 2, 5), ("asr2", 3, 20), ("ser2", 2, 1), ("ser2", 3, 2), ("random2", 3, 4),
        ("fitted+asr2", 3, 17),
    ) for fold in ("a", "b")]  # fmt: skip
    runs += [_run("random2ser", 3, fold, 18) for fold in ("a", "b")]  # another draw
    rows = {(row["experiment"], row["constant_layers"]): row for row in summary(runs)}

    def differences(*key):
        return {name: pytest.approx(found["difference"]) for name, found in rows[key]["comparisons"].items()}

    assert differences("asr2ser", 3) == {"scratch": 20, "own": 18, "random": 20 - (4 + 8) / 2, "fitted": 3}
    assert differences("fitted+asr2ser", 3) == {"scratch": 17, "own": 15, "random": 17 - (4 + 8) / 2}
    assert differences("asr2ser", 2) == {"scratch": 5, "own": 4}
    assert differences("ser2ser", 3) == {"scratch": 2, "random": 2 - 6}
    assert differences("random2ser", 3) == {"scratch": 6, "own": 4}


def test_the_spread_of_draws_is_that_within_a_fold_and_a_seed():
    # Folds and seeds differ by far more than draws do.
    errors = {("a", 1): (10, 14), ("a", 2): (30, 34), ("b", 1): (70, 70), ("b", 2): (90, 90)}
    runs = [_run("random2ser", 3, fold, e, seed) for (fold, seed), draws in errors.items() for e in draws]
    (row,) = summary(runs)
    assert row["repeat_spread"] == pytest.approx(np.sqrt((8 + 8 + 0 + 0) / 4))  # variances of 10 and 14: 8
    (row,) = summary(runs[::2])
    assert row["repeat_spread"] is None  # one draw has none


def test_the_spread_over_seeds_is_the_standard_deviation_of_their_means():
    runs = [
        _run("ser", None, fold, errors, seed) for seed, e in ((1, 10), (2, 14)) for fold, errors in (("a", e), ("b", e))
    ]
    (row,) = summary(runs)
    assert row["seed_spread"] == pytest.approx(np.std([10, 14], ddof=1))
    assert row["mean"] == pytest.approx(12.0)
