"""A training as a directory: complete (final.pt is there), resumable (checkpoint.pt) or absent. Imports no torch: it is
asked before anything slow."""

from pathlib import Path

from asrser_io.files import Failure


def config_text(config: dict[str, str]) -> str:
    """Options as lines that --config reads; what is no option (the data) as comments."""
    return "".join(f"{'' if name.startswith('--') else '# '}{name}={value}\n" for name, value in config.items())


def is_complete(directory: Path, config: dict[str, str]) -> bool:
    """Whether this training is done. A directory that holds (a part of) another one is refused."""
    complete = (directory / "final.pt").exists()
    if complete or (directory / "checkpoint.pt").exists():
        text = (directory / "config").read_text() if (directory / "config").exists() else ""
        theirs, ours = set(text.splitlines()), set(config_text(config).splitlines())
        if theirs != ours:
            there, asked = (", ".join(sorted(lines)) or "nothing" for lines in (theirs - ours, ours - theirs))
            raise Failure(
                f"{directory} holds another training, of {there}; asked for was {asked}: "
                "remove it or give another directory"
            )
    return complete
