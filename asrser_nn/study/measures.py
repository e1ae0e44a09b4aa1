"""The figures of the study, worked out from counts: mean over folds, pooled, and how sure one can be of them.

Every measure here is a mean over classes of hits / total, in per cent: FER, PER, E and WA have one class (hits are the
errors, for WA the right utterances); UE and UA have one per class of the task, so that a rare one weighs like any. In
UE silence weighs as much as an emotion does, and a network may gain by telling speech from silence alone: UE without
silence shows whether it does.

The counts of one run, for one part (dev or test) and one measure, are {speaker: [[hits, total], one pair per class]}.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asrser_nn.runs import FITTED
from asrser_nn.study.statistics import CANNOT_BE_TOLD, bootstrap_interval, paired_bootstrap, with_counts

Counts = dict[str, list[list[int]]]
LEAST_SPEAKERS = 6  # for a verdict; see compare
WITHOUT_SILENCE = "UE without silence"
REFERENCES = {  # what a transfer with l constant layers is compared with
    "scratch": "from scratch: all layers trained for the task",
    "own": "own layers: l layers of the task itself, held constant too",
    "random": "random layers: l layers that were never trained, held constant too",
    "fitted": "fitted layers: the same layers, with BatchNorm statistics of this task's training set",
}


class Measure(NamedTuple):
    meaning: str  # with {unit} for what a class of the task is, such as emotion
    lower_is_better: bool = True


MEASURES = {
    "FER": Measure("frame error rate: share of frames whose {unit} is wrong"),
    "PER": Measure("phone error rate, silence scored; TIMIT's phones are folded to 39"),
    "PER without silence": Measure("the lenient figure, silence removed before scoring"),
    "E": Measure("frame error rate over the classes, silence among them"),
    "UE": Measure("1 - unweighted average recall of the frames, over the same classes"),
    WITHOUT_SILENCE: Measure(
        "1 - unweighted average recall of the frames over the classes but silence, a frame taken for silence an error"
    ),
    "WA": Measure("share of utterances whose {unit} is right", lower_is_better=False),
    "UA": Measure("unweighted average recall of the utterances", lower_is_better=False),
}


def frame_errors(evaluation: dict[str, Any], utt2spk: dict[str, str]) -> Counts:
    counts: Counts = defaultdict(lambda: [[0, 0]])
    for entry in evaluation["per_utterance"]:
        (pair,) = counts[utt2spk[entry["utterance"]]]
        pair[0] += entry["errors"]
        pair[1] += entry["frames"]
    return dict(counts)


def class_counts(evaluation: dict[str, Any], utt2spk: dict[str, str]) -> dict[str, Counts]:
    """What is counted in one evaluation, from the confusion of each utterance's frames and the answer for it."""
    names = list(evaluation["utterances"]["support"])
    spoken = [evaluation["classes"].index(name) for name in names]
    frames: dict[str, Any] = defaultdict(int)
    utterances: dict[str, Any] = defaultdict(lambda: np.zeros((len(names),) * 2, dtype=int))
    for entry in evaluation["per_utterance"]:
        speaker = utt2spk[entry["utterance"]]
        frames[speaker] = frames[speaker] + np.array(entry["confusion"])
        if entry["reference"] is not None:
            utterances[speaker][names.index(entry["reference"]), names.index(entry["hypothesis"])] += 1
    found: dict[str, Counts] = {"E": {}, "UE": {}, WITHOUT_SILENCE: {}, "WA": {}, "UA": {}}
    for speaker, confusion in frames.items():
        totals, right = confusion.sum(axis=1), np.diag(confusion)
        found["E"][speaker] = [[int((totals - right).sum()), int(totals.sum())]]
        by_class = np.stack([totals - right, totals], axis=1)
        found["UE"][speaker] = by_class.tolist()
        found[WITHOUT_SILENCE][speaker] = by_class[spoken].tolist()
    for speaker, confusion in utterances.items():
        totals, right = confusion.sum(axis=1), np.diag(confusion)
        found["WA"][speaker] = [[int(right.sum()), int(totals.sum())]]
        found["UA"][speaker] = np.stack([right, totals], axis=1).tolist()
    return found


def rate(counts: NDArray) -> NDArray:
    """Mean over the classes that occur of hits / total, in per cent: (..., classes, 2) → (...), NaN where none."""
    hits, totals = counts[..., 0], counts[..., 1]
    occurs = totals > 0
    per_class = np.divide(hits, totals, out=np.zeros(hits.shape), where=occurs)
    num_classes = occurs.sum(axis=-1)
    mean = np.full(num_classes.shape, np.nan)
    return 100 * np.divide(per_class.sum(axis=-1), num_classes, out=mean, where=num_classes > 0)


def mean_over_runs(counts: NDArray) -> NDArray:
    """The mean over runs (folds) of each run's rate: (..., runs, classes, 3) → (...).

    The third number is the run's weight, which it gets from its speakers in equal shares: where each run tests
    another speaker (leave one speaker out), a speaker drawn twice is a fold counted twice; where all runs test the same
    speakers all weigh the same.
    """
    weights = counts[..., 0, 2]
    rates = rate(counts[..., :2])
    usable = (weights > 0) & ~np.isnan(rates)
    total = np.where(usable, weights * np.nan_to_num(rates), 0.0).sum(axis=-1)
    return total / np.where(usable, weights, 0.0).sum(axis=-1)


def _by_speaker(runs: Sequence[Counts], num_runs: int | None = None) -> NDArray:
    """(speakers, runs, classes, 3): hits, total, and the speaker's share of the run's weight; zero where not heard.

    num_runs: more runs than there are leave empty ones, which weigh nothing
    """
    speakers = _speakers(runs)
    num_classes = len(next(iter(runs[0].values())))
    table = np.zeros((len(speakers), num_runs or len(runs), num_classes, 3))
    for j, counts in enumerate(runs):
        for i, speaker in enumerate(speakers):
            if speaker in counts:
                table[i, j, :, :2] = counts[speaker]
                table[i, j, :, 2] = 1 / len(counts)
    return table


def _speakers(runs: Sequence[Counts]) -> list[str]:
    return sorted({speaker for counts in runs for speaker in counts})


def summarise(runs: Sequence[Counts]) -> dict[str, Any]:
    """Mean over runs, pooled rate, and 95 % interval by bootstrap over speakers (None with fewer than two of them)."""
    table = _by_speaker(runs)
    pooled = table[..., :2].sum(axis=(0, 1))
    estimate = bootstrap_interval(table, mean_over_runs)
    return {
        "mean": estimate.value,
        "pooled": float(rate(pooled)),
        "interval": [estimate.low, estimate.high] if len(table) > 1 else None,
        "speakers": len(table),
        "runs": len(runs),
        "total": int(pooled[:, 1].sum()),
    }


def compare(runs: Sequence[Counts], baseline: Sequence[Counts], lower_is_better: bool) -> dict[str, Any] | None:
    """Paired comparison with the baseline: difference, its 95 % interval, and a verdict.

    None when the two have not heard the same speakers, or fewer than two. With fewer than six nothing is told: even if
    all of them differ in one direction, that happens by chance in more than 5 % (2 · 0.5⁵ = 6.25 %, a sign test).
    """
    if _speakers(runs) != _speakers(baseline) or len(_speakers(runs)) < 2:
        return None
    num_runs = max(len(runs), len(baseline))
    found = paired_bootstrap(_by_speaker(runs, num_runs), _by_speaker(baseline, num_runs), mean_over_runs)
    opposite = {"better": "worse", "worse": "better"}
    verdict = found.verdict if found.num_speakers >= LEAST_SPEAKERS else CANNOT_BE_TOLD
    return {
        "difference": found.difference,
        "interval": [found.low, found.high],
        "p_value": found.p_value,
        "verdict": verdict if lower_is_better else opposite.get(verdict, verdict),
        "speakers": found.num_speakers,
    }


def summary(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each experiment, number of constant layers, part and measure that the runs have counts of.

    A transfer is compared with what REFERENCES names, where that was run.
    runs: as in results.json; each has experiment, task, source_task, constant_layers, fold, seed and counts
          {part: {measure: Counts}}
    """
    rows = []
    for experiment, layers in dict.fromkeys((run["experiment"], run["constant_layers"]) for run in runs):
        chosen = [run for run in runs if (run["experiment"], run["constant_layers"]) == (experiment, layers)]
        rows += rows_of(chosen, {name: _reference(name, chosen, runs) for name in REFERENCES})
    return rows


def rows_of(chosen: Sequence[dict[str, Any]], references: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """A row for each part and measure of runs of one kind, compared with the runs of each reference.

    Folds and seeds that only one of the two sides has do not take part in a comparison. Its interval is over speakers,
    for these seeds: what another seed turns round isn't told.
    """
    rows = []
    pairs = {name: (_paired(chosen, others), _paired(others, chosen)) for name, others in references.items()}
    for part in ("dev", "test"):
        for measure in MEASURES:
            counts = _counts(chosen, part, measure)
            if not counts:
                continue
            lower = MEASURES[measure].lower_is_better
            comparisons = {}
            for name, pair in pairs.items():
                ours, theirs = (_counts(runs, part, measure) for runs in pair)
                if ours and theirs and (found := compare(ours, theirs, lower)):
                    found["by_seed"] = _differences_by_seed(*pair, part, measure)
                    if min(found["by_seed"].values()) <= 0 <= max(found["by_seed"].values()):
                        found["verdict"] = CANNOT_BE_TOLD
                    comparisons[name] = found
            rows.append(
                {
                    **{name: chosen[0][name] for name in ("experiment", "task", "source_task", "constant_layers")},
                    "part": part,
                    "measure": measure,
                    **summarise(counts),
                    "folds": _means_by("fold", chosen, part, measure),
                    "seeds": len({run["seed"] for run in chosen}),
                    "seed_spread": _spread(list(_means_by("seed", chosen, part, measure).values())),
                    "repeat_spread": _spread_of_repeats(chosen, part, measure),
                    "comparisons": comparisons,
                }
            )
    return rows


def _reference(name: str, chosen: Sequence[dict[str, Any]], runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs with which the chosen ones, of one experiment and number of constant layers, are compared."""
    task, source, layers = (chosen[0][what] for what in ("task", "source_task", "constant_layers"))
    of_reference = {
        "scratch": (None, None),
        "own": (task, layers),
        "random": ("random", layers),
        "fitted": (f"{FITTED}{source}", layers),
    }[name]
    if source is None or of_reference[0] == source:
        return []
    return [
        run for run in runs if (run["task"], run["source_task"], run["constant_layers"]) == (task, *of_reference)
    ]


def _paired(runs: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs whose seed and fold some other one has, too; a run without a fold goes with every fold."""
    theirs = {(other["seed"], other["fold"]) for other in others}
    without_fold = {seed for seed, fold in theirs if fold is None}
    seeds = {seed for seed, _ in theirs}
    return [
        run
        for run in runs
        if (run["seed"], run["fold"]) in theirs or run["seed"] in (seeds if run["fold"] is None else without_fold)
    ]


def _counts(runs: Sequence[dict[str, Any]], part: str, measure: str) -> list[Counts]:
    return [run["counts"][part][measure] for run in runs if measure in run["counts"].get(part, {})]


def _means_by(what: str, runs: Sequence[dict[str, Any]], part: str, measure: str) -> dict[str, float]:
    values = sorted({run[what] for run in runs if run[what] is not None})
    grouped = {value: _counts([run for run in runs if run[what] == value], part, measure) for value in values}
    return {str(value): _mean(counts) for value, counts in grouped.items() if counts}


def _mean(runs: Sequence[Counts]) -> float:
    """That of summarise, which draws thousands of times for its interval."""
    return float(mean_over_runs(with_counts(_by_speaker(runs)).sum(axis=0)))


def _differences_by_seed(
    runs: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]], part: str, measure: str
) -> dict[str, float]:
    """Of runs that are paired with the others."""
    ours, theirs = (_means_by("seed", some, part, measure) for some in (runs, others))
    return {seed: ours[seed] - theirs[seed] for seed in ours if seed in theirs}


def _spread_of_repeats(runs: Sequence[dict[str, Any]], part: str, measure: str) -> float | None:
    """Standard deviation between runs that differ in nothing but the draw of their random layers, over all such."""
    groups: dict[Any, list[Counts]] = defaultdict(list)
    for run in runs:
        groups[run["fold"], run["seed"]] += _counts([run], part, measure)
    spreads = [_spread([_mean([counts]) for counts in group]) for group in groups.values()]
    known = [spread for spread in spreads if spread is not None]
    return float(np.sqrt(np.mean(np.square(known)))) if known else None


def _spread(figures: list[float]) -> float | None:
    """Standard deviation, None for a single figure."""
    return float(np.std(figures, ddof=1)) if len(figures) > 1 else None
