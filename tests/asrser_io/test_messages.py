"""One line for what a user can mend, whatever is in it and wherever it is printed."""

import os
import subprocess
import sys

import pytest

from asrser_io.files import Failure, described
from asrser_io.messages import as_script


@pytest.mark.parametrize(
    "error, said",
    [
        (Failure("x.scp, line 3: no key"), "x.scp, line 3: no key"),
        (Failure("a\nb\0\x1b[2J\u2028é\udce9"), "a\\nb\\x00\\x1b[2J\\u2028é\udce9"),
        (OSError(28, "No space left on device", "out.ark"), "out.ark: No space left on device"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("a device that says nothing"), "OSError: a device that says nothing"),
        (MemoryError(), "not enough memory; is a size in a file or an option wrong?"),
        (FloatingPointError("overflow"), "overflow: a number is too large, or none; are the data damaged?"),
        (KeyError("shape"), "KeyError: 'shape'"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (RuntimeError("several\n  lines"), "RuntimeError: several lines"),
    ],
)
def test_an_error_is_described_in_a_line_without_none(error, said):
    assert described(error) == said


def test_a_message_that_shows_a_damaged_file_has_an_end():
    message = str(Failure(f"x, line 1: expected 1 word, found {'y' * 100_000}; mend it"))
    assert len(message) < 1100 and message.startswith("x, line 1: ") and message.endswith("; mend it")


@pytest.mark.parametrize(
    "error, status",
    [(Failure("é: broken"), "make it.py: é: broken"), (OSError(2, "No such file or directory", "x"), None),
     (MemoryError(), None), (KeyboardInterrupt(), 130)],
)  # fmt: skip
def test_a_script_ends_with_a_line_or_as_interrupted(error, status):
    with pytest.raises(SystemExit) as end, as_script("make it.py"):
        raise error
    assert end.value.code == (status or f"make it.py: {described(error)}")


def test_a_fault_of_the_script_itself_shows_where_it_is():
    with pytest.raises(ZeroDivisionError), as_script("make.py"):
        raise ZeroDivisionError


def run(body: str, unbuffered: str = ""):
    code = f"from asrser_io.messages import as_script\nwith as_script('make.py'{body}"
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUNBUFFERED": unbuffered}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)


def test_what_a_terminal_lacks_is_replaced_and_data_are_as_they_came():
    done = run("):\n    print('gr\\xfcn, l\\u00e4nger \\udcfc'); raise SystemExit('fehlt: \\xfc')")
    assert (done.stdout, done.returncode) == (b"gr\\xfcn, l\\xe4nger \\udcfc\n", 1)
    assert done.stderr == b"fehlt: \\xfc\n"
    assert run(", prints_data=True):\n    print('gr\\xfcn \\udcfc')").stdout == "grün ".encode() + b"\xfc\n"


def test_a_reader_that_goes_away_and_a_full_disk_are_no_tracebacks():
    body = "):\n    import os; os.close(1); os.dup2(os.open('/dev/full', os.O_WRONLY), 1); print('x' * 9)"
    for unbuffered in ("", "1") if os.path.exists("/dev/full") else ():
        done = run(body, unbuffered)
        assert (done.returncode, done.stderr) == (1, b"make.py: No space left on device\n")
    read, write = os.pipe()
    os.close(read)
    code = "from asrser_io.messages import as_script\nwith as_script('make.py'):\n    print('x' * 9)"
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_stops_early_is_noticed_whatever_the_buffering(unbuffered):
    """An unbuffered stream of Python writes 64 KiB into a pipe, drops the rest without a word, and all seems well."""
    code = "from asrser_io.messages import as_script\nwith as_script('make.py'):\n    print('x' * 500_000)"
    words = ["bash", "-c", '"$@" | head -c 3; echo ${PIPESTATUS[0]}', "bash", sys.executable, "-c", code]
    done = subprocess.run(words, env=os.environ | {"PYTHONUNBUFFERED": unbuffered}, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("xxx141\n", "")
