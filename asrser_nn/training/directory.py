"""A run as a directory: its training complete (final.pt is there), resumable (checkpoint.pt) or absent, and its mark.

Imports neither torch nor numpy: it is asked before anything slow.
"""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from asrser_io.files import Failure, described, write_text
from asrser_io.text import read_lines, some_of
from asrser_nn.runs import Hybrid, Run, Training, as_text

CHECKPOINT = "checkpoint.pt"
MARK = "run.json"  # the run itself, written when its training and all of its evaluations are done

ARGUMENTS = ("train_feats", "train_labels", "dev_feats", "dev_labels")  # of the commands, not options
FILES = {*ARGUMENTS, "source", "baseline", "feats", "labels", "utt2class", "json_path", "predictions"}


def config(training: Training) -> dict[str, str]:
    """Options and arguments of the command that makes this training, as they would be typed."""

    def typed(name: str) -> str:
        name = "from" if name == "source" else name.replace("_", "-")
        return name if name.replace("-", "_") in ARGUMENTS else f"--{name}"

    return {typed(name): as_text(value) for name, value in training.options().items() if value is not None}


def config_text(training: Training) -> str:
    """Options as lines that --config reads; what is no option (the data) as comments."""
    lines = config(training).items()
    return "".join(f"{'' if name.startswith('--') else '# '}{name}={value}\n" for name, value in lines)


def is_complete(directory: Path, training: Training, checkpoint: Path) -> bool:
    """Whether this training is done. A directory that holds (a part of) another one is refused.

    checkpoint: where it would be if it is not
    """
    complete = (directory / "final.pt").exists()
    if complete or checkpoint.exists():
        path = directory / "config"
        lines = (read_lines(path, strict=False) if path.exists() else [], config_text(training).split("\n"))
        files = ("--from=", "--baseline=")
        theirs, ours = ({line for line in some if line[:2] == "--" and not line.startswith(files)} for some in lines)
        if theirs != ours:
            there, asked = (", ".join(sorted(lines)) or "nothing" for lines in (theirs - ours, ours - theirs))
            raise Failure(
                f"{directory} holds another training, of {there}; asked for was {asked}: "
                "remove it or give another directory"
            )
    return complete


def write_mark(run: Run, origin: dict[str, Any]) -> None:
    """origin: what it was made from"""
    write_text(Path(run.directory) / MARK, json.dumps(run.as_data() | {"origin": origin}, indent=1) + "\n")


def read_mark(directory: str | Path) -> dict[str, Any]:
    """What write_mark wrote."""
    path = Path(directory) / MARK
    try:
        mark = json.loads(path.read_bytes())
        right = {"task", "source_task", "fold"} <= set(mark) and isinstance(mark["evaluations"], list)
        if right and all(isinstance(part, dict) for part in (mark["training"], mark["origin"], *mark["evaluations"])):
            return mark
        reason = "it lacks what a run has"
    except (ValueError, KeyError, TypeError) as error:
        reason = described(error)
    raise Failure(f"{path}: this is no mark of a complete run ({reason}); remove it to have the run made again")


def is_made(run: Run | Hybrid) -> bool:
    """Whether the run is trained and evaluated. Refuses what was made with other options, or by an older version."""
    made = [_is_made(part) for part in run.parts]  # all of them are looked at
    return all(made)


def _is_made(run: Run) -> bool:
    mark = Path(run.directory) / MARK
    if not mark.exists():
        if mark.with_name("commands").exists():
            raise Failure(
                f"{run.directory} was made by an older version of asrser_nn (it holds the file 'commands'), "
                "whose runs this one does not go on with: remove it or give another directory"
            )
        return False
    if changed := differences(read_mark(run.directory), json.loads(json.dumps(run.as_data()))):
        raise Failure(f"{run.directory} was made with {changed}: remove it or give another directory")
    outputs = [output for entry in run.evaluations for output in (entry.json_path, entry.predictions) if output]
    return mark.with_name("final.pt").exists() and all(map(os.path.exists, outputs))


def differences(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """What a run was made with and what it is asked for now, in words; nothing if that is the same.

    Names of files make no difference: what is in them does, see origin.py.
    """

    def flat(run: dict[str, Any]) -> dict[str, Any]:
        evaluations = enumerate(run["evaluations"], 1)
        parts = {"": run["training"]} | {f"evaluation {number}: ": entry for number, entry in evaluations}
        named = {prefix + name: value for prefix, part in parts.items() for name, value in part.items()}
        named = {name: value for name, value in named.items() if name.rpartition(" ")[2] not in FILES}
        return {name: run[name] for name in ("task", "source_task", "fold")} | named

    there, asked = flat(theirs), flat(ours)
    changed = [name for name in {**there, **asked} if there.get(name) != asked.get(name)]
    return ", ".join(f"{name}={there.get(name)} (asked for: {asked.get(name)})" for name in changed)


def what_is_missing(run: Run | Hybrid) -> str | None:
    """Why the figures of a run are not to be taken; None if it is complete with all that belongs to it."""
    return next(filter(None, map(_what_is_missing, run.parts)), None)


def _what_is_missing(run: Run) -> str | None:
    directory = Path(run.directory)
    if not (directory / "final.pt").exists():
        return "not trained"
    try:
        if not _is_made(run):
            return "trained, but not evaluated"
    except Failure as error:
        said = str(error).removeprefix(f"{directory} ").removesuffix(": remove it or give another directory")
        return f"made with other options, or by another version ({said})"
    return None if all((directory / name / "best_wer").exists() for name in run.decodings) else "not decoded"


def listed(missing: dict[str, str], most: int = 10) -> str:
    """Directories by what is wrong with them, those after the first few as a number."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for directory, reason in missing.items():
        by_reason[reason].append(directory)
    return "; ".join(f"{reason}: {some_of(names, most)}" for reason, names in by_reason.items())
