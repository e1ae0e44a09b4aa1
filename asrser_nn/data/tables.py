"""Kaldi tables in and out, through kaldiio and kaldi_io, with what both leave unchecked checked here.

Each library reads what it reads well: kaldiio keys and binary matrices (compressed ones too), kaldi_io binary vectors
and text matrices. Opening is done here, because kaldiio takes a failing pipe for an empty archive and kaldi_io raises
its error in a helper thread where nobody sees it; both take a truncated archive for a short one. Text vectors are
parsed here, because kaldi_io reads on into the next line when a vector has one digit or none.
"""

import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import kaldiio.matio as kaldiio
import numpy as np

from asrser_io.files import Failure, replacing


def _import_kaldi_io() -> Any:
    """Import kaldi_io without what it does besides: it edits PATH and KALDI_ROOT, and complains when that is unset."""
    before = {name: os.environ.get(name) for name in ("PATH", "KALDI_ROOT")}
    os.environ["KALDI_ROOT"] = os.sep  # any folder that exists, so that it does not complain
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in its source
            import kaldi_io
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    return kaldi_io


kaldi_io = _import_kaldi_io()


class _Input:
    """A file, pipe (`cmd |`) or standard input (`-`) that ends where it should, or raises Failure.

    Has the part of a binary file's interface that kaldiio and kaldi_io use.
    """

    mode = "rb"

    def __init__(self, rxfilename: str):
        self.name = rxfilename
        self.between_entries = True  # the only place where a file may end
        self._process: subprocess.Popen[bytes] | None = None
        self._file: Any
        if rxfilename.endswith("|"):
            # pipefail: a pipe whose first half fails must not look like a short archive
            command = ["bash", "-o", "pipefail", "-c", rxfilename[:-1]]
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
            self._file = self._process.stdout
        elif rxfilename in ("-", ""):
            self._file = sys.stdin.buffer
        else:
            try:
                self._file = open(rxfilename, "rb")  # noqa: SIM115 (closed by close())
            except OSError as error:
                raise Failure(f"{rxfilename}: cannot read it: {error.strerror}") from error

    def read(self, size: int) -> bytes:
        data: bytes = self._file.read(size)
        if len(data) < size and not self.between_entries:
            raise EOFError("it ends in the middle of this entry: truncated?")
        return data

    def readline(self) -> bytes:
        line: bytes = self._file.readline()
        if not line.endswith(b"\n") and (line or not self.between_entries):
            raise EOFError("it ends in the middle of this line: truncated?")
        return line

    def starts_binary(self) -> bool:
        return bytes(self._file.peek(1)[:1]) == b"\0"

    def seek(self, offset: int) -> None:
        self._file.seek(offset)

    def close(self, at_end: bool = True) -> None:
        """at_end: everything was read, so a pipe must have succeeded."""
        if self._file is not sys.stdin.buffer:
            self._file.close()
        if self._process is not None:
            status = self._process.wait()
            if at_end and status != 0:
                raise Failure(f"'{self.name}' failed with status {status}: what it wrote is not to be trusted")

    def __enter__(self) -> "_Input":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close(at_end=error is None)


def _read_matrix(source: _Input) -> np.ndarray:
    """(rows, columns) float32, from Kaldi's float, double or compressed matrices, or text."""
    matrix = kaldiio.read_matrix_or_vector(source) if source.starts_binary() else kaldi_io.read_mat(source)
    if matrix.ndim != 2:
        raise ValueError("it holds a vector where a matrix was expected")
    return np.asarray(matrix, dtype=np.float32)


def _read_int_vector(source: _Input) -> np.ndarray:
    """(length,) int32."""
    if source.starts_binary():
        return np.array(kaldi_io.read_vec_int(source))  # a copy: its elements stand 5 bytes apart
    words = source.readline().split()
    if words[:1] == [b"["] and words[-1:] == [b"]"]:
        words = words[1:-1]
    return np.array([int(word) for word in words], dtype=np.int32)


def _read_entry(source: _Input, key: str, read: Callable[[_Input], np.ndarray]) -> np.ndarray:
    """One object of an archive. The libraries fail in many ways on a broken one; the user gets a line with its key."""
    source.between_entries = False
    try:
        return read(source)
    except Failure:
        raise
    except Exception as error:
        kind = "features" if read is _read_matrix else "labels"
        reason = str(error) or type(error).__name__
        raise Failure(f"{source.name}: cannot read the {kind} of {key}: {reason}") from error
    finally:
        source.between_entries = True


def _read_archive(rxfilename: str, read: Callable[[_Input], np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    with _Input(rxfilename) as source:
        try:
            while (key := kaldiio.read_token(source)) is not None:
                yield key.strip(), _read_entry(source, key.strip(), read)
        except UnicodeDecodeError as error:
            raise Failure(f"{rxfilename}: this is no Kaldi archive") from error


def _split_rxfilename(rxfilename: str) -> tuple[str, int, tuple[slice, ...]]:
    """'feats.ark:123[0:9,2:4]' → file, offset, and the range, whose ends Kaldi includes."""
    if rxfilename.endswith("|"):
        return rxfilename, 0, ()
    match = re.fullmatch(r"(.*?)(?::(\d+))?(?:\[([\d:,]*)\])?", rxfilename, re.DOTALL)
    assert match is not None  # the first group takes anything
    ranges = []
    for part in match[3].split(",") if match[3] else []:
        first, _, last = part.partition(":")
        ranges.append(slice(int(first), int(last) + 1) if first and last else slice(None))
    return match[1], int(match[2] or 0), tuple(ranges)


def _read_script(
    rxfilename: str, read: Callable[[_Input], np.ndarray], permissive: bool
) -> Iterator[tuple[str, np.ndarray]]:
    """The objects that the lines '<key> <rxfilename>' of a script file point to."""
    with _Input(rxfilename) as script, ExitStack() as stack:
        source = None  # the archive stays open while the lines stay in it
        while line := script.readline().decode():
            key, _, where = line.strip().partition(" ")
            if not where:
                raise Failure(f"{rxfilename}: expected lines of the form '<utterance> <file>', found '{line.strip()}'")
            name, offset, ranges = _split_rxfilename(where.strip())
            try:
                if source is None or source.name != name or name.endswith("|"):
                    stack.close()
                    source = stack.enter_context(_Input(name))
                if not name.endswith("|"):
                    source.seek(offset)
                value = _read_entry(source, key, read)[ranges]
                if name.endswith("|"):
                    source = None
                    stack.close()  # fails if the command did
            except Failure as error:
                source = None
                stack.pop_all()
                if not permissive:
                    raise
                print(f"asrser_nn: warning: {key} is left out: {error}", file=sys.stderr)
                continue
            yield key, value


def _read_table(rspecifier: str, read: Callable[[_Input], np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    kinds, colon, rxfilename = rspecifier.partition(":")
    options = kinds.split(",")
    if not colon or ("ark" in options) == ("scp" in options):
        raise Failure(
            f"'{rspecifier}' is neither a data directory nor an rspecifier: "
            "expected a folder, scp:FILE, ark:FILE or ark:COMMAND |"
        )
    rxfilename = rxfilename.strip()
    entries = _read_script(rxfilename, read, "p" in options) if "scp" in options else _read_archive(rxfilename, read)
    seen = set()
    for key, value in entries:
        if key in seen:
            raise Failure(f"{rspecifier}: utterance {key} is there twice")
        seen.add(key)
        yield key, value


def read_feats(source: str) -> Iterator[tuple[str, np.ndarray]]:
    """(utterance, (frames, coefficients) float32) of a data directory's feats.scp or of an rspecifier."""
    return _read_table(f"scp:{source}/feats.scp" if os.path.isdir(source) else source, _read_matrix)


def read_labels(source: str) -> Iterator[tuple[str, np.ndarray]]:
    """(utterance, (frames,) int32) of a data directory's labels.scp or of an rspecifier of integer vectors."""
    return _read_table(f"scp:{source}/labels.scp" if os.path.isdir(source) else source, _read_int_vector)


def read_vector(rxfilename: str) -> np.ndarray:
    """One Kaldi vector, (length,) float64: what analyze-counts writes, binary or text."""

    def read(source: _Input) -> np.ndarray:
        if source.starts_binary():
            return kaldi_io.read_vec_flt(source)
        return np.array([float(word) for word in source.readline().split() if word not in (b"[", b"]")])

    with _Input(rxfilename) as source:
        return _read_entry(source, "the vector", read).astype(np.float64)


class MatrixWriter:
    """Write matrices to a wspecifier: ark:FILE, ark,t:FILE, ark,scp:FILE,FILE, ark:-, ark:| COMMAND.

    Files get their names when all is written; a full disk, or a command that fails, raises Failure.
    """

    def __init__(self, wspecifier: str):
        kinds, colon, names = wspecifier.partition(":")
        options = kinds.split(",")
        self.text = "t" in options
        self.flush = "f" in options
        if not colon or "ark" not in options:
            raise Failure(
                f"'{wspecifier}' is no wspecifier: expected ark:FILE, ark,t:FILE, ark,scp:FILE,FILE or ark:| COMMAND"
            )
        self.archive_name, _, script_name = (
            names.strip().partition(",") if "scp" in options else (names.strip(), "", "")
        )
        if "scp" in options and (
            not script_name or self.archive_name in ("-", "") or self.archive_name.startswith("|")
        ):
            raise Failure(f"'{wspecifier}': ark,scp: needs the names of two files")
        self.script_name = script_name

    def __enter__(self) -> "MatrixWriter":
        with ExitStack() as stack:
            self.archive = stack.enter_context(_output(self.archive_name))
            self.script = stack.enter_context(replacing(self.script_name)) if self.script_name else None
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, key: str, matrix: np.ndarray) -> None:
        """matrix: (frames, columns) float32."""
        self.archive.write(f"{key} ".encode())
        if self.script is not None:
            self.script.write(f"{key} {self.archive_name}:{self.archive.tell()}\n".encode())
        if self.text:
            kaldiio.write_array_ascii(self.archive, matrix, ".7g")
        else:
            kaldi_io.write_mat(self.archive, matrix)
        if self.flush:
            self.archive.flush()


@contextmanager
def _output(wxfilename: str) -> Iterator[BinaryIO]:
    """A file, standard output (`-`) or a command (`| cmd`), open for writing."""
    if wxfilename in ("-", ""):
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except OSError as error:
            # Python would try, and complain, once more on its way out
            with suppress(OSError):
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115
            raise Failure(f"cannot write to standard output: {error.strerror}") from error
    elif wxfilename.startswith("|"):
        process = subprocess.Popen(["bash", "-o", "pipefail", "-c", wxfilename[1:]], stdin=subprocess.PIPE)
        assert process.stdin is not None
        failed: OSError | None = None
        try:
            yield process.stdin  # type: ignore[misc]
        except BrokenPipeError as error:
            failed = error
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
            status = process.wait()
        if failed or status != 0:
            raise Failure(f"'{wxfilename}' failed with status {status}") from failed
    else:
        if not Path(wxfilename).absolute().parent.is_dir():
            raise Failure(f"{wxfilename}: there is no such folder to write it to")
        with replacing(wxfilename) as file:
            yield file
