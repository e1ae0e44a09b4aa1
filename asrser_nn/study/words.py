"""What a study says, in words: the paper's reading of it, and the one that controls allow."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from asrser_nn.runs import FITTED
from asrser_nn.study.hybrid import NOTHING_SHARED
from asrser_nn.study.measures import WITHOUT_SILENCE
from asrser_nn.study.task import Task, task_of

RANDOM_LAYERS = (
    "Random layers have weights as those with which a training begins, N(0, 2/n), and the BatchNorm statistics that "
    "the training set has behind them. The first l stay so, those after them are trained. They are drawn anew for each "
    "seed, each fold and each draw. Layers of another task keep the statistics of the speech that they learnt from; a "
    "part of what they cost may be that these do not fit. Those called fitted have got the statistics of this task's "
    "training set, as random ones have."
)
BESIDE_NOTHING_SHARED = (
    "What sharing brings shows beside a hybrid that shares nothing (--shared-layers 0), not beside separate networks, "
    "which may have learnt for fewer epochs."
)
OF_SILENCE = (
    "To tell silence from speech, which UE counts like any other class, one need know nothing of this task: what is "
    "concluded is so from UE without silence. "
)
NO_CONTROLS = "No controls were run (--controls true)."
COMPARED = {
    "scratch": "a network from scratch",
    "own": "the task's own layers",
    "random": "random layers",
    "fitted": "the same layers, fitted",
}
CONCLUSIONS = {
    "better": "They know something of this task.",
    "worse": "They serve this task less than layers that have learnt nothing.",
    "can't be told": "Whether they know anything of this task can't be told.",
}


def joined(words: Iterable[str]) -> str:
    """speech, emotion and gender"""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def provenance_text(value: str | dict[str, list[int]]) -> str:
    """value: of "provenance" in results.json, which holds the seeds of each where parts of a study differ"""
    if isinstance(value, str):
        return value
    return "; ".join(f"{one} (seed{'s' * (len(some) > 1)} {joined(map(str, some))})" for one, some in value.items())


def tasks_of(results: Mapping[str, Any]) -> dict[str, Task]:
    """The tasks that results.json is about, by their names."""
    return {name: task_of(data, "tasks in results.json") for name, data in results["tasks"].items()}


def label(tasks: Mapping[str, Task], name: str) -> str:
    return tasks[name].label if name in tasks else name.upper()


def experiment(tasks: Mapping[str, Task], task: str, source: str | None) -> str:
    """What the training of networks for a task, with layers from another one, is called."""
    mine = label(tasks, task)
    if source is None:
        return f"{tasks[task].title if task in tasks else mine} baseline"
    if source == task:
        return f"control: {mine}'s own layers"
    return f"{'control: ' * is_control(source, task)}{named_source(tasks, source)} → {mine}"


def named_source(tasks: Mapping[str, Task], source: str) -> str:
    """Where layers come from."""
    fitted = ", fitted" * source.startswith(FITTED)
    return "random layers" if source == "random" else label(tasks, source.removeprefix(FITTED)) + fitted


def is_control(source: str | None, task: str) -> bool:
    """Whether layers come from the task itself, from no training, or fitted from another task."""
    return source in (task, "random") or (source or "").startswith(FITTED)


def is_transfer(row: Mapping[str, Any]) -> bool:
    """Whether a row of a summary is of another task's layers as they are."""
    return row["source_task"] is not None and not is_control(row["source_task"], row["task"])


class Reading(NamedTuple):
    """A way to read a study: what it asks, and what it finds on test, a sentence for each transfer and l."""

    name: str
    explanation: str
    sentences: list[str]


def readings(results: dict[str, Any]) -> list[Reading]:
    tasks = tasks_of(results)
    main = {name: task.main_measure for name, task in tasks.items()}
    rows = [row for row in results["summary"] if row["part"] == "test" and row["measure"] == main.get(row["task"])]
    transfers = [row for row in rows if is_transfer(row)]
    fitted = [row for row in rows if (row["source_task"] or "").startswith(FITTED)]
    without_silence = _without_silence(results["summary"], "experiment", "constant_layers")
    papers = [
        f"{_figure(tasks, row)}, {_difference(row, 'scratch')}." for row in transfers if "scratch" in row["comparisons"]
    ]
    controlled = []
    for row in [*transfers, *fitted]:
        if names := [name for name in ("random", "own") if name in row["comparisons"]]:
            said = f"{_figure(tasks, row)}, {' and '.join(_difference(row, name) for name in names)}."
            if spoken := without_silence.get((row["experiment"], row["constant_layers"])):
                said += f" Without silence: {' and '.join(_difference(spoken, name) for name in names)}."
            controlled.append(said + _conclusion(spoken or row))
    return [
        Reading(
            "The paper's reading",
            "What does it cost to hold layers of the other task constant, beside a network trained from scratch? "
            "The less, the more general they are, says the paper.",
            papers,
        ),
        Reading(
            "The controlled reading",
            "That cost alone is no evidence for or against features that travel: to be held constant costs something, "
            "whatever a layer knows, and the layers behind it learn even from random ones. Beside random layers it "
            "shows what the other task's layers know of this one; beside the task's own layers, what they lack. "
            + OF_SILENCE * bool(controlled and without_silence)
            + (RANDOM_LAYERS if controlled else NO_CONTROLS),
            controlled,
        ),
    ]


def _without_silence(summary: list[dict[str, Any]], *key: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows on test of the measure in which silence does not count, by what they are about."""
    what = ("test", WITHOUT_SILENCE)
    return {tuple(row[name] for name in key): row for row in summary if (row["part"], row["measure"]) == what}


def reading_of_hybrid(results: dict[str, Any]) -> Reading:
    """A sentence for each task and number of shared layers. Only where a hybrid was trained."""
    tasks, found = tasks_of(results), results["hybrid"]
    without_silence = _without_silence(found["summary"], "task", "shared_layers")
    said = []
    for row in found["summary"]:
        if (row["part"], row["measure"]) != ("test", tasks[row["task"]].main_measure):
            continue
        others = [name for name in found["tasks"] if name != row["task"]]
        compared = {NOTHING_SHARED: "a hybrid that shares nothing", "scratch": "a separate network"} | {
            name: f"{experiment(tasks, row['task'], name)} with as many layers constant" for name in others
        }
        differences = [_difference(row, name, text) for name, text in compared.items() if name in row["comparisons"]]
        with_whom = " and ".join(label(tasks, name) for name in others)
        layers = _layers(row["shared_layers"])
        figure = f"{label(tasks, row['task'])}, {layers} shared with {with_whom}: {_error(row)}"
        spoken = without_silence.get((row["task"], row["shared_layers"]))
        if spoken and NOTHING_SHARED in spoken["comparisons"]:
            differences.append(f"without silence {_difference(spoken, NOTHING_SHARED, compared[NOTHING_SHARED])}")
        said.append(", ".join([figure, *differences]) + ".")
    return Reading(
        "The hybrid",
        "What does it cost, or bring, a task to have its first layers in common with another one, when both learn at "
        "the same time? Early stopping looked at both: at the mean of the dev accuracies, each divided by that of the "
        f"separate network. {BESIDE_NOTHING_SHARED}",
        said,
    )


def _layers(number: int) -> str:
    return {0: "no layer", 1: "the first layer"}.get(number, f"the first {number} layers")


def _error(row: dict[str, Any]) -> str:
    interval = "" if row["interval"] is None else " to ".join(f"{bound:.1f}" for bound in row["interval"]) + ", "
    return f"{row['measure']} {row['mean']:.1f} % ({interval}n {row['speakers']})"


def _figure(tasks: Mapping[str, Task], row: dict[str, Any]) -> str:
    layers = _layers(row["constant_layers"])
    return f"{experiment(tasks, row['task'], row['source_task'])} with {layers} constant: {_error(row)}"


def _difference(row: dict[str, Any], name: str, other: str | None = None) -> str:
    """other: what it is compared with, in words, where COMPARED does not say so"""
    comparison = row["comparisons"][name]
    verdict, other = comparison["verdict"], other or COMPARED[name]
    told = f"{verdict} than {other}" if verdict in ("better", "worse") else f"not told apart from {other}"
    low, high = comparison["interval"]
    return f"{told} ({comparison['difference']:+.1f}, {low:+.1f} to {high:+.1f}, n {comparison['speakers']})"


def _conclusion(row: dict[str, Any]) -> str:
    random = row["comparisons"].get("random")
    return f" {CONCLUSIONS[random['verdict']]}" if random else ""
