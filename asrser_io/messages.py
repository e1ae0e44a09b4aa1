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


@contextmanager
def as_script(name: str, prints_data: bool = False) -> Iterator[None]:
    """What every script has around its work: an error that its user can mend is one line after the script's name and
    status 1, Ctrl-C is status 130, and characters that a terminal lacks are replaced.

    prints_data: standard output is read by other programs: it is UTF-8 everywhere
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if prints_data and stream is sys.stdout:
                stream.reconfigure(encoding="utf-8", errors="surrogateescape")
            else:
                stream.reconfigure(errors="backslashreplace")
    try:
        yield
        if sys.stdout:  # none where the caller closed it
            sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, or says itself what went wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(141)
    except (Failure, OSError, MemoryError) as error:
        sys.exit(f"{name}: {described(error)}")
    except KeyboardInterrupt:
        sys.exit(130)
