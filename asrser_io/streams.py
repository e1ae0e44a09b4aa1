"""Kaldi's extended filenames: a plain file, `-`, `command |`, `| command`, and `file:offset` for reading.

Source of the rules: Kaldi's util/kaldi-io.cc. Unlike there, a failed command, a full disk or a short write is always an
error, and a plain file gets its name only once it is complete.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO
from typing import IO, Any

from asrser_io.files import Failure, replacing
from asrser_io.messages import forget_unwritten
from asrser_io.text import decoded_lines, is_count

BINARY_HEADER = b"\0B"
WHITE_SPACE = " \t\n\r\f\v"  # what C calls so; more than that can be part of a name
# A command whose reader stopped early is ended by SIGPIPE; bash reports that as 128 + 13.
_ENDED_BY_READER = (-13, 141)


def printable(filename: str, standard: str = "standard input") -> str:
    return filename if filename not in ("", "-") else standard


def split_offset(rxfilename: str) -> tuple[str, int | None]:
    """("feats.ark", 17) of "feats.ark:17"; the offset is None where there is none."""
    path, colon, offset = rxfilename.rpartition(":")
    return (path, int(offset)) if colon and path and is_count(offset) else (rxfilename, None)


@contextmanager
def open_input(rxfilename: str) -> Iterator[BufferedReader]:
    """The bytes of an extended filename. Raises Failure when it cannot be opened, and, where it is a command of which
    everything was read, when that command fails."""
    if rxfilename in ("", "-"):
        yield _standard(sys.stdin, rxfilename)  # type: ignore[misc]
    elif (command := rxfilename.rstrip(WHITE_SPACE)).endswith("|") and not command.startswith("|"):
        with _input_command(command[:-1].strip(WHITE_SPACE)) as pipe:
            yield pipe
    else:
        path, offset = split_offset(rxfilename)
        with open_file(path) as file:
            if offset is not None:
                seek(file, path, offset)
            yield file


def _standard(stream: Any, filename: str) -> Any:
    """The bytes of standard input or output, which Python has not where the caller closed it (`<&-`)."""
    if stream is None:
        raise Failure(f"{filename!r} means a standard input or output that the caller has closed")
    return stream.buffer


def open_file(path: str) -> BufferedReader:
    if path != path.strip(WHITE_SPACE) or "|" in path:
        raise Failure(f"cannot read {path!r}: neither a file nor a command (which ends in |)")
    try:
        return BufferedReader(_InputFile(path), 1 << 15)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise Failure(f"cannot read {path!r}: {error}" if isinstance(error, ValueError) else
                      f"cannot read {path}: {error.strerror}") from error


def seek(file: BufferedReader, path: str, offset: int) -> None:
    """Go to where an extended filename points. A pipe is read from its start, and never needs this."""
    try:
        file.seek(offset)
    except (OSError, OverflowError, ValueError) as error:
        what = ", which is a pipe" if isinstance(error, OSError) else ": no file is that long"
        raise Failure(f"cannot go to byte {offset} of {path}{what}") from error


class _InputFile(FileIO):
    """A file to read from, whose errors name it: they would be taken for those of the file being written meanwhile."""

    def readinto(self, buffer: Any) -> int | None:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise Failure(f"cannot read {self.name}: {error.strerror}") from error

    def readall(self) -> bytes:
        try:
            return super().readall()
        except OSError as error:
            raise Failure(f"cannot read {self.name}: {error.strerror}") from error


def read_lines(rxfilename: str) -> list[str]:
    """The lines of a text, without their ends; bytes that are not UTF-8 are kept as surrogates."""
    with open_input(rxfilename) as f:
        return decoded_lines(f.read(), printable(rxfilename), strict=False)


@contextmanager
def open_output(wxfilename: str, binary: bool = False) -> Iterator[IO[bytes]]:
    """A file to write to. A plain file is written as NAME.tmp and renamed when all went well, removed when not.

    binary: begin with the two bytes by which Kaldi tells a binary object from text
    Raises Failure when opening, writing or closing fails or the command does.
    """
    with _open_output(wxfilename) as f:
        if binary:
            f.write(BINARY_HEADER)
        yield f


@contextmanager
def open_object(rxfilename: str) -> Iterator[tuple[BufferedReader, bool]]:
    """One Kaldi object to read, such as a model, and whether it is binary; every Failure names the file."""
    with open_input(rxfilename) as f:
        try:
            yield f, read_binary_header(f)
        except Failure as error:
            raise Failure(f"{printable(rxfilename)}: {error}") from error


def read_binary_header(f: BufferedReader) -> bool:
    """Whether binary data follow; the two bytes that say so are consumed."""
    if f.peek(1)[:1] != BINARY_HEADER[:1]:
        return False
    if f.read(2) != BINARY_HEADER:
        raise Failure("expected Kaldi's binary header (a zero byte and B); is this a Kaldi file?")
    return True


@contextmanager
def _open_output(wxfilename: str) -> Iterator[IO[bytes]]:
    if wxfilename in ("", "-"):
        try:
            standard_output = _standard(sys.stdout, wxfilename)
            yield standard_output
            standard_output.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.filename is not None:
                raise
            forget_unwritten()
            raise Failure(f"cannot write standard output: {error.strerror or error}") from error
    elif wxfilename.startswith("|"):
        with _output_command(wxfilename[1:].strip(WHITE_SPACE)) as pipe:
            yield pipe
    elif wxfilename != wxfilename.strip(WHITE_SPACE) or "|" in wxfilename or split_offset(wxfilename)[1] is not None:
        raise Failure(f"cannot write {wxfilename!r}: neither a file nor a command (which begins with |)")
    else:
        with replacing(wxfilename) as file:
            yield file


def _start(command: str, **pipes: Any) -> Any:
    import subprocess  # 10 ms that most programs need not pay

    # pipefail: `a | b |` fails when a does, as well as when b does.
    return subprocess.Popen(["bash", "-o", "pipefail", "-c", command], **pipes)


@contextmanager
def _input_command(command: str) -> Iterator[BufferedReader]:
    process = _start(command, stdout=-1)
    read_to_end = False
    try:
        yield process.stdout
        read_to_end = not process.stdout.peek(1)
    except Failure as error:
        # Data that end too early are most often the work of a command that failed.
        process.stdout.close()
        if process.wait() not in (0, *_ENDED_BY_READER):
            raise Failure(f"the command '{command} |' failed with status {process.returncode}") from error
        raise
    finally:
        process.stdout.close()
        status = process.wait()
    if read_to_end and status not in (0, *_ENDED_BY_READER):
        raise Failure(f"the command '{command} |' failed with status {status}")


@contextmanager
def _output_command(command: str) -> Iterator[IO[bytes]]:
    process = _start(command, stdin=-1)
    broken = False
    try:
        yield process.stdin
    except BrokenPipeError:
        broken = True
    finally:
        try:
            process.stdin.close()
        except BrokenPipeError:
            broken = True
        status = process.wait()
    if status != 0 or broken:
        raise Failure(f"the command '| {command}' ended with status {status} before it had read everything"
                      if broken else f"the command '| {command}' failed with status {status}")
