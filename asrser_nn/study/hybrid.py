"""Networks that share their first layers and learn together, beside separate ones and beside transfers: Table 4.

results.json has it under "hybrid": {"tasks", "runs", "summary", "cost"}. Its runs and the rows of its summary are as
those of the study, with "shared_layers" besides; a run has the directory of all its tasks under "hybrid". A row is
compared with NOTHING_SHARED, a hybrid of no shared layers, with "scratch", the separate networks, and, under the name
of each other task, with transfers from there that held as many layers constant.

Tasks that learn together stop together, when the mean of them is best: a task may learn for more epochs than alone, and
not be at its own best. What sharing itself brings shows beside networks that share nothing and learn like that.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from asrser_nn.study.measures import rows_of

LENIENT = "PER without silence"  # it has a table of its own
NOTHING_SHARED = "nothing shared"  # not a name that a task can have


def found(
    hybrids: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]], networks: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    """Both are runs as in results.json. networks: of each task, as layer_table has them"""
    tasks = list(dict.fromkeys(run["task"] for run in hybrids))
    return {
        "tasks": tasks,
        "runs": list(hybrids),
        "summary": summary(hybrids, others),
        "cost": cost(hybrids, others, {task: networks[task] for task in tasks}),
    }


def summary(hybrids: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Both are runs as in results.json. hybrids: one for each task of each; others: separate networks, transfers"""
    rows = []
    for task, shared in dict.fromkeys((run["task"], run["shared_layers"]) for run in hybrids):
        chosen = [run for run in hybrids if (run["task"], run["shared_layers"]) == (task, shared)]
        alike = [run for run in others if run["task"] == task]
        references = {"scratch": [run for run in alike if run["source_task"] is None]}
        if shared:
            references[NOTHING_SHARED] = [run for run in hybrids if (run["task"], run["shared_layers"]) == (task, 0)]
        for source in dict.fromkeys(run["task"] for run in hybrids if run["task"] != task and shared):
            references[source] = [
                run for run in alike if (run["source_task"], run["constant_layers"]) == (source, shared)
            ]
        rows += [row | {"shared_layers": shared} for row in rows_of(chosen, references)]
    return rows


def cost(
    hybrids: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]], networks: dict[str, list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Parameters, and epochs, frames and seconds of training, of networks for all tasks: separate (None) and hybrids.

    Means over the folds and seeds for which all of these are there.
    networks: of each task, as layer_table has them
    """
    tasks = list(networks)
    numbers = [None, *sorted({run["shared_layers"] for run in hybrids})]
    parameters = [[layer["parameters"] for layer in layers] for layers in networks.values()]

    alone = {(run["task"], run["fold"], run["seed"]): run for run in others if run["source_task"] is None}
    together: dict[tuple[str, int], dict[str, dict[str, Any]]] = defaultdict(dict)
    for run in hybrids:
        together[run["hybrid"], run["seed"]][run["task"]] = run
    trainings: dict[Any, dict[int | None, list[dict[str, Any]]]] = defaultdict(dict)
    for (_, seed), parts in together.items():
        folds = {task: part["fold"] for task, part in parts.items()}
        candidates = [alone.get((task, fold, seed)) or alone.get((task, None, seed)) for task, fold in folds.items()]
        separate = [run for run in candidates if run]
        if len(parts) == len(separate) == len(tasks):
            one = parts[tasks[0]]  # its epochs are those of all tasks
            trainings[tuple(folds.values()), seed] |= {None: separate, one["shared_layers"]: [one]}
    made = [some for some in trainings.values() if len(some) == len(numbers)]
    rows = []
    for shared in numbers:
        histories = [[run["history"] for run in some[shared]] for some in made]
        all_epochs = [[epoch for history in some for epoch in history] for some in histories]
        seconds = [sum(epoch["seconds"] for epoch in some) for some in all_epochs]
        frames = [sum(epoch["seconds"] * epoch["frames_per_second"] for epoch in some) for some in all_epochs]
        epochs = [[len(history) for history in some] for some in histories]
        rows.append(
            {
                "shared_layers": shared,
                "parameters": sum(map(sum, parameters)) - (len(tasks) - 1) * sum(parameters[0][: shared or 0]),
                "frames": float(np.mean(frames)) if made else None,
                "seconds": float(np.mean(seconds)) if made else None,
                "epochs": np.mean(epochs, axis=0).tolist() if made else None,
                "runs": len(made),
            }
        )
    return rows
