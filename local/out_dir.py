"""Where a corpus is prepared: nothing that it is made from may lie there, and nothing of somebody else's."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from asrser_io.files import Failure

MARK = "prepared"  # in a folder of this recipe's, even where a run was killed while it wrote


def check_place(out: Path, reads: Iterable[str | Path]) -> None:
    """Refuse to write where these files or folders lie: what is there is replaced."""
    place = out.resolve()
    parents = {os.path.dirname(os.path.abspath(file)) if os.path.isfile(file) else os.fspath(file) for file in reads}
    for folder in sorted(parents):
        if Path(folder).resolve().is_relative_to(place):
            raise Failure(f"{folder} is where the recipe writes: move your corpus, or choose another --dir")


@contextmanager
def built_beside(out: Path, entries: Sequence[str] = ()) -> Iterator[Path]:
    """A new folder, which takes the place of out when all in it is written; else out stays as it was.

    entries: only these in it, each the place of its like in out, as move_into_place does it
    """
    building = out.with_name(f"{out.name}.tmp")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        yield building
        if entries:
            move_into_place(building, out, entries)
        else:
            shutil.rmtree(out, ignore_errors=True)
            building.rename(out)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def move_into_place(beside: Path, out: Path, entries: Sequence[str]) -> None:
    """Put these files and folders into out, in the place of older ones; the last of them, "corpus", says that all is.

    Refuses to replace what this recipe has not made.
    """
    ours = (out / MARK).exists() or (out / "corpus").is_file()
    if not ours and (there := [entry for entry in entries if os.path.lexists(out / entry)]):
        raise Failure(
            f"{out / there[0]} is there, but not from here, and would be replaced: move it, or choose another --dir"
        )
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).touch()
    (out / "corpus").unlink(missing_ok=True)
    for entry in entries:
        if (out / entry).is_dir() and not (out / entry).is_symlink():
            shutil.rmtree(out / entry)
        (beside / entry).rename(out / entry)
