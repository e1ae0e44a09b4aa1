"""Files that are complete or absent, and the one exception that a user sees as one line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path  # its import takes as long as all else here, and every Kaldi program would pay for it


# What would break a line or drive a terminal, where a message shows what a damaged file holds
_CONTROL = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
_LONGEST = 1000  # characters of a message


class Failure(Exception):
    """What the user must know in one line, without a traceback: what was found where, what was expected, what to do."""

    def __str__(self) -> str:
        text = super().__str__().translate(_CONTROL)
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 300]} … {text[-300:]}"


def lacks_memory(error: BaseException) -> bool:
    """torch says it in other ways than Python."""
    said = ("out of memory", "can't allocate memory")
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(s in str(error) for s in said))


def described(error: BaseException) -> str:
    """What an error says in a line: a Failure its message, an OSError its file, if it has one, and what is wrong."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if lacks_memory(error):
        said = " ".join(str(error).split())[:200]
        return f"not enough memory{f': {said}' if said else ''}; is a size in a file or an option wrong?"
    if isinstance(error, FloatingPointError):
        return f"{error}: a number is too large, or none; are the data damaged?"
    if isinstance(error, Failure):
        return str(error)
    return ": ".join(filter(None, [type(error).__name__, " ".join(str(error).split())]))


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` for writing and give it that name only when everything is on disk.

    A full disk or an interrupt leaves the old file, or none, never half of one. A link is followed: the data lie where
    it says. What is no plain file (a named pipe, /dev/null) or is open already (/dev/stdout) is written to directly.
    """
    target = os.path.realpath(path)
    descriptor = _descriptor(os.path.abspath(path))
    special = descriptor is not None or (os.path.exists(target) and not os.path.isfile(target))
    aside = target if special else f"{target}.tmp"
    try:
        # A copy of a descriptor goes on where others have written, and they do where it ends.
        with open(aside if descriptor is None else os.dup(descriptor), "wb") as file:
            yield file
        if not special:
            os.replace(aside, target)
    except BaseException as error:
        if not special:
            with suppress(OSError):
                os.remove(aside)
        if isinstance(error, OSError) and error.filename in (None, aside):
            raise Failure(f"cannot write {path}: {error.strerror or error}") from error
        raise


def _descriptor(path: str) -> int | None:
    """The number of a file that is open already, such as /dev/stdout or /dev/fd/63."""
    match = re.fullmatch("/dev/(stdout|stderr)|(?:/dev|/proc/self)/fd/([0-9]+)", path)
    return {"stdout": 1, "stderr": 2}.get(match[1]) or int(match[2]) if match else None


CHUNK = 1 << 24  # bytes


def read_up_to(file: BinaryIO, count: int) -> bytes:
    """So many bytes, or what there is. A damaged count takes no more memory than the data."""
    data = file.read(count if count < CHUNK else CHUNK)
    while len(data) < count and (more := file.read(min(count - len(data), CHUNK))):
        data += more
    return data


def write_text(path: str | Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode(errors="surrogateescape"))  # a file name in it keeps its bytes


def fault_of_path(path: str) -> str | None:
    """What the shell, Kaldi's tables or a job runner would misread in a path, or None; utils/paths.sh asks the same."""
    if found := re.search(r"""[\s\x00-\x1f\x7f"'$&;()#*?\[\]<>|\\`~{}!,:]""", path):
        return f"has {found[0]!r} in it, which the shell or Kaldi's tables would misread"
    if "JOB" in path:
        return "has JOB in it, which stands for the number of a job"
    return None


def fault_of_name(name: str) -> str | None:
    """Why no folder in a work directory can have this name, or None."""
    if "/" in name:
        return "has '/' in it"
    if name in (".", "..", "list") or name.endswith(".tmp") or len(name.encode(errors="surrogateescape")) > 200:
        return "cannot be the name of a folder"
    return fault_of_path(name)
