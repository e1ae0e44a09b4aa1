"""The report of a study, from its results.json alone: tables, figures, and one page that opens without a network."""

import base64
import csv
import html
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asrser_io.files import Failure, write_text
from asrser_nn.runs import FITTED
from asrser_nn.study import figures, paper
from asrser_nn.study.hybrid import LENIENT, NOTHING_SHARED
from asrser_nn.study.measures import LEAST_SPEAKERS, MEASURES, REFERENCES, WITHOUT_SILENCE
from asrser_nn.study.summary import aligned
from asrser_nn.study.task import Task
from asrser_nn.study.words import (
    BESIDE_NOTHING_SHARED,
    NO_CONTROLS,
    RANDOM_LAYERS,
    Reading,
    experiment,
    is_control,
    named_source,
    provenance_text,
    reading_of_hybrid,
    readings,
    tasks_of,
)

MISSING = "missing"
PARTS = ("dev", "test")
# Measures that stand in a table together, and what it is called besides its transfer.
TOGETHER = {
    "": ("FER", "PER", "E", "UE"),
    "Frames without silence": (WITHOUT_SILENCE,),
    "Whole utterances": ("WA", "UA"),
    "Lenient PER, not the standard one": ("PER without silence",),
}
VERDICTS = (
    "In brackets the 95 % interval of a paired bootstrap over the speakers, for these seeds: too narrow where speakers "
    f"are few. Better or worse: it leaves out zero, {LEAST_SPEAKERS} speakers or more were heard, and all seeds agree. "
    "Of many comparisons one in twenty, or more, leaves out zero by chance."
)
ON_SCREEN = ("FER", "PER", "UE", "UA")
ESCAPED_BAR = r"\|"  # in Markdown's tables


def markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', ESCAPED_BAR) for cell in cells)} |"


class Table:
    """Rows of text under a header, with a caption; written as Markdown, CSV and HTML."""

    def __init__(self, name: str, caption: str, header: list[str], rows: Iterable[list[str]]):
        self.name, self.caption, self.header, self.rows = name, caption, header, list(rows)

    def markdown(self) -> str:
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return f"**{self.name}.** {self.caption}\n\n" + "\n".join(map(markdown_row, lines)) + "\n"

    def html(self) -> str:
        def cells(row: list[str], tag: str) -> str:
            return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)

        body = "".join(f"<tr>{cells(row, 'td')}</tr>\n" for row in self.rows)
        return (
            f"<figure><figcaption><b>{html.escape(self.name)}.</b> {html.escape(self.caption)}</figcaption>"
            f'<div class="scroll" tabindex="0"><table><tr>{cells(self.header, "th")}</tr>\n{body}</table></div>'
            "</figure>\n"
        )


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"


def _with_interval(row: dict[str, Any] | None, digits: int = 2, with_n: bool = True) -> str:
    """The figure, its standard deviation over seeds if there are several, its interval, and over how many speakers."""
    if row is None:
        return MISSING
    spread = "" if row["seed_spread"] is None else f" ± {row['seed_spread']:.{digits}f}"
    interval = "" if row["interval"] is None else f" [{', '.join(f'{bound:.{digits}f}' for bound in row['interval'])}]"
    return f"{row['mean']:.{digits}f}{spread}{interval}" + f", n {row['speakers']}" * with_n


def _difference(comparison: dict[str, Any] | None) -> str:
    """The same of a difference, with what can be told of it."""
    if comparison is None:
        return ""
    interval = "[{:+.2f}, {:+.2f}]".format(*comparison["interval"])
    return f"{comparison['difference']:+.2f} {interval}, n {comparison['speakers']}: {comparison['verdict']}"


def _runs(row: dict[str, Any] | None) -> str:
    """What the runs behind a figure are: folds × seeds × draws, or their number where some are missing."""
    if row is None:
        return "0"
    folds, seeds = max(1, len(row["folds"])), row["seeds"]
    draws = -(-row["runs"] // (folds * seeds))
    factors = [(len(row["folds"]), "fold"), (seeds, "seed")] + [(draws, "draw")] * (row["source_task"] == "random")
    product = " × ".join(f"{number} {what}{'s' * (number > 1)}" for number, what in factors if number)
    return product if folds * seeds * draws == row["runs"] else f"{row['runs']} of {product}"


class _Summary:
    """The rows of results["summary"], found by what they are about."""

    def __init__(self, results: dict[str, Any]):
        self.rows = results["summary"]
        self.tasks = tasks_of(results)
        self._by_key = {
            (r["source_task"], r["task"], r["constant_layers"], r["part"], r["measure"]): r for r in self.rows
        }
        several_seeds = any(row["seed_spread"] is not None for row in self.rows)
        self.spread = "after ± the standard deviation over seeds, " * several_seeds  # for captions

    def find(self, source: str | None, task: str, layers: int | None, part: str, measure: str) -> dict[str, Any] | None:
        return self._by_key.get((source, task, layers, part, measure))

    def layers(self, source: str | None, task: str) -> list[int | None]:
        """The numbers of constant layers with which it was run, the largest first."""
        found = {row["constant_layers"] for row in self.rows if (row["source_task"], row["task"]) == (source, task)}
        return sorted(found, key=lambda layers: -1 if layers is None else layers, reverse=True)

    def transfers(self) -> list[tuple[str, Task]]:
        """Each task that layers come from, and each other one that they go to."""
        return [(source, task) for task in self.tasks.values() for source in self.tasks if source != task.name]

    def controls(self, task: str) -> list[str]:
        """What layers come from in those that were run: the task itself, another one but fitted, or no training."""
        fitted = [FITTED + source for source in self.tasks if source != task]
        return [source for source in (task, *fitted, "random") if self.layers(source, task)]

    def name(self, source: str | None, task: str, layers: int | None = None) -> str:
        return experiment(self.tasks, task, source) + ("" if layers is None else f", l = {layers}")


def _transfer_table(summary: _Summary, name: str, source: str, task: Task, measures: list[str]) -> Table:
    has_paper = paper.published(task.name, None, measures[0], "dev") is not None and (source, task.name) in paper.TABLES
    header = ["", "runs"]
    for measure in measures:
        for part in PARTS:
            header += [f"{measure} {part}"] + ["paper"] * has_paper
    rows = []
    controls = summary.controls(task.name)
    # the paper's order: the baseline, then from all layers constant to none
    tried = {row["constant_layers"] for row in summary.rows if row["constant_layers"] is not None}
    listed = range(5, -1, -1) if (source, task.name) in paper.TABLES else sorted(tried, reverse=True)
    lines = [(None, None), *((source, layers) for layers in listed)]
    lines += [(control, layers) for control in controls for layers in summary.layers(control, task.name)]
    for origin, layers in lines:
        row = [summary.name(origin, task.name, layers)]
        found = [summary.find(origin, task.name, layers, part, measure) for measure in measures for part in PARTS]
        row.append(_runs(max((r for r in found if r), key=lambda r: r["runs"], default=None)))
        for measure in measures:
            for part in PARTS:
                row.append(_with_interval(summary.find(origin, task.name, layers, part, measure)))
                if has_paper:
                    transfer = task.name if origin is None else f"{origin}2{task.name}"
                    published = paper.published(transfer, layers, measure, part)
                    row.append("" if published is None else f"{published:.2f}")
        rows.append(row)
    caption = (
        "In per cent: "
        + "; ".join(f"{m}: {MEASURES[m].meaning.format(unit=task.unit)}" for m in measures)
        + f". The mean over the runs' networks, {summary.spread}in brackets its 95 % interval (bootstrap over n "
        + "speakers). A task without folds has, in transfers, those of the task that its layers come from."
        + (" " + RANDOM_LAYERS if "random" in controls else "")
    )
    return Table(name, caption, header, rows)


def _overview(summary: _Summary) -> Table:
    """The test errors of transfers between two tasks and of the controls; of more tasks those from scratch alone."""
    tasks = summary.tasks
    between = summary.transfers() if len(tasks) == 2 else [(None, task) for task in tasks.values()]
    columns = [(source, task.name, m) for source, task in between for m in ON_SCREEN if m in task.measures]
    found = {row["constant_layers"] for row in summary.rows if row["constant_layers"] is not None}
    numbered = [(n, "1 layer" if n == 1 else f"{n} layers") for n in sorted(found) if len(tasks) <= 2]
    lines: list[tuple[str, int | None, str]] = [("from scratch", None, "")]
    lines += [(f"{words} constant", n, "other") for n, words in numbered if len(tasks) == 2]
    lines += [(f"control: {words} of its own", n, "own") for n, words in numbered]
    lines += [(f"control: {words} of the other, fitted", n, "fitted") for n, words in numbered if len(tasks) == 2]
    lines += [(f"control: {words}, random", n, "random") for n, words in numbered]
    rows = []
    for label, number, origin in lines:
        figures = [
            summary.find(
                {"": None, "other": source, "own": task, "fitted": f"{FITTED}{source}"}.get(origin, origin),
                task, number, "test", measure,
            )  # fmt: skip
            for source, task, measure in columns
        ]
        if any(figures) or not label.startswith("control"):
            rows.append([label, *(_with_interval(row, digits=1, with_n=False) for row in figures)])
    speakers = [summary.find(None, task, None, "test", measure) for _, task, measure in columns]
    rows.append(["speakers (n)", *(str(row["speakers"]) if row else MISSING for row in speakers)])
    heads = [summary.name(source, task) if source else tasks[task].label for source, task, _ in columns]
    return Table(
        "Overview",
        f"Errors on test, and UA, {summary.spread}in brackets the 95 % intervals over n speakers.",
        ["test, %", *(f"{head}: {measure}" for head, (_, _, measure) in zip(heads, columns, strict=True))],
        rows,
    )


def _comparison_table(summary: _Summary, name: str, source: str, task: Task) -> Table:
    """The differences of transfers and controls to what they are compared with, on test and on dev."""
    rows = []
    controls = summary.controls(task.name)
    for origin in (source, *controls):
        for layers in summary.layers(origin, task.name):
            for measure in task.measures:
                for part in reversed(PARTS):
                    row = summary.find(origin, task.name, layers, part, measure)
                    if row and row["comparisons"] and measure != "PER without silence":
                        what = [summary.name(origin, task.name), str(layers), f"{measure} {part}", _with_interval(row)]
                        rows.append([*what, *(_difference(row["comparisons"].get(name)) for name in REFERENCES)])
    run = ", ".join(f"{summary.name(c, task.name)} (l = {_listed(summary.layers(c, task.name))})" for c in controls)
    return Table(
        name,
        "Differences over the same n speakers to other networks for the same task: "
        + "; ".join(REFERENCES.values())
        + f". {VERDICTS} "
        + (f"Controls: {run}. {RANDOM_LAYERS}" if run else NO_CONTROLS),
        ["", "l", "", "figure", *(f"to {text.partition(':')[0]}" for text in REFERENCES.values())],
        rows,
    )


def _cost_matrix(summary: _Summary, brief: bool = False) -> Table:
    """What it costs each task to hold layers of each one constant. brief: narrow enough for a screen"""
    tasks = list(summary.tasks.values())

    def cell(source: str, task: Task, layers: int) -> str:
        row = summary.find(source, task.name, layers, "test", task.main_measure)
        if row is None:
            return "" if is_control(source, task.name) else MISSING
        comparison = row["comparisons"].get("scratch")
        if not brief or comparison is None:
            return _difference(comparison)
        told = "*" if comparison["verdict"] in ("better", "worse") else ""
        return "{:+.1f} [{:+.1f}, {:+.1f}]".format(comparison["difference"], *comparison["interval"]) + told

    rows = []
    for source in [*summary.tasks, *(FITTED + name for name in summary.tasks), "random"]:
        layers_of = {layers for task in tasks for layers in summary.layers(source, task.name) if layers is not None}
        name = named_source(summary.tasks, source)
        rows += [[f"{name}, l = {n}", *(cell(source, task, n) for task in tasks)] for n in sorted(layers_of)]
    return Table(
        "The cost of constant layers",
        "Rows: the task that l constant layers come from; columns: the task that they go to. The error on test less "
        "that of a network trained from scratch, both in per cent, with the 95 % interval of a paired bootstrap over n "
        "speakers. Missing is what was not run, or for what no network is there that has not heard these speakers.",
        ["layers of", *(f"{task.label}: {task.main_measure}" for task in tasks)],
        rows,
    )


def _listed(numbers: Iterable[Any]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _network_tables(results: dict[str, Any], tasks: dict[str, Task]) -> list[Table]:
    return [
        Table(
            f"Table 1 ({tasks[task].label})",
            f"The {tasks[task].label} network as built, {sum(layer['parameters'] for layer in layers):,} parameters.",
            ["layer", "what", "output", "parameters"],
            [[str(layer["layer"]), layer["what"], layer["output"], f"{layer['parameters']:,}"] for layer in layers],
        )
        for task, layers in results["networks"].items()
    ]


def _fold_table(summary: _Summary) -> Table:
    rows = [
        [
            summary.name(row["source_task"], row["task"], row["constant_layers"]),
            row["part"],
            row["measure"],
            _number(row["mean"]),
            _number(row["pooled"]),
            ", ".join(f"{fold} {value:.1f}" for fold, value in row["folds"].items()) or "no folds",
            f"± {row['seed_spread']:.2f}" if row["seed_spread"] is not None else "one seed",
            f"± {row['repeat_spread']:.2f}" if row["repeat_spread"] is not None else "",
        ]
        for row in summary.rows
    ]
    return Table(
        "Every fold",
        "Mean over the runs, the rate of all of them pooled, each fold's value, the standard deviation over seeds, and "
        "over draws of random layers within a fold and a seed; in per cent.",
        ["experiment", "part", "measure", "mean", "pooled", "folds", "seeds", "draws"],
        rows,
    )


def _training_table(results: dict[str, Any], summary: _Summary) -> Table:
    return Table(
        "Training",
        "Epochs, the mean over the networks, and how many of them were best on dev in the last epoch that --max-epochs "
        "allows, before early stopping could have ended it: with more epochs these might err less.",
        ["experiment", "networks", "epochs", "best in the last one allowed"],
        [
            [
                summary.name(row["source_task"], row["task"], row["constant_layers"]),
                str(row["networks"]),
                f"{row['epochs']:.1f}",
                str(row["at_limit"]),
            ]
            for row in results["training"]
        ],
    )


def _hybrid_tables(results: dict[str, Any], brief: bool = False) -> list[Table]:
    """Table 4, its comparisons and what sharing costs and saves; none where no hybrid was trained.

    brief: figures for a screen
    """
    found = results.get("hybrid")
    if not found:
        return []
    others = _Summary(results)
    names = found["tasks"]
    label = {task: others.tasks[task].label for task in names}
    columns = [
        (task, measure)
        for task in names
        for measure in others.tasks[task].measures
        if (measure in ON_SCREEN if brief else measure != LENIENT)
    ]
    by_key = {(r["task"], r["shared_layers"], r["part"], r["measure"]): r for r in found["summary"]}
    numbers = sorted({row["shared_layers"] for row in found["summary"]})
    sources = {task: [source for source in names if source != task] for task in names}

    def line(name: str, part: str, rows: Sequence[dict[str, Any] | str | None]) -> list[str]:
        runs = _runs(max((row for row in rows if isinstance(row, dict)), key=lambda row: row["runs"], default=None))
        digits = 1 if brief else 2
        cells = [row if isinstance(row, str) else _with_interval(row, digits, with_n=not brief) for row in rows]
        return [name, part, runs, *cells]

    lines = []
    for part in reversed(PARTS):
        separate = [others.find(None, task, None, part, measure) for task, measure in columns]
        lines.append(line(_hybrid(None), part, separate))
        for number in numbers:
            shared = [by_key.get((task, number, part, measure)) for task, measure in columns]
            lines.append(line(_hybrid(number), part, shared))
        for source in names if len(names) > 2 else [None]:  # of two tasks a line holds both directions
            of = f"from {label[source]}, " if source else ""
            for number in filter(None, numbers):
                held = [
                    "" if task == source else others.find(source or sources[task][0], task, number, part, measure)
                    for task, measure in columns
                ]
                if any(held):
                    lines.append(line(f"transfer, {of}{_first_layers(number)} constant", part, held))
    compared = [
        [label[task], str(number), f"{measure} {part}", _with_interval(row)]
        + [_difference(row["comparisons"].get(name)) for name in (NOTHING_SHARED, "scratch")]
        + ["; ".join(f"{label[s]}: {_difference(c)}" for s in sources[task] if (c := row["comparisons"].get(s)))]
        for task, measure in columns
        for number in numbers
        for part in reversed(PARTS)
        if (row := by_key.get((task, number, part, measure)))
    ]
    costs = found["cost"]

    def share(value: float | None, whole: float | None) -> str:
        return f" ({100 * value / whole:.0f} %)" if value and whole else ""

    saved = [
        [
            _hybrid(row["shared_layers"]),
            f"{row['parameters']:,}{share(row['parameters'], costs[0]['parameters'])}",
            " + ".join(f"{epochs:.1f}" for epochs in row["epochs"]) if row["epochs"] else MISSING,
            f"{row['frames'] / 1e6:.2f}{share(row['frames'], costs[0]['frames'])}" if row["frames"] else MISSING,
            f"{row['seconds']:.0f}{share(row['seconds'], costs[0]['seconds'])}" if row["seconds"] else MISSING,
            str(row["runs"]),
        ]
        for row in costs
    ]
    return [
        Table(
            f"Table 4 (hybrid of {' and '.join(label.values())})",
            "In per cent, as in the tables above: networks that share their first layers and learn at the same time, "
            "beside a network for each task, and beside networks that hold as many layers of another task constant. "
            "WA and UA are accuracies.",
            ["", "part", "runs", *(f"{label[task]}: {measure}" for task, measure in columns)],
            lines,
        ),
        Table(
            "Comparisons (hybrid)",
            "Differences of the hybrid over the same n speakers: to one that shares nothing, which learns by the same "
            "turns and stops by the same rule, to the separate network of the task, which may learn for fewer epochs, "
            f"and to a transfer from another task with as many layers constant. {VERDICTS}",
            ["", "shared layers", "", "figure", "to nothing shared", "to separate", "to transfer"],
            compared,
        ),
        Table(
            "What the hybrid costs",
            "All tasks together: parameters, and training, the mean over folds and seeds: epochs, in each of which a "
            "hybrid sees the frames of all tasks; million frames seen, each of which costs a hybrid as much as a "
            "separate network; wall clock, which depends on what else the machine did.",
            ["", "parameters", "epochs", "million frames", "seconds", "runs"],
            saved,
        ),
    ]


def _hybrid(shared_layers: int | None) -> str:
    if shared_layers is None:
        return "separate networks"
    return f"hybrid, {_first_layers(shared_layers) if shared_layers else 'nothing'} shared"


def _first_layers(number: int) -> str:
    return {1: "first layer"}.get(number, f"first {number} layers")


def tables(results: dict[str, Any]) -> list[Table]:
    """All tables of the report."""
    summary = _Summary(results)

    tasks = summary.tasks
    made = [_overview(summary), *_network_tables(results, tasks), _cost_matrix(summary)]
    for what, together in TOGETHER.items():
        for source, task in summary.transfers():
            measures = [measure for measure in task.measures if measure in together]
            is_there = what == "" or any(
                row["measure"] in measures and row["task"] == task.name for row in summary.rows
            )
            if measures and is_there:
                transfer, number = summary.name(source, task.name), paper.TABLES.get((source, task.name))
                named = f"Table {number} ({transfer})" if number else f"Transfer {transfer}"
                name = f"{what} ({transfer})" if what else named
                made.append(_transfer_table(summary, name, source, task, measures))
    for source, task in summary.transfers():
        transfer = f"Comparisons ({summary.name(source, task.name)})"
        made.append(_comparison_table(summary, transfer, source, task))
    made += _hybrid_tables(results)
    made += [_fold_table(summary), _training_table(results, summary)]
    for task, corpus in results["corpora"].items():
        made.append(
            Table(
                f"{tasks[task].label} corpus",
                corpus["name"],
                ["part", "speakers", "utterances", "frames", "of the whole corpus"],
                [
                    [
                        part,
                        *(f"{counts[k]:,}" for k in ("speakers", "utterances", "frames")),
                        str(counts.get("expected", "")),
                    ]
                    for part, counts in corpus["parts"].items()
                ],
            )
        )
    made += [
        Table(
            f"Silence ({tasks[task].label})",
            f"Share of the frames of each {tasks[task].unit} that count as silence.",
            [tasks[task].unit, "silent frames (%)"],
            [[name, f"{100 * share:.1f}"] for name, share in shares.items()],
        )
        for task, shares in results["silence"].items()
    ]
    made.append(
        Table(
            "Provenance",
            "What made these numbers.",
            ["", ""],
            [[name, provenance_text(value)] for name, value in results["provenance"].items()],
        )
    )
    if results["stages"]:
        made.append(
            Table(
                "Time",
                "Wall clock of each stage, the last time it ran.",
                ["stage", "what", "seconds"],
                [[str(s["stage"]), s["name"], f"{s['seconds']:.0f}"] for s in results["stages"]],
            )
        )
    return made


def _confusions(results: dict[str, Any], tasks: dict[str, Task]) -> list[figures.Confusion]:
    """Of the baselines on test, all folds together: frames, and utterances."""
    found = []
    for task in tasks.values():
        for level in ("frames", "utterances"):
            matrices = [
                run["confusion"]["test"][level]
                for run in results["runs"]
                if run["experiment"] == task.name and run.get("confusion", {}).get("test", {}).get(level)
            ]
            if matrices:
                names = [name for name in task.class_names if level == "frames" or name != task.silence_class]
                counts = np.sum(matrices, axis=0).tolist()
                found.append(figures.Confusion(f"{task.label} baseline, test {level}", counts, names))
    return found


def draw(results: dict[str, Any], folder: Path) -> dict[str, tuple[str, Path]]:
    """Write every figure; returns name → (caption, path of the PNG)."""
    tasks, hybrid = tasks_of(results), results.get("hybrid")
    filters = {tasks[task].label: weights for task, weights in results["filters"].items()}
    confusions = _confusions(results, tasks)
    confused = ", ".join(dict.fromkeys(confusion.title.partition(" baseline")[0] for confusion in confusions))
    made = {
        "figure2_filters": (
            "Figure 2. First-layer filters (red positive, blue negative, each on its own scale).",
            figures.first_layer_filters(filters) if filters else None,
        ),
        "figure3_transfer": (
            "Figure 3. Errors against the number of constant layers, and those of the controls that were run; bars are "
            "95 % intervals over speakers.",
            figures.errors_against_layers(results["summary"], tasks),
        ),
        "figure3_cost": (
            "What constant layers cost on test: their error less that of a network from scratch, in points, here and "
            "in the paper, whose corpora are others; bars are 95 % intervals of paired bootstraps over speakers.",
            figures.cost_beside_paper(results["summary"], tasks),
        ),
        "figure4_hybrid": (
            "Figure 4. Errors of networks that share their first layers and learn together, beside networks that hold "
            "as many layers of another task constant, and separate ones; bars are 95 % intervals over speakers.",
            figures.errors_against_shared_layers(hybrid, results["summary"], tasks) if hybrid else None,
        ),
        "learning_curves": ("Learning curves, every run.", figures.learning_curves(results["runs"], tasks)),
        "confusion": (f"Confusion of the baseline, all folds: {confused}.", figures.confusion_matrices(confusions)),
    }
    return {name: (caption, figures.save(figure, folder, name)) for name, (caption, figure) in made.items() if figure}


STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 0 auto; padding: 1rem; color: #1a1a1a; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #ccc; }
figure { margin: 1.2rem 0; } figcaption { margin-bottom: .4rem; }
img { max-width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .5rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
td, th { white-space: nowrap; }
th { background: #f3f3f3; }
.caveat { border-left: .4rem solid #D55E00; background: #fff4ec; padding: .5rem 1rem; }
"""


def _said(reading: Reading) -> str:
    return (
        f"<h3>{html.escape(reading.name)}</h3>\n<p>{html.escape(reading.explanation)}</p>\n<ul>\n"
        + "".join(f"<li>{html.escape(text)}</li>\n" for text in reading.sentences)
        + "</ul>\n"
    )


def _page(results: dict[str, Any], made: list[Table], drawn: dict[str, tuple[str, Path]]) -> str:
    def picture(name: str) -> str:
        if name not in drawn:
            return ""
        caption, path = drawn[name]
        data = base64.b64encode(path.read_bytes()).decode()
        text = html.escape(caption)
        return (
            f'<figure><figcaption>{text}</figcaption><img alt="{text}" src="data:image/png;base64,{data}"></figure>\n'
        )

    by_name = {table.name: table for table in made}
    of_hybrid = [table.name for table in _hybrid_tables(results)]
    first = [
        name for name in by_name if name.startswith(("The cost", "Comparisons", "Table 2", "Table 3", "Transfer "))
    ]
    first = [name for name in first if name not in of_hybrid]
    caveats = "".join(f"<p>{html.escape(text)}</p>" for text in results["caveats"])
    said = "".join(_said(reading) for reading in readings(results))
    rest = [table for name, table in by_name.items() if name not in ("Overview", *first, *of_hybrid)]
    title = html.escape(results["title"])
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>\n'
        f"<h1>{title}</h1>\n"
        + (f'<div class="caveat">{caveats}</div>\n' if caveats else "")
        + f"<h2>Against the number of constant layers</h2>\n{by_name['Overview'].html()}{picture('figure3_transfer')}"
        + picture("figure3_cost")
        + said
        + "".join(by_name[name].html() for name in first)
        + (f"<h2>Learning together</h2>\n{picture('figure4_hybrid')}" if of_hybrid else "")
        + (_said(reading_of_hybrid(results)) if of_hybrid else "")
        + "".join(by_name[name].html() for name in of_hybrid)
        + f"<h2>The networks</h2>\n{picture('figure2_filters')}{picture('learning_curves')}{picture('confusion')}"
        + "<h2>Everything else</h2>\n"
        + "".join(table.html() for table in rest)
        + "</body></html>\n"
    )


def _csv(made: list[Table]) -> str:
    """All tables one after the other, each line led by its table's name."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for table in made:
        for row in (table.header, *table.rows):
            writer.writerow([table.name, *row])
    return text.getvalue()


def write_report(results: dict[str, Any], folder: Path) -> list[Path]:
    """Write results.json, tables.md, tables.csv, the figures and index.html; returns their paths, the page first."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "results.json", json.dumps(results, separators=(",", ":"), ensure_ascii=False) + "\n")
    made = tables(results)
    drawn = draw(results, folder)
    caveats = "".join(f"> {text}\n" for text in results["caveats"])
    write_text(
        folder / "tables.md",
        f"# {results['title']}\n\n{caveats}\n" + "\n".join(table.markdown() for table in made),
    )
    write_text(folder / "tables.csv", _csv(made))
    write_text(folder / "index.html", _page(results, made, drawn))
    return [folder / "index.html", folder / "tables.md", folder / "tables.csv", folder / "results.json"] + [
        path for _, path in drawn.values()
    ]


def leave_report(results: dict[str, Any], folder: Path) -> None:
    """Write the report and print the study and the report's files."""
    written = write_report(results, folder)
    print(summary_text(results))
    print("\n".join(map(str, written)))


def read_results(path: Path) -> dict[str, Any]:
    try:
        results = json.loads(path.read_bytes())
    except OSError as error:
        raise Failure(f"{path}: cannot read it: {error.strerror}") from error
    except ValueError as error:
        raise Failure(f"{path}: this is no JSON file: {error}; remove it and run its stage again") from error
    if not isinstance(results, dict) or "summary" not in results:
        raise Failure(f"{path}: this is no results.json of a report (it has no 'summary')")
    return results


def summary_text(results: dict[str, Any]) -> str:
    """The study on a screen."""
    summary = _Summary(results)
    table = _overview(summary)
    lines = [results["title"], *results["caveats"], "", *aligned([table.header, *table.rows])]
    if len(summary.tasks) > 2:
        matrix = _cost_matrix(summary, brief=True)
        lines += ["", f"{matrix.name} on test; *: not zero, over {LEAST_SPEAKERS} speakers or more"]
        lines += aligned([matrix.header, *matrix.rows])
    advice = "What layers know of the other task shows beside the controls of as many layers, not beside from scratch."
    with_controls = any(summary.controls(task) for task in summary.tasks)
    lines.append(advice if with_controls else NO_CONTROLS)
    for of_hybrid in _hybrid_tables(results, brief=True)[:1]:
        on_test = [[row[0], *row[3:]] for row in of_hybrid.rows if row[1] == "test"]
        lines += ["", *aligned([["test, %", *of_hybrid.header[3:]], *on_test]), BESIDE_NOTHING_SHARED]
    return "\n".join(lines) + "\n"
