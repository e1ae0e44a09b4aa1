"""What readers say besides their answer, in the form that the running program gives it."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from asrser_io.files import Failure, described


def _plain(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)


_say: Callable[[str], None] = _plain


def warn(text: str) -> None:
    _say(text)


def say_warnings_by(say: Callable[[str], None]) -> None:
    """Called by a program at its start: Kaldi's have another form than ours."""
    global _say
    _say = say


def prepare_streams(prints_data: bool = False) -> None:
    """Standard output and error as every command has them: what a terminal lacks is replaced, and nothing is dropped.

    prints_data: standard output is read by other programs: it is UTF-8 everywhere, and bytes that came in as a key or a
    name go out as they were
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):
            continue
        if isinstance(stream.buffer, io.RawIOBase) and stream is getattr(sys, f"__{name}__"):
            # python -u or PYTHONUNBUFFERED: such a stream takes what fits into a pipe or on a disk, and drops the rest.
            stream = io.TextIOWrapper(
                io.BufferedWriter(stream.buffer), stream.encoding, stream.errors, line_buffering=True
            )
            setattr(sys, name, stream)
        if prints_data:
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")
        else:
            stream.reconfigure(errors="backslashreplace")


def forget_unwritten() -> None:
    """After an error: at its end Python would try again to write what could not be written, and complain once more."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def as_script(name: str, prints_data: bool = False) -> Iterator[None]:
    """What every script has around its work: an error that its user can mend is one line after the script's name and
    status 1, Ctrl-C is status 130, and characters that a terminal lacks are replaced.

    prints_data: as prepare_streams has it
    """
    prepare_streams(prints_data)
    try:
        yield
        if sys.stdout:  # none where the caller closed it
            sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, or says itself what went wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(141)
    except (Failure, OSError, MemoryError) as error:
        forget_unwritten()
        sys.exit(f"{name}: {described(error)}")
    except KeyboardInterrupt:
        sys.exit(130)
