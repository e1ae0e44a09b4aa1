"""What readers say besides their answer, in the form that the running program gives it."""

import sys
from collections.abc import Callable


def _plain(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)


_say: Callable[[str], None] = _plain


def warn(text: str) -> None:
    _say(text)


def say_warnings_by(say: Callable[[str], None]) -> None:
    """Called by a program at its start: Kaldi's have another form than ours."""
    global _say
    _say = say
