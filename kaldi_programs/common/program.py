"""The frame of every program here: options, usage, log lines and exit status as Kaldi's programs have them.

Source of the conventions: Kaldi's util/parse-options.cc and base/kaldi-error.cc.
"""

import functools
import math
import operator
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import numpy as np

from asrser_io.files import Failure, described
from asrser_io.messages import forget_unwritten, prepare_streams, say_warnings_by
from asrser_io.text import read_lines

_current = SimpleNamespace(name="kaldi_programs", verbose=0)


class Option(NamedTuple):
    """An option `--name=value`; the type of the default (bool, int, float or str) is the type of the option.

    allowed: the range of a number, such as "> 0, <= 1", or the words that a text may be. A number must be finite,
             unless its range names inf.
    """

    name: str
    default: Any
    help: str = ""
    allowed: str | tuple[str, ...] = ""


_STANDARD = (
    Option("config", "", "file of options to read, one --name=value a line (this option may be repeated)"),
    Option("help", False, "print this text"),
    Option("print-args", True, "echo the command line on standard error"),
    Option("verbose", 0, "how much to log (higher is more)"),
)
_COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_INT32 = -(2**31), 2**31 - 1
_FLOAT32 = 3.4028234663852886e38  # the largest number in single precision
_TRUTH = {"": True, "true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def log(text: str) -> None:
    _say("LOG", text)


def warn(text: str) -> None:
    _say("WARNING", text)


def vlog(level: int, text: str) -> None:
    """Log only with --verbose=LEVEL or more."""
    if _current.verbose >= level:
        _say(f"VLOG[{level}]", text)


def _say(severity: str, text: str) -> None:
    print(f"{severity} ({_current.name}:main()) {text}", file=sys.stderr, flush=True)


def program(
    usage: str, *options: Option, arguments: int | tuple[int, int | None], answers_by_status: bool = False
) -> Callable:
    """Turn `main(options, *arguments)` into a program, which takes a list of strings and returns the exit status.

    usage:     the usage line or lines
    arguments: how many arguments follow the options: a number, or (least, most), where most may be None
    `main` returns its exit status, None meaning 0; 1 means that nothing of its input could be used, or, where it
    answers_by_status, no. The program is called after its module: add_deltas is add-deltas; the module's docstring
    opens the help. Options are checked before `main` is called. Failure, file errors and a lack of memory end with one
    line and status 1.
    """
    least, most = arguments if isinstance(arguments, tuple) else (arguments, arguments)

    def decorate(main: Callable[..., int | None]) -> Callable[..., int]:
        name = main.__module__.rpartition(".")[2].replace("_", "-")
        description = sys.modules[main.__module__].__doc__ or ""

        @functools.wraps(main)
        def run(argv: list[str] | None = None) -> int:
            as_process = argv is None
            words = sys.argv[1:] if argv is None else [str(word) for word in argv]
            command_line = " ".join([name, *map(_quoted, words)])
            _current.name, _current.verbose = name, 0
            prepare_streams(prints_data=True)
            say_warnings_by(warn)

            def help_text() -> str:
                return f"\n{description.strip()}\n\nUsage: {usage}\n\n{_option_table(options)}"

            try:
                values, rest = _parse(words, options)
                if values["help"]:
                    print(help_text(), file=sys.stderr)
                    return 0
                _current.verbose = values["verbose"]
                if values["print_args"]:
                    print(command_line, file=sys.stderr, flush=True)
                if len(rest) < least or (most is not None and len(rest) > most):
                    print(f"{help_text()}\nCommand line was: {command_line}", file=sys.stderr)
                    return 1
                with np.errstate(over="raise", invalid="raise"):
                    status = main(SimpleNamespace(**values), *rest) or 0
                if sys.stdout:  # none where the caller closed it (`>&-`)
                    sys.stdout.flush()
                if status and not answers_by_status:
                    _say("ERROR", f"nothing done: no input, or none that can be used (see above), for {command_line}")
                return status
            except BrokenPipeError:
                return _end_by_broken_pipe(as_process)
            except KeyboardInterrupt:
                return 130
            except (Failure, OSError, MemoryError, FloatingPointError) as error:
                if _current.verbose >= 1:
                    _print_traceback()
                forget_unwritten()
                _say("ERROR", described(error))
                return 1

        return run

    return decorate


def _parse(words: list[str], options: tuple[Option, ...]) -> tuple[dict[str, Any], list[str]]:
    """Values by name (with underscores) and the arguments after the options; files given by --config are read first."""
    known = {option.name: option for option in (*options, *_STANDARD)}
    values = {option.name: option.default for option in known.values()}
    count = next((i for i, word in enumerate(words) if not word.startswith("--") or word == "--"), len(words))
    for word in words[:count]:
        name, _, value = word[2:].partition("=")
        if _normalised(name) == "config":
            for line in _config_lines(value):
                _set(values, known, line, f" in the configuration file {value}")
    for word in words[:count]:
        _set(values, known, word, "")
    rest = words[count:]
    if "--" in rest:
        rest.remove("--")
    return {name.replace("-", "_"): value for name, value in values.items()}, rest


def _config_lines(path: str) -> list[str]:
    lines = [line.partition("#")[0].strip() for line in read_lines(path, may_be_pipe=True)]
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("--"):
            raise Failure(f"{path}, line {number}: expected --name=value, found {line!r}")
    return [line for line in lines if line]


def _normalised(name: str) -> str:
    return name.lower().replace("_", "-")


def _set(values: dict[str, Any], known: dict[str, Option], word: str, where: str) -> None:
    name, equals, text = word[2:].partition("=")
    option = known.get(_normalised(name))
    if option is None:
        raise Failure(f"Invalid option {word}{where}: there is no such option (--help lists them)")
    text = text.strip()

    def refuse(expected: str) -> NoReturn:
        raise Failure(f"Invalid option {word}{where}: expected --{option.name}={expected}")

    if isinstance(option.default, bool):
        if text.lower() not in _TRUTH or (equals and not text):
            refuse("true or false")
        values[option.name] = _TRUTH[text.lower()]
    elif isinstance(option.default, str):
        if not equals:
            refuse("text")
        if option.allowed and text not in option.allowed:
            refuse(" or ".join(option.allowed))
        values[option.name] = text
    else:
        number = _number(text, type(option.default))
        if number is None or not _lies_in(number, str(option.allowed)):
            refuse(f"{'an integer' if isinstance(option.default, int) else 'a number'} {option.allowed}".rstrip())
        values[option.name] = number


def _number(text: str, kind: type) -> int | float | None:
    """The number that Kaldi, too, reads here: 32 bits wide, in ASCII; 1e39 is infinity."""
    if not text.isascii() or "_" in text:
        return None
    try:
        number = kind(text)
    except ValueError:
        return None
    if kind is int:
        return number if _INT32[0] <= number <= _INT32[1] else None
    return math.copysign(math.inf, number) if abs(number) > _FLOAT32 else number


def _lies_in(number: int | float, allowed: str) -> bool:
    """Whether a number fulfils conditions such as "> 0, <= 1"; without any, whether it is finite."""
    if math.isnan(number) or (math.isinf(number) and "inf" not in allowed):
        return False
    conditions = [condition.split() for condition in allowed.split(", ") if condition]
    return all(_COMPARISONS[sign](number, float(bound)) for sign, bound in conditions)


def _option_table(options: tuple[Option, ...]) -> str:
    def lines(some: tuple[Option, ...]) -> str:
        return "".join(
            f"  --{option.name:25} : {option.help} ({_kind(option)}, default = {_shown(option)})\n"
            for option in sorted(some)
        )

    own = f"Options:\n{lines(options)}\n" if options else ""
    return f"{own}Standard options:\n{lines(_STANDARD)}"


def _kind(option: Option) -> str:
    allowed = f" {option.allowed}" if isinstance(option.allowed, str) else f": {', '.join(option.allowed)}"
    return f"{type(option.default).__name__}{allowed}".rstrip()


def _shown(option: Option) -> str:
    if isinstance(option.default, str):
        return f'"{option.default}"'
    return str(option.default).lower()


def _quoted(word: str) -> str:
    """As Kaldi echoes its command line, so that it can be pasted into a shell."""
    if word and all((c.isascii() and c.isalnum()) or c in "[]~#^_-+=:.,/" for c in word):
        return word
    if "'" in word and not any(c in word for c in '"`$\\'):
        return f'"{word}"'
    return "'" + word.replace("'", "'\\''") + "'"


def _end_by_broken_pipe(as_process: bool) -> int:
    """The reader of our output went away: end by the same signal as a program in C would."""
    if as_process:
        import os
        import signal

        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    return 141


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()
