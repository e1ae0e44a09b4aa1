"""What the folds of a task give together: mean over folds, each fold, and all their decisions pooled."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from asrser_io.files import Failure
from asrser_io.text import read_map
from asrser_nn.prediction.evaluate import rates
from asrser_nn.runs import Run
from asrser_nn.study.files import as_written, read_json
from asrser_nn.study.measures import class_counts, frame_errors, summarise
from asrser_nn.study.paper import published
from asrser_nn.training.directory import MARK, listed, read_mark, what_is_missing

PARTS = ("dev", "test")


class Row(NamedTuple):
    """A figure of the table: which error of `rates`, at which level, and what the field calls it."""

    name: str
    level: str
    error: str

    def shown(self, error: float | None) -> str:
        """An error in per cent as this figure is given: WA and UA are accuracies."""
        if error is None:
            return "-"
        return f"{self.as_error(error):.2f}"

    def as_error(self, figure: float) -> float:
        """This figure as an error, or the error as this figure."""
        return 100 - figure if self.name in ("WA", "UA") else figure


ROWS = (
    Row("E", "frames", "error"),
    Row("UE", "frames", "unweighted_error"),
    Row("E", "frames_without_silence", "error"),
    Row("UE", "frames_without_silence", "unweighted_error"),
    Row("WA", "utterances", "error"),
    Row("UA", "utterances", "unweighted_error"),
)


def read_folds(runs: Sequence[Run]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The evaluations of each fold, {"dev": …, "test": …}, and what is wrong with the runs that are not complete."""
    folds: dict[str, dict[str, Any]] = {}
    missing = {run.directory: reason for run in runs if (reason := what_is_missing(run))}
    for run in runs:
        if run.fold is None or run.fold in folds or run.experiment != runs[0].experiment:
            raise Failure(f"{run.directory} is no further fold of {runs[0].experiment}: only one experiment at a time")
        if run.directory not in missing:
            folds[run.fold] = {part: read_evaluation(run, part) for part in PARTS}
            for part, evaluation in folds[run.fold].items():
                path = Path(run.directory) / f"evaluate_{part}.json"
                utt2spk = read_utt2spk(evaluation, path)
                with as_written(path):
                    if "utterances" in evaluation:
                        evaluation["counts"] = class_counts(evaluation, utt2spk)
                    else:
                        evaluation["counts"] = {"E": frame_errors(evaluation, utt2spk)}
            with as_written(f"{run.directory}/evaluate_{{{','.join(PARTS)}}}.json"):
                summarise_folds({run.fold: folds[run.fold]})
    if not folds:
        raise Failure(f"no fold is complete ({listed(missing)})")
    return folds, missing


def read_evaluation(run: Run, part: str) -> dict[str, Any]:
    """What evaluate_{dev,test}.json holds. One of another network or of other data than the run's own is refused."""
    path, mark = Path(run.directory) / f"evaluate_{part}.json", Path(run.directory) / MARK
    evaluation, origin = read_json(path), read_mark(run.directory)["origin"]
    numbers = {Path(entry.json_path).name: i for i, entry in enumerate(run.evaluations, 1) if entry.json_path}
    with as_written(path):
        for what, key in (("data", f"evaluation {numbers.get(path.name)}"), ("network", "network")):
            if evaluation.get(what) != origin.get(key):
                raise Failure(
                    f"{path}: an evaluation of another run, its {what} and those in {mark} are not the same "
                    f"(copied, or made by hand?); remove {mark} and run the stage again, which evaluates anew"
                )
    return evaluation


def read_utt2spk(evaluation: dict[str, Any], path: Path) -> dict[str, str]:
    """The speakers of what was evaluated; path: of the evaluation"""
    with as_written(path):
        data = Path(evaluation["feats"])
        names = {entry["utterance"] for entry in evaluation["per_utterance"]}
        if not names:
            raise ValueError("there is no utterance in it")
    utt2spk = read_map(data / "utt2spk")
    if unknown := sorted(names - set(utt2spk)):
        raise Failure(f"{path} has {len(unknown)} utterances that {data}/utt2spk has not, such as {unknown[0]}")
    return utt2spk


def summarise_level(levels: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """One level (frames, say) of one part; levels: fold → what `rates` gave there."""
    first = next(iter(levels.values()))
    names = list(first["support"])
    pooled = rates(np.sum([level["confusion"] for level in levels.values()], axis=0), names)
    summary = {
        "classes": names,
        **{key: pooled[key] for key in ("total", "chance_error", "majority_error", "confusion")},
    }
    for error in ("error", "unweighted_error"):
        by_fold = {fold: level[error] for fold, level in levels.items()}
        known = [value for value in by_fold.values() if value is not None]
        mean = float(np.mean(known)) if known else None
        summary[error] = {"mean": mean, "pooled": pooled[error], "by_fold": by_fold}
    return summary


def summarise_folds(folds: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """{"dev": {"frames": …, …}, "test": …}, all rates errors in per cent; folds: as `read_folds` gives them."""
    classes = {tuple(fold[part]["classes"]) for fold in folds.values() for part in PARTS}
    if len(classes) > 1:
        raise Failure(
            f"the folds differ in their classes: {' and '.join(','.join(names) for names in sorted(classes))}"
        )
    levels = dict.fromkeys(row.level for row in ROWS)
    if not any(({*levels} - {"frames"}) & parts[part].keys() for parts in folds.values() for part in PARTS):
        levels = {"frames": None}  # of a task in which utterances are not decided on
    for fold, parts in folds.items():
        missing = [level for level in levels if level not in parts["test"] or level not in parts["dev"]]
        if missing:
            raise Failure(f"fold {fold} was evaluated without {missing[0]}; evaluate it with --silence-class")
    summary = {
        part: {level: summarise_level({name: fold[part][level] for name, fold in folds.items()}) for level in levels}
        for part in PARTS
    }
    for part in PARTS:
        counts = [fold[part]["counts"] for fold in folds.values() if "counts" in fold[part]]
        for row in ROWS:
            if counts and row.level != "frames_without_silence" and all(of.get(row.name) for of in counts):
                found = summarise([of[row.name] for of in counts])
                bounds = found["interval"] and sorted(row.as_error(bound) for bound in found["interval"])
                summary[part][row.level][row.error] |= {"interval": bounds, "speakers": found["speakers"]}
    return summary


def as_text(summary: dict[str, Any], title: str, paper: str | None, missing: dict[str, str]) -> str:
    """The figures as a person reads them: beside them the paper's of an experiment, and what guessing gives."""
    folds = list(summary["test"]["frames"]["error"]["by_fold"])
    rows = [row for row in ROWS if row.level in summary["test"]]
    lines = [f"{title}; {len(folds)} folds; per cent", ""]
    if missing:
        lines[1:1] = [f"{len(missing)} of {len(folds) + len(missing)} folds are missing: {listed(missing)}"]
    for part in PARTS:
        heads = ["mean", "95 % interval", "pooled", *["paper"] * (paper is not None), "majority", "chance"]
        lines += aligned(
            [[part, "", *heads], *(figures(summary[part], row, part, paper) for row in rows)], text_columns=2
        )
        counts = [f"{of['total']} {level.replace('_', ' ')}" for level, of in summary[part].items()]
        speakers = summary[part]["frames"]["error"].get("speakers")
        lines += [f"of {', '.join(counts)}, summed over the folds" + f"; of {speakers} speakers" * bool(speakers), ""]
    lines += ["E, UE: errors; WA, UA: accuracies; UE and UA: every class weighs the same"]
    lines += ["majority: always the most frequent class; chance: any class equally often"]
    lines += ["intervals: bootstrap over the speakers, too narrow where they are few", ""]
    heads = [f"{row.name}{'*' * (row.level == 'frames_without_silence')} {part}" for part in PARTS for row in rows]
    by_fold = [
        [row.shown(summary[part][row.level][row.error]["by_fold"][fold]) for part in PARTS for row in rows]
        for fold in folds
    ]
    lines += aligned([["fold", *heads], *([fold, *cells] for fold, cells in zip(folds, by_fold, strict=True))])
    lines += ["* frames without silence"] * ("frames_without_silence" in summary["test"])
    for level in [level for level in ("frames", "utterances") if level in summary["test"]]:
        of = summary["test"][level]
        lines += ["", f"test {level} of all folds; row: reference, column: decision"]
        named = zip(of["classes"], of["confusion"], strict=True)
        lines += aligned([["", *of["classes"]], *([name, *map(str, row)] for name, row in named)])
    return "\n".join(lines) + "\n"


def figures(levels: dict[str, Any], row: Row, part: str, paper: str | None) -> list[str]:
    """A line of the table of a part; levels: the figures of that part."""
    of = levels[row.level]
    guessed = of["majority_error"] if row.error == "error" else of["chance_error"]  # one recall is 1, the others 0
    errors = [of[row.error]["pooled"]]
    if paper:  # its figures are those of all frames
        errors.append(published(paper, None, row.name, part) if row.level == "frames" else None)
    errors += [guessed, of["chance_error"]]
    bounds = sorted(map(row.shown, of[row.error].get("interval") or []), key=float)
    mean = [row.shown(of[row.error]["mean"]), f"[{', '.join(bounds)}]" if bounds else "-"]
    return [row.name, f"{row.level.replace('_', ' ')}, {len(of['classes'])} classes", *mean, *map(row.shown, errors)]


def aligned(rows: Sequence[Sequence[str]], text_columns: int = 1) -> list[str]:
    """Rows of equal length as lines: the first columns flush left, the numbers flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i < text_columns else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
