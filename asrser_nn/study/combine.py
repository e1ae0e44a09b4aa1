"""One study from the results.json of its parts, such as a seed each, made at other times or on other machines."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from asrser_io.files import Failure
from asrser_nn.study.results import worked_out

ALIKE = {"tasks": "tasks", "corpora": "corpora", "networks": "networks", "silence": "shares of silence"}
OWN = ("#", "--seed=", "--from=", "--baseline=", "--constant-layers=", "--shared-layers=")  # of a run, in its config

Runs = Sequence[tuple[str, dict[str, Any]]]  # name of the part, run as in results.json


def combine(parts: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """results.json of all runs of all parts. parts: results.json by a name for errors

    Raises Failure where parts are not of one study: the same run in two of them, other tasks, corpora or options, or
    test speakers of whom other frames, utterances or phones were scored.
    """
    first_name, first = next(iter(parts.items()))
    for name, part in parts.items():
        for key, what in ALIKE.items():
            if part[key] != first[key]:
                raise Failure(f"{name}: its {what} are not those of {first_name}; the parts of a study have the same")
    runs = [(name, run) for name, part in parts.items() for run in part["runs"]]
    hybrids = [(name, run) for name, part in parts.items() for run in (part["hybrid"] or {"runs": []})["runs"]]
    check_disjoint([*runs, *hybrids])
    check_options([*runs, *hybrids])
    check_totals([*runs, *hybrids], first["tasks"])
    read = {
        "missing": {directory: reason for part in parts.values() for directory, reason in part["missing"].items()},
        "tasks": first["tasks"],
        "corpora": first["corpora"],
        "provenance": provenance(list(parts.values())),
        **{key: first[key] for key in ("networks", "filters", "silence")},
        "stages": first["stages"] if len(parts) == 1 else [],  # seconds of several machines are of none
        "runs": [run for _, run in runs],
    }
    return worked_out(read, [run for _, run in hybrids])


def check_disjoint(runs: Runs) -> None:
    """No run is there twice."""
    found: dict[tuple[Any, ...], str] = {}
    for part, run in runs:
        what = {name: run.get(name) for name in ("experiment", "constant_layers", "shared_layers", "fold", "seed")}
        source = run["constant"] and PurePath(run["constant"]["from"]).name  # fold of the source, or draw
        if other := found.get(key := (*what.values(), source)):
            named = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in what.items() if value is not None)
            raise Failure(f"{part}: {named}: {other} holds this run, too; give each part of a study seeds of its own")
        found[key] = part


def check_options(runs: Runs) -> None:
    """All runs of an experiment were trained alike, but for what makes them different runs."""
    found: dict[str, tuple[str, set[str]]] = {}
    for part, run in runs:
        ours = {line for line in run["config"] if not line.startswith(OWN)}
        other, theirs = found.setdefault(run["experiment"], (part, ours))
        if ours != theirs:
            here, there = (" ".join(sorted(some)) or "none" for some in (ours - theirs, theirs - ours))
            raise Failure(
                f"{part}: {run['experiment']} was trained with other options than in {other}: {here} (there: {there}); "
                "the parts of a study have the same"
            )


def check_totals(runs: Runs, tasks: dict[str, dict[str, Any]]) -> None:
    """Of each speaker the same was scored in all runs of a task, or of a fold of it."""
    found: dict[tuple[Any, ...], tuple[str, dict[str, list[int]]]] = {}
    for part, run in runs:
        fold = run["fold"] if tasks[run["task"]]["folds"] else None
        for of, measures in run["counts"].items():
            for measure, counts in measures.items():
                ours = {speaker: [total for _, total in pairs] for speaker, pairs in counts.items()}
                other, theirs = found.setdefault((run["task"], fold, of, measure), (part, ours))
                if different := [speaker for speaker in {**ours, **theirs} if ours.get(speaker) != theirs.get(speaker)]:
                    totals = " and ".join(str(sum(some.get(different[0], []))) for some in (ours, theirs))
                    raise Failure(
                        f"{part}: {measure} of {run['task']} {of} counts other speech of {different[0]} than in "
                        f"{other}: {totals} in all; the parts of a study are scored on the same"
                    )


def provenance(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is the same in all parts once; of what is not, each value with the seeds for which it holds."""
    made: dict[str, Any] = {}
    for name in dict.fromkeys(name for part in parts for name in part["provenance"]):
        seeds: dict[str, set[int]] = defaultdict(set)
        for part in parts:
            value = part["provenance"].get(name, "not said")
            by_value = value if isinstance(value, dict) else {value: [run["seed"] for run in part["runs"]]}
            for one, its_seeds in by_value.items():
                seeds[one] |= set(its_seeds)
        made[name] = {one: sorted(some) for one, some in seeds.items()} if len(seeds) > 1 else next(iter(seeds))
    return made
