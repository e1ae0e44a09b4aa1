"""What a study says, in words: the paper's reading of it, and the one that controls allow."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from asrser_nn.study.task import Task, task_of

RANDOM_LAYERS = (
    "Random layers have weights as those with which a training begins, N(0, 2/n), and the BatchNorm statistics that "
    "the training set has behind them. The first l stay so, those after them are trained. They are drawn anew for each "
    "seed, each fold and each draw."
)
NO_CONTROLS = "No controls were run (--controls true)."
COMPARED = {"scratch": "a network from scratch", "own": "the task's own layers", "random": "random layers"}
CONCLUSIONS = {
    "better": "They know something of this task.",
    "worse": "They serve this task less than layers that have learnt nothing.",
    "can't be told": "Whether they know anything of this task can't be told.",
}


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
    return f"control: random layers → {mine}" if source == "random" else f"{label(tasks, source)} → {mine}"


class Reading(NamedTuple):
    """A way to read a study: what it asks, and what it finds on test, a sentence for each transfer and l."""

    name: str
    explanation: str
    sentences: list[str]


def readings(results: dict[str, Any]) -> list[Reading]:
    tasks = tasks_of(results)
    main = {name: task.main_measure for name, task in tasks.items()}
    rows = [row for row in results["summary"] if row["part"] == "test" and row["measure"] == main.get(row["task"])]
    transfers = [row for row in rows if row["source_task"] not in (None, row["task"], "random")]
    papers = [
        f"{_figure(tasks, row)}, {_difference(row, 'scratch')}." for row in transfers if "scratch" in row["comparisons"]
    ]
    controlled = []
    for row in transfers:
        if names := [name for name in ("random", "own") if name in row["comparisons"]]:
            said = f"{_figure(tasks, row)}, {' and '.join(_difference(row, name) for name in names)}."
            controlled.append(said + _conclusion(row))
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
            + (RANDOM_LAYERS if controlled else NO_CONTROLS),
            controlled,
        ),
    ]


def _figure(tasks: Mapping[str, Task], row: dict[str, Any]) -> str:
    layers = {0: "no layer", 1: "the first layer"}.get(
        row["constant_layers"], f"the first {row['constant_layers']} layers"
    )
    interval = "" if row["interval"] is None else " to ".join(f"{bound:.1f}" for bound in row["interval"]) + ", "
    figure = f"{row['measure']} {row['mean']:.1f} % ({interval}n {row['speakers']})"
    return f"{experiment(tasks, row['task'], row['source_task'])} with {layers} constant: {figure}"


def _difference(row: dict[str, Any], name: str) -> str:
    comparison = row["comparisons"][name]
    verdict, other = comparison["verdict"], COMPARED[name]
    told = f"{verdict} than {other}" if verdict in ("better", "worse") else f"not told apart from {other}"
    low, high = comparison["interval"]
    return f"{told} ({comparison['difference']:+.1f}, {low:+.1f} to {high:+.1f}, n {comparison['speakers']})"


def _conclusion(row: dict[str, Any]) -> str:
    random = row["comparisons"].get("random")
    return f" {CONCLUSIONS[random['verdict']]}" if random else ""
