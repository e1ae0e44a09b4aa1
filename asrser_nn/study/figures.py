"""The report's figures, each from results.json alone, as PNG and PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from asrser_io.files import replacing
from asrser_nn.runs import FITTED
from asrser_nn.study import paper
from asrser_nn.study.task import Task
from asrser_nn.study.words import experiment, is_transfer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell; each has a marker of its own besides.
OTHER_TASKS = [
    {"color": color, "marker": marker}
    for color, marker in zip(("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"), "s^vDP", strict=True)
]
CONTROLS = {
    "own": {"label": "the task's own layers (control)", "color": "#0072B2", "marker": "o", "ls": "-."},
    "random": {"label": "random layers (control)", "color": "#777777", "marker": "x", "ls": ":"},
}
OF_PAPER = {"color": "black", "marker": "D", "mfc": "white", "lw": 1}
OF_HYBRID = {"label": "hybrid: layers shared", "color": "#0072B2", "marker": "D"}


def _figure(width: float, height: float, **options: Any) -> tuple[Figure, Any]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained", squeeze=False, **options)


def save(figure: Figure, folder: Path, name: str) -> Path:
    """Write name.png and name.pdf; returns the PNG's path."""
    import matplotlib.pyplot as plt

    for ending in ("pdf", "png"):
        with replacing(folder / f"{name}.{ending}") as file:
            # No date inside: the same results give the same files.
            figure.savefig(file, format=ending, dpi=150, metadata={"CreationDate": None} if ending == "pdf" else None)
    plt.close(figure)
    return folder / f"{name}.png"


def first_layer_filters(filters: dict[str, list]) -> Figure:
    """Figure 2: what layer 1 looks for, on the axes frequency (upwards) and time.

    filters: what the task is called → (filters, frequency, time)
    """
    figure, axes = _figure(4.2 * len(filters), 4.6, ncols=len(filters))
    for axis, (name, weights) in zip(axes[0], filters.items(), strict=True):
        table = np.array(weights)
        count, height, width = table.shape
        columns = int(np.ceil(np.sqrt(count)))
        rows = -(-count // columns)
        canvas = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
        for i, one in enumerate(table):
            top, left = (i // columns) * (height + 1), (i % columns) * (width + 1)
            # Each filter on its own scale, and turned over: row 0 of the weights is the lowest band.
            canvas[top : top + height, left : left + width] = one[::-1] / (np.abs(one).max() or 1)
        axis.imshow(canvas, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_title(f"{name}: {count} filters of {height} bands × {width} frames", fontsize=10)
        axis.set_xlabel("time →")
        axis.set_ylabel("frequency →")
    return figure


def errors_against_layers(summary: list[dict[str, Any]], tasks: Mapping[str, Task]) -> Figure | None:
    """Figure 3: errors against the number of constant layers, with the controls that were run and 95 % intervals.

    A row of panels for each task that layers go to and each of its first two measures; dev on the left, test right.
    """
    reached = {row["task"] for row in summary if is_transfer(row)}
    targets = [task for name, task in tasks.items() if name in reached]
    panels = [(task, measure) for task in reversed(targets) for measure in task.measures[:2]]
    if not panels:
        return None
    numbers = range(1 + max(5, *(row["constant_layers"] or 0 for row in summary)))  # at least those of the paper
    figure, axes = _figure(9.5, 3.1 * len(panels), nrows=len(panels), ncols=2, sharey="row")
    for line, (task, measure) in zip(axes, panels, strict=True):
        for axis, part in zip(line, ("dev", "test"), strict=True):
            rows = [row for row in summary if (row["task"], row["measure"], row["part"]) == (task.name, measure, part)]
            _draw_errors(axis, rows, numbers, task, tasks)
            speakers = max((row["speakers"] for row in rows), default=0)
            axis.set_title(f"{task.title}: {measure}, {part} ({speakers} speakers)", fontsize=10)
            axis.set_xlabel("constant layers $l$")
            axis.set_xticks(numbers)
            axis.set_xlim(-0.4, max(numbers) + 0.4)
            axis.grid(alpha=0.3)
        line[0].set_ylabel(f"{measure} (%)")
        if line[0].get_legend_handles_labels()[0]:
            line[0].legend(fontsize=8)
    return figure


def _draw_errors(
    axis: Any, rows: list[dict[str, Any]], numbers: Sequence[int], task: Task, tasks: Mapping[str, Task]
) -> None:
    """rows: all of one task, part and measure"""
    _draw_sources(axis, rows, numbers, task, tasks)
    for row in rows:
        if row["source_task"] is None:
            axis.axhline(row["mean"], color="black", ls="--", lw=1, label="from scratch")


def _draw_sources(
    axis: Any, rows: list[dict[str, Any]], numbers: Sequence[int], task: Task, tasks: Mapping[str, Task]
) -> None:
    """A line for each task that layers come from, and for the controls. rows: as for _draw_errors"""
    others = [name for name in tasks if name != task.name]
    lines: list[tuple[str, dict[str, Any]]] = [
        (name, {"label": f"layers of {tasks[name].label}", **OTHER_TASKS[i % len(OTHER_TASKS)]})
        for i, name in enumerate(others)
    ]
    lines += [
        (FITTED + name, {**style, "label": f"{style['label']}, fitted (control)", "ls": "--", "mfc": "white"})
        for name, style in lines
        if any(row["source_task"] == FITTED + name for row in rows)
    ]
    lines += [(task.name, CONTROLS["own"]), ("random", CONTROLS["random"])]
    for i, (source, style) in enumerate(lines):
        points = {row["constant_layers"]: row for row in rows if row["source_task"] == source}
        if points:  # side by side, so that intervals do not hide each other
            _draw_points(axis, points, numbers, 0.08 * (i - (len(lines) - 1) / 2), style)


def cost_beside_paper(summary: list[dict[str, Any]], tasks: Mapping[str, Task]) -> Figure | None:
    """What l constant layers cost on test: their error less that from scratch, here and in the paper.

    A row of panels for each task of the paper that layers go to; only where there is one.
    """
    reached = {row["task"] for row in summary if is_transfer(row)}
    directions = [(source, tasks[name]) for source, name in paper.TABLES if name in reached]
    if not directions:
        return None
    figure, axes = _figure(9.5, 3.4 * len(directions), nrows=len(directions), ncols=2)
    numbers = range(paper.NUM_TRANSFERS)
    for line, (source, task) in zip(axes, reversed(directions), strict=True):
        for axis, measure in zip(line, task.measures[:2], strict=True):
            rows = [
                {**row, "mean": comparison["difference"], "interval": comparison["interval"]}
                for row in summary
                if (row["task"], row["measure"], row["part"]) == (task.name, measure, "test")
                and (comparison := row["comparisons"].get("scratch"))
                and row["constant_layers"] in numbers
            ]
            _draw_sources(axis, rows, numbers, task, tasks)
            label = f"the paper's, {paper.CORPORA[source]} → {paper.CORPORA[task.name]}"
            axis.plot(numbers, paper.costs(source, task.name, measure), label=label, **OF_PAPER)
            axis.axhline(0, color="black", ls="--", lw=1)
            axis.set_title(f"{task.title}: {measure}, test, beside from scratch", fontsize=10)
            axis.set_xlabel("constant layers $l$")
            axis.set_ylabel(f"{measure}: difference in points")
            axis.set_xticks(numbers)
            axis.grid(alpha=0.3)
        line[0].legend(fontsize=8)
    return figure


def _draw_points(axis: Any, points: dict[int, Any], x: Sequence[int], shift: float, style: dict[str, str]) -> None:
    """points: x → row of a summary"""
    # NaN interrupts the line where a run is missing
    y = np.array([points[number]["mean"] if number in points else np.nan for number in x])
    bounds = np.array([points.get(number, {}).get("interval") or [y[i]] * 2 for i, number in enumerate(x)])
    spread = np.maximum(0, [y - bounds[:, 0], bounds[:, 1] - y])
    axis.errorbar(np.array(x) + shift, y, yerr=spread, capsize=3, lw=1.5, ms=5, **style)


def errors_against_shared_layers(
    hybrid: dict[str, Any], summary: list[dict[str, Any]], tasks: Mapping[str, Task]
) -> Figure:
    """Figure 4: a row of panels for each task, dev on the left, test on the right, by its main measure.

    hybrid: as results.json has it; summary: that of the other networks
    """
    names = hybrid["tasks"]
    figure, axes = _figure(9.5, 3.1 * len(names), nrows=len(names), ncols=2, sharey="row")
    for line, name in zip(axes, names, strict=True):
        task = tasks[name]
        for axis, part in zip(line, ("dev", "test"), strict=True):
            ours, theirs = (
                [r for r in rows if (r["task"], r["measure"], r["part"]) == (name, task.main_measure, part)]
                for rows in (hybrid["summary"], summary)
            )
            together = {row["shared_layers"]: row for row in ours}
            numbers = sorted(together)
            others = [other for other in names if other != name]
            for i, other in enumerate(others):
                held = [number for number in numbers if number]  # to begin with them is no constant layer
                alike = [row for row in theirs if row["source_task"] == other and row["constant_layers"] in held]
                if alike:
                    style = {"label": f"layers of {tasks[other].label}, constant", **OTHER_TASKS[i % len(OTHER_TASKS)]}
                    _draw_points(axis, {row["constant_layers"]: row for row in alike}, held, 0.06 * (i + 1), style)
            _draw_points(axis, together, numbers, 0, OF_HYBRID)
            if 0 in together:
                label = "hybrid that shares nothing"
                axis.axhline(together[0]["mean"], color=OF_HYBRID["color"], ls=":", lw=1.5, label=label)
            for row in theirs:
                if row["source_task"] is None:
                    axis.axhline(row["mean"], color="black", ls="--", lw=1, label="separate network")
            speakers = max((row["speakers"] for row in ours), default=0)
            axis.set_title(f"{task.label}: {task.main_measure}, {part} ({speakers} speakers)", fontsize=10)
            axis.set_xlabel("layers that are shared, or constant")
            axis.set_xticks(numbers)
            axis.set_xlim(min(together, default=0) - 0.4, max(together, default=0) + 0.4)
            axis.grid(alpha=0.3)
        line[0].set_ylabel(f"{task.main_measure} (%)")
        line[0].legend(fontsize=8)
    return figure


def learning_curves(runs: list[dict[str, Any]], tasks: Mapping[str, Task]) -> Figure | None:
    """Loss on the training set and accuracy on dev by epoch, one thin line per run, one panel per experiment."""
    with_history = [run for run in runs if run.get("history")]
    experiments = list(dict.fromkeys((run["task"], run["source_task"]) for run in with_history))
    if not experiments:
        return None
    figure, axes = _figure(9, 2.8 * len(experiments), nrows=len(experiments), ncols=2)
    import matplotlib

    colours = matplotlib.colormaps["viridis"]
    for line, (task, source) in zip(axes, experiments, strict=True):
        for run in (r for r in with_history if (r["task"], r["source_task"]) == (task, source)):
            layers = run["constant_layers"]
            style = {"color": "#444444" if layers is None else colours(layers / 5.5), "lw": 1, "marker": ".", "ms": 4}
            label = "from scratch" if layers is None else f"l = {layers}"
            epochs = [epoch["epoch"] for epoch in run["history"]]
            for axis, value in zip(line, ("train_loss", "dev_accuracy"), strict=True):
                axis.plot(epochs, [epoch[value] for epoch in run["history"]], label=label, **style)
        for axis, text in zip(line, ("training loss (nats)", "dev frame accuracy (%)"), strict=True):
            axis.set_title(experiment(tasks, task, source), fontsize=10)
            axis.set_xlabel("epoch")
            axis.set_ylabel(text)
            axis.xaxis.get_major_locator().set_params(integer=True)
            axis.grid(alpha=0.3)
            entries = dict(zip(*axis.get_legend_handles_labels()[::-1], strict=True))
            axis.legend(entries.values(), entries.keys(), fontsize=7)
    return figure


class Confusion(NamedTuple):
    title: str
    counts: list[list[int]]  # (classes, classes), a row for each true class
    classes: Sequence[str]


def confusion_matrices(matrices: Sequence[Confusion]) -> Figure | None:
    """Shares of each true class that were taken for each class, two matrices side by side."""
    if not matrices:
        return None
    rows = -(-len(matrices) // 2)
    figure, axes = _figure(8.8, 4.2 * rows, nrows=rows, ncols=2)
    for axis in axes.flat[len(matrices) :]:
        axis.set_axis_off()
    for axis, (title, counts, names) in zip(axes.flat, matrices, strict=False):
        table = np.array(counts, dtype=float)
        share = 100 * table / np.maximum(1, table.sum(axis=1, keepdims=True))
        axis.imshow(share, cmap="Blues", vmin=0, vmax=100)
        for i, j in np.ndindex(*share.shape):
            axis.text(
                j, i, f"{share[i, j]:.0f}", ha="center", va="center", color="white" if share[i, j] > 55 else "black"
            )
        axis.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=9)
        axis.set_yticks(range(len(names)), names, fontsize=9)
        axis.set_xlabel("answer")
        axis.set_ylabel("truth (rows sum to 100 %)")
        axis.set_title(title, fontsize=10)
    return figure
