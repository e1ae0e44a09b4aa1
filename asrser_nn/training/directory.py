"""A training as a directory: complete (final.pt is there), resumable (checkpoint.pt) or absent. Imports no torch: it is
asked before anything slow."""

from pathlib import Path
from typing import Any

from asrser_io.files import Failure
from asrser_io.text import read_lines
from asrser_nn.training.runs import Training

ARGUMENTS = ("train_feats", "train_labels", "dev_feats", "dev_labels")  # of the commands, not options


def as_text(value: Any) -> str:
    """An option's value as it would be typed."""
    if isinstance(value, tuple):
        return ",".join("x".join(map(str, part)) if isinstance(part, tuple) else str(part) for part in value)
    return str(value)


def config(training: Training) -> dict[str, str]:
    """Options and arguments of the command that makes this training, as they would be typed."""

    def typed(name: str) -> str:
        name = "from" if name == "source" else name.replace("_", "-")
        return name if name.replace("-", "_") in ARGUMENTS else f"--{name}"

    return {typed(name): as_text(value) for name, value in training.options().items()}


def config_text(training: Training) -> str:
    """Options as lines that --config reads; what is no option (the data) as comments."""
    lines = config(training).items()
    return "".join(f"{'' if name.startswith('--') else '# '}{name}={value}\n" for name, value in lines)


def is_complete(directory: Path, training: Training) -> bool:
    """Whether this training is done. A directory that holds (a part of) another one is refused."""
    complete = (directory / "final.pt").exists()
    if complete or (directory / "checkpoint.pt").exists():
        path = directory / "config"
        theirs = set(read_lines(path, strict=False) if path.exists() else [])
        ours = set(config_text(training).split("\n")) - {""}
        if theirs != ours:
            there, asked = (", ".join(sorted(lines)) or "nothing" for lines in (theirs - ours, ours - theirs))
            raise Failure(
                f"{directory} holds another training, of {there}; asked for was {asked}: "
                "remove it or give another directory"
            )
    return complete
