"""How far a list of runs is, and how long it may still take: what anybody can see who sees the directories.

Imports neither torch nor numpy: it is asked from another terminal, while they are at work.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from asrser_nn.runs import Hybrid, Run
from asrser_nn.training.claims import Claims, sign_of
from asrser_nn.training.directory import is_made, what_is_missing


def seconds_of(run: Run | Hybrid) -> float | None:
    """How long the training took, None when there is no record of it, or a damaged one: it serves a guess only."""
    history = Path(run.parts[0].directory) / "history.json"  # its epochs are those of all parts
    try:
        return sum(float(epoch["seconds"]) for epoch in json.loads(history.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def expected_seconds(run: Run | Hybrid, done: Sequence[Run | Hybrid]) -> float | None:
    """From the complete runs that are most like this one: same tasks and constant layers, same layers, any."""
    alike: list[Callable[[Run | Hybrid], Any]] = [
        lambda r: (r.task, r.source_task, r.constant_layers),
        lambda r: r.constant_layers,
        lambda r: None,
    ]
    for kind in alike:
        seconds = [s for r in done if kind(r) == kind(run) and (s := seconds_of(r)) is not None]
        if seconds:
            return sum(seconds) / len(seconds)
    return None


def seconds_left(unfinished: Sequence[Run | Hybrid], done: Sequence[Run | Hybrid], at_a_time: int) -> float | None:
    guesses = [expected_seconds(run, done) for run in unfinished]
    return None if None in guesses else sum(filter(None, guesses)) / max(1, at_a_time)


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def num_left(runs: Sequence[Run | Hybrid]) -> int:
    """Runs that are not made. Raises Failure if one of them was made with other options."""
    return sum(not is_made(run) for run in runs)


def num_at_work(runs: Sequence[Run | Hybrid], claims: Claims) -> int:
    signs = [sign_of(Path(run.directory), claims) for run in runs]
    return sum(sign is not None and sign.state == "working" for sign in signs)


def status(name: str, runs: Sequence[Run | Hybrid], claims: Claims) -> str:
    """The state of a grid in lines: all runs counted, and those at work, failed or stopped by name."""
    states: Counter[str] = Counter()
    lines = []
    made, unfinished = [], []
    for run in runs:
        missing = what_is_missing(run)
        sign = sign_of(Path(run.directory), claims)
        if missing in (None, "not decoded"):
            made.append(run)
            states["made"] += 1
            continue
        unfinished.append(run)
        if missing and missing.startswith("made with"):
            state, said = "unlike", missing
        elif sign is None:
            states["to do"] += 1
            continue
        else:
            state = "at work" if sign.state == "working" else sign.state
            said = sign.said or "begun"
            if state == "at work":
                said += f"; {sign.holder or 'somebody'}, last sign {duration(sign.silent)} ago"
        states[state] += 1
        lines.append(f"{state:<8} {run.directory}: {said}")
    counts = [f"{states[state]} {state}" for state in ("made", "at work", "failed", "stopped", "unlike", "to do")]
    head = f"{name}: {len(runs)} runs: {', '.join(count for count in counts if not count.startswith('0 '))}"
    left = seconds_left(unfinished, made, states["at work"])
    if unfinished and left is not None:
        head += f"; about {duration(left)} left with {max(1, states['at work'])} at a time"
    return "\n".join([head, *sorted(lines)])
