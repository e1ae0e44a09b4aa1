"""Kaldi's tables: values by key in archives and scripts, read in order or by key, and written.

The kind of the values is a name or a Kind of one's own:

    matrix, double_matrix   (rows, columns) float32 or float64     int, float, double   a number
    feats                   (frames, dimension) float32, finite
    vector, double_vector   (n,) float32 or float64                token                a word
    int_vector              (n,) int32                             token_vector         a list of words
    int_pairs               (n, 2) int32
    wave                    (samples per second, (channels, samples) float32 in units of 16-bit integers)

Source of the rules: Kaldi's util/kaldi-table.cc, kaldi-table-inl.h and kaldi-holder-inl.h. Unlike there, data that end
early, a failed command, a full disk and a key that is there twice are always errors.
"""

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BufferedReader
from typing import IO, Any, NamedTuple

import numpy as np

from asrser_io.files import Failure
from asrser_io.messages import warn
from asrser_io.streams import (
    BINARY_HEADER,
    WHITE_SPACE,
    open_file,
    open_input,
    open_output,
    printable,
    read_binary_header,
    seek,
    split_offset,
)
from asrser_io.text import BYTE_ORDER_MARK, UTF_16_MARKS, is_word
from asrser_io.values import (
    read_array,
    read_float,
    read_int32,
    read_matrix,
    read_vector,
    read_word,
    write_compressed_matrix,
    write_double,
    write_float,
    write_int32,
    write_matrix,
    write_vector,
)


class Kind(NamedTuple):
    """How the values of a table are read and written, header for binary data included."""

    read: Callable[[BufferedReader], Any]
    write: Callable[[IO[bytes], Any, bool], None]  # file, value, binary
    read_file: Callable[[BufferedReader], Any] | None = None  # where a value alone in its file may have other forms


# The kinds


def _with_header(read: Callable[[BufferedReader, bool], Any], write: Callable[[IO[bytes], Any, bool], None]) -> Kind:
    def write_with_header(f: IO[bytes], value: Any, binary: bool) -> None:
        if binary:
            f.write(BINARY_HEADER)
        write(f, value, binary)

    return Kind(lambda f: read(f, read_binary_header(f)), write_with_header)


def _written_as(write: Callable[..., None], dtype: type) -> Callable[[IO[bytes], Any, bool], None]:
    return lambda f, value, binary: write(f, np.asarray(value, dtype), binary)


def _read_double_matrix(f: BufferedReader, binary: bool) -> np.ndarray:
    return read_matrix(f, binary, np.float64)


def _read_double_vector(f: BufferedReader, binary: bool) -> np.ndarray:
    return read_vector(f, binary, np.float64)


def _read_feats(f: BufferedReader, binary: bool) -> np.ndarray:
    feats = read_matrix(f, binary)
    if not np.isfinite(feats).all():
        frame = int(np.flatnonzero(~np.isfinite(feats).all(axis=1))[0])
        raise Failure(f"frame {frame} (from 0) has a feature that is infinite or no number")
    return feats


def _read_line(f: BufferedReader) -> bytes:
    line = f.readline()
    if not line.endswith(b"\n"):
        raise Failure("the data end before the end of a line (truncated? if not, end the last line by a newline)")
    return line.strip()


def _shown(line: bytes) -> str:
    return repr(line[:60].decode(errors="surrogateescape"))


def _integers(text: bytes) -> np.ndarray:
    try:
        if b"_" in text:
            raise ValueError  # which Python would take for part of a number
        return np.array([int(word) for word in text.split()], np.int32)
    except (ValueError, OverflowError):
        raise Failure(f"expected integers, found {_shown(text)}") from None


# In archives each integer of a vector has its own size byte (models hold them otherwise: read_int_vector).
_SIZED_INT = np.dtype([("size", "i1"), ("value", "<i4")])


def _read_ints(f: BufferedReader, binary: bool, per_item: int = 1) -> np.ndarray:
    if not binary:
        return _integers(_read_line(f))
    count = read_int32(f, binary) * per_item
    if count < 0:
        raise Failure(f"a vector of {count} integers, which none can be (damaged?)")
    sized = read_array(f, _SIZED_INT, count)
    if np.any(sized["size"] != 4):
        raise Failure("expected 32-bit integers, found other data (corrupt, or not a vector of integers)")
    return sized["value"].copy()


def _write_sized_ints(f: IO[bytes], count: int, values: Any) -> None:
    sized = np.empty(len(values), _SIZED_INT)
    sized["size"], sized["value"] = 4, values
    f.write(struct.pack("<bi", 4, count) + sized.tobytes())


def _write_ints(f: IO[bytes], values: Any, binary: bool) -> None:
    if binary:
        _write_sized_ints(f, len(values), values)
    else:
        f.write(b"".join(b"%d " % value for value in values) + b"\n")


def _read_pairs(f: BufferedReader, binary: bool) -> np.ndarray:
    if binary:
        return _read_ints(f, binary, per_item=2).reshape(-1, 2)
    line = _read_line(f)
    pairs = [pair.split() for pair in line.split(b";")] if line else []
    if any(len(pair) != 2 for pair in pairs):
        raise Failure(f"expected pairs of integers parted by semicolons, found {_shown(line)}")
    return _integers(line.replace(b";", b" ")).reshape(-1, 2)


def _write_pairs(f: IO[bytes], pairs: Any, binary: bool) -> None:
    if binary:
        _write_sized_ints(f, len(pairs), np.asarray(pairs).reshape(-1))
    else:
        f.write(b"; ".join(b"%d %d " % (first, second) for first, second in pairs) + b"\n")


def _number(read: Callable[[BufferedReader, bool], Any], write: Callable[[IO[bytes], Any, bool], None]) -> Kind:
    """A number of a table, which in text has a line of its own."""

    def read_number(f: BufferedReader, binary: bool) -> Any:
        value = read(f, binary)
        if not binary and (rest := _read_line(f)):
            raise Failure(f"expected one number, found {_shown(rest)} behind it")
        return value

    def write_number(f: IO[bytes], value: Any, binary: bool) -> None:
        write(f, value, binary)
        if not binary:
            f.write(b"\n")

    return _with_header(read_number, write_number)


def _read_single_token(f: BufferedReader) -> str:
    line = _read_line(f)
    if line.split() != [line]:
        raise Failure(f"expected one word, found {_shown(line)}")
    return line.decode(errors="surrogateescape")


def _read_tokens(f: BufferedReader) -> list[str]:
    return [word.decode(errors="surrogateescape") for word in _read_line(f).split()]


def _write_tokens(f: IO[bytes], tokens: list[str], binary: bool) -> None:
    f.write("".join(f"{token} " for token in tokens).encode(errors="surrogateescape") + b"\n")


def _write_single_token(f: IO[bytes], token: str, binary: bool) -> None:
    f.write(token.encode(errors="surrogateescape") + b"\n")


def _wave_kind() -> Kind:
    from asrser_io import waves

    return Kind(waves.read_pcm_wave, waves.write_wave, waves.read_any_wave)


def compressed_matrix(method: int) -> Kind:
    """Matrices to be written with one of Kaldi's compression methods (1 to 7, see values.write_compressed_matrix)."""
    return _with_header(
        read_matrix,
        lambda f, value, binary: write_compressed_matrix(f, value, binary, method),
    )


_KINDS: dict[str, Kind | Callable[[], Kind]] = {
    "matrix": _with_header(read_matrix, _written_as(write_matrix, np.float32)),
    "feats": _with_header(_read_feats, _written_as(write_matrix, np.float32)),
    "double_matrix": _with_header(_read_double_matrix, _written_as(write_matrix, np.float64)),
    "vector": _with_header(read_vector, _written_as(write_vector, np.float32)),
    "double_vector": _with_header(_read_double_vector, _written_as(write_vector, np.float64)),
    "int_vector": _with_header(_read_ints, _write_ints),
    "int_pairs": _with_header(_read_pairs, _write_pairs),
    "int": _number(read_int32, write_int32),
    "float": _number(read_float, write_float),
    "double": _number(read_float, write_double),
    "token": Kind(_read_single_token, _write_single_token),
    "token_vector": Kind(_read_tokens, _write_tokens),
    "wave": _wave_kind,
}


def _kind(kind: str | Kind) -> Kind:
    if isinstance(kind, Kind):
        return kind
    found = _KINDS[kind]
    return found if isinstance(found, Kind) else found()


# Specifiers


class _Specifier(NamedTuple):
    form: str  # "ark", "scp" or "ark,scp"
    options: frozenset[str]
    filename: str


_READ_OPTIONS = {"b", "t", "o", "no", "p", "np", "s", "ns", "cs", "ncs", "bg"}
_WRITE_OPTIONS = {"b", "t", "f", "nf", "p"}
_OPPOSITE = {"no": "o", "np": "p", "ns": "s", "ncs": "cs", "nf": "f", "b": "t"}  # the last one given holds


def _specifier(text: str, known_options: set[str], forms: tuple[str, ...]) -> _Specifier | None:
    before, colon, filename = text.partition(":")
    form: list[str] = []
    options: set[str] = set()
    for word in re.split("[ ,]", before):
        if word in ("ark", "scp"):
            form.append(word)
        elif word in known_options:
            options = options - {_OPPOSITE[word]} if word in _OPPOSITE else options | {word}
        else:
            return None
    if not colon or ",".join(form) not in forms or text[-1] in WHITE_SPACE:
        return None
    return _Specifier(",".join(form), frozenset(options), filename)


def _rspecifier(text: str) -> _Specifier:
    found = _specifier(text, _READ_OPTIONS, ("ark", "scp"))
    if found is None:
        raise Failure(f"{text!r} is no rspecifier; expected ark:FILE or scp:FILE, with options such as scp,p:FILE")
    return found


def is_rspecifier(text: str) -> bool:
    """Whether the text names a table to read rather than a file."""
    return _specifier(text, _READ_OPTIONS, ("ark", "scp")) is not None


def is_wspecifier(text: str) -> bool:
    return _specifier(text, _WRITE_OPTIONS, ("ark", "scp", "ark,scp")) is not None


# Reading


def read_table(rspecifier: str, kind: str | Kind) -> Iterator[tuple[str, Any]]:
    """The keys and values of a table, in its order.

    A value that cannot be read is a Failure with its key and file; with the option p (scp,p:FILE) it is left out with a
    warning, and an archive ends there. A key that is there twice is a Failure.
    """
    form, options, filename = _rspecifier(rspecifier)
    if form == "ark":
        yield from _read_archive(filename, _kind(kind), permissive="p" in options)
        return
    with _Loader(_kind(kind)) as loader:
        for key, rxfilename in _read_script(filename):
            try:
                value = loader.load(key, rxfilename)
            except Failure as error:
                if "p" not in options:
                    raise
                warn(f"skipped {error}")
            else:
                yield key, value


def _read_archive(rxfilename: str, kind: Kind, permissive: bool) -> Iterator[tuple[str, Any]]:
    seen = set()
    with open_input(rxfilename) as f:
        start = f.peek(3)[:3]
        if start == BYTE_ORDER_MARK:
            f.read(3)
        elif start.startswith(UTF_16_MARKS):
            raise Failure(f"{printable(rxfilename)}: the text is in UTF-16; save it as UTF-8")
        while key := read_word(f):
            if key in seen:
                raise Failure(f"{key} is there twice in the archive {printable(rxfilename)}; keys must differ")
            seen.add(key)
            try:
                if (following := f.peek(1)[:1]) in (b" ", b"\t"):
                    f.read(1)
                elif following != b"\n":
                    raise Failure("expected a space after the key; is this an archive?")
                value = kind.read(f)
            except Failure as error:
                text = f"{ascii(key[:80])[1:-1]} in the archive {printable(rxfilename)}: {error}"
                if not permissive:
                    raise Failure(text) from error
                warn(f"stopped at {text}")
                return
            yield key, value


def _read_script(rxfilename: str) -> Iterator[tuple[str, str]]:
    first_line: dict[str, int] = {}
    with open_input(rxfilename) as f:
        for number, line in enumerate(f, 1):
            where = f"{printable(rxfilename)}, line {number}"
            if number == 1 and line.startswith(UTF_16_MARKS):
                raise Failure(f"{where}: the text is in UTF-16; save it as UTF-8")
            fields = (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).split(None, 1)
            if len(fields) != 2 or b"\0" in line:
                raise Failure(f"{where}: expected a key and a file, found {_shown(line.strip())}")
            key, filename = (field.strip().decode(errors="surrogateescape") for field in fields)
            if key in first_line:
                raise Failure(f"{where}: {key} is there a second time, after line {first_line[key]}; keys must differ")
            first_line[key] = number
            yield key, filename


class _Loader:
    """Loads the values that a script names; keeps the last archive open and the last value of a file with a range."""

    def __init__(self, kind: Kind):
        self._kind = kind
        self._path = ""
        self._file: BufferedReader | None = None
        self._whole: tuple[str, Any] = ("", None)

    def __enter__(self) -> "_Loader":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file:
            self._file.close()

    def load(self, key: str, rxfilename: str) -> Any:
        try:
            if not rxfilename.endswith("]"):
                return self._read(rxfilename)
            name, *ranges = rxfilename[:-1].split("[")
            if not name or len(ranges) != 1:
                raise Failure("cannot make sense of it; expected FILE[first:last] or FILE[first:last,first:last]")
            if self._whole[0] != name:
                self._whole = (name, self._read(name))
            part, is_cut = _part(self._whole[1], ranges[0])
            if is_cut:
                warn(f"{key} ({rxfilename}): the range ends behind the {len(self._whole[1])} rows there are: cut")
            return part
        except Failure as error:
            raise Failure(f"{f'{key} ({rxfilename})' if key else rxfilename}: {error}") from error

    def _read(self, rxfilename: str) -> Any:
        path, offset = split_offset(rxfilename)
        if offset is None:
            with open_input(rxfilename) as f:
                return (self._kind.read_file or self._kind.read)(f)
        if self._file is None or self._path != path:
            if self._file:
                self._file.close()
            self._path, self._file = path, open_file(path)
        seek(self._file, path, offset)
        return self._kind.read(self._file)


def _part(value: Any, text: str) -> tuple[np.ndarray, bool]:
    """The part of a vector or matrix that "first:last" or "rows,columns" names, ends included; ":" is all.

    As in Kaldi the last row may lie up to 3 behind the end, since segments are rounded; the part is cut there, which is
    the second answer.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        raise Failure(f"a range [{text}] of something that is no vector or matrix")
    ranges = text.split(",")
    shape = " x ".join(map(str, value.shape))
    slices, is_cut = [], False
    for axis, ends in enumerate(ranges):
        size = value.shape[axis] if axis < value.ndim else 0
        tolerance = 3 if axis == 0 else 0
        match = re.fullmatch("([0-9]+):([0-9]+)", f"0:{size - 1}" if ends == ":" else ends)
        first, last = map(int, match.groups()) if match else (0, -1)
        if not (first <= last < size + tolerance and first < size):
            raise Failure(f"no range [{text}] in {shape} values; expected first:last from 0 on, both included")
        is_cut |= last >= size
        slices.append(slice(first, last + 1))
    return value[tuple(slices)], is_cut


class RandomAccess:
    """Values of a table by key: `key in table`, `table[key]`, `table.get(key)`.

    A script is read at once, its values when asked for. An archive is read to its end at the first question and kept.
    Where its options promise order (s: the table is sorted, cs: it is asked in sorted order), it is read as far as
    needed and nothing is kept, until a key is missing: only the rest can tell whether the promise was broken.
    The option o (each key is asked for once) changes nothing.
    """

    def __init__(self, rspecifier: str, kind: str | Kind):
        form, options, filename = _rspecifier(rspecifier)
        self._rspecifier = rspecifier
        self._permissive, self._sorted = "p" in options, "s" in options
        self._in_passing = "s" in options and "cs" in options
        self._values: dict[str, Any] = {}
        self._script: dict[str, str] | None = None
        self._asked = self._passed = self._reached = ""  # of an archive that is read in passing: keys
        if form == "scp":
            entries = _read_script(filename)
            self._script = dict(self._in_order(entries) if self._sorted else entries)
            self._loader = _Loader(_kind(kind))
        else:
            archive = _read_archive(filename, _kind(kind), self._permissive)
            self._archive = self._in_order(archive) if self._sorted else archive

    def __contains__(self, key: str) -> bool:
        if self._script is None:
            self._read_archive_for(key)
            return key in self._values
        if not self._permissive or key not in self._script:
            return key in self._script
        return self._load(key) is not None

    def __getitem__(self, key: str) -> Any:
        if self._script is None:
            self._read_archive_for(key)
            if key in self._values:
                return self._values[key]
        elif key in self._script and (value := self._load(key)) is not None:
            return value
        raise Failure(f"no {key} in {self._rspecifier}{self._neighbours(key)}")

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401  this is dict.get's own meaning

    def _load(self, key: str) -> Any:
        assert self._script is not None
        if key not in self._values:
            self._values.clear()  # only the last one is kept
            try:
                self._values[key] = self._loader.load(key, self._script[key])
            except Failure as error:
                if not self._permissive:
                    raise
                warn(f"skipped {error}")
                return None
        return self._values[key]

    def _read_archive_for(self, key: str) -> None:
        if self._in_passing:
            if _order(key) < _order(self._asked):
                raise Failure(
                    f"{self._rspecifier} is asked for {key} after {self._asked}, when {self._reached or 'nothing'} was "
                    "read, though its option cs promises sorted order; sort what asks, or leave out cs"
                )
            self._asked = key
            while _order(self._reached) < _order(key) and (entry := next(self._archive, None)):
                self._passed, self._reached = self._reached, entry[0]
                self._values = dict([entry])
        if key not in self._values:
            self._values.update(self._archive)

    def _in_order(self, entries: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
        """The same, as long as they are sorted, as the option s promises."""
        last = None
        for key, value in entries:
            if last is not None and _order(key) <= _order(last):
                following = next(entries, None)
                before = f" and before {following[0]}" if following else ""
                raise Failure(
                    f"{self._rspecifier} is not sorted, as its option s promises: {key} stands after {last}{before}; "
                    "sort it in the order of LC_ALL=C"
                )
            last = key
            yield key, value

    def _neighbours(self, key: str) -> str:
        """Between which keys of a sorted table a key would stand."""
        if not self._sorted:
            return ""
        keys = {self._passed, *(self._values if self._script is None else self._script)} - {""}
        before = max((found for found in keys if _order(found) < _order(key)), key=_order, default="its start")
        after = min((found for found in keys if _order(found) > _order(key)), key=_order, default="its end")
        return f"; it would stand after {before} and before {after}"


def _order(key: str) -> bytes:
    """Kaldi sorts bytes."""
    return key.encode(errors="surrogateescape")


class _Mapped:
    """A table by speaker that is asked by utterance."""

    def __init__(self, table: RandomAccess, utt2spk: RandomAccess):
        self._table, self._utt2spk = table, utt2spk

    def __contains__(self, utterance: str) -> bool:
        return utterance in self._utt2spk and self._utt2spk[utterance] in self._table

    def __getitem__(self, utterance: str) -> Any:
        return self._table[self._utt2spk[utterance]]


def random_access(rspecifier: str, kind: str | Kind, utt2spk: str = "") -> RandomAccess | _Mapped:
    """A table to be asked by key; with an rspecifier for utt2spk, by the keys of that map."""
    table = RandomAccess(rspecifier, kind)
    return _Mapped(table, RandomAccess(utt2spk, "token")) if utt2spk else table


def read_object(rxfilename: str, kind: str | Kind) -> Any:
    """One value that is alone in its file."""
    with _Loader(_kind(kind)) as loader:
        return loader.load("", rxfilename)


# Writing


class TableWriter:
    """Writes a table: `with TableWriter("ark,scp:feats.ark,feats.scp", "matrix") as writer: writer.write(key, value)`.

    Files get their names when the `with` ends well, and are removed when it does not. An empty wspecifier, as optional
    outputs have it, writes nothing.
    """

    def __init__(self, wspecifier: str, kind: str | Kind):
        specifier = _specifier(wspecifier, _WRITE_OPTIONS, ("ark", "scp", "ark,scp"))
        if wspecifier and specifier is None:
            raise Failure(f"{wspecifier!r} is no wspecifier; expected ark:FILE, ark,t:FILE or ark,scp:FILE,FILE")
        self._form, options, self._filename = specifier or _Specifier("", frozenset(), "")
        self._kind = _kind(kind)
        self._binary, self._flush, self._permissive = "t" not in options, "f" in options, "p" in options
        self._files = ExitStack()
        self._script: IO[bytes] | None = None
        self._destinations: dict[str, str] = {}
        self._written: set[str] = set()
        self.count = 0  # of the values written

    def __enter__(self) -> "TableWriter":
        if self._form == "scp":
            self._destinations = dict(_read_script(self._filename))
        elif self._form:
            self._name = self._filename
            if self._form == "ark,scp":
                self._name, _, script_name = self._filename.partition(",")
                if script_name in ("", self._name) or self._name in ("", "-") or self._name.startswith("|"):
                    raise Failure(f"ark,scp:{self._filename}: expected the names of two files, of archive and script")
                # Files close in reverse: the script gets its name after the archive that it points into.
                self._script = self._files.enter_context(open_output(script_name))
            self._archive = self._files.enter_context(open_output(self._name))
        return self

    def __exit__(self, *exception: Any) -> bool | None:
        return self._files.__exit__(*exception)

    def write(self, key: str, value: Any) -> None:
        self.count += 1
        if not self._form:
            return
        if not is_word(key):
            raise Failure(f"{key!r} cannot be a key: it is empty or contains white space")
        if key in self._written:
            raise Failure(f"{key} would be there twice in {self._form}:{self._filename}; keys must differ")
        self._written.add(key)
        if self._form == "scp":
            if key in self._destinations:
                write_object(self._destinations[key], value, self._kind, self._binary)
            elif not self._permissive:
                raise Failure(f"no {key} in the script {self._filename} that says where to write")
            return
        start = f"{key} ".encode(errors="surrogateescape")
        self._archive.write(start)
        if self._script:
            self._script.write(start + f"{self._name}:{self._archive.tell()}\n".encode(errors="surrogateescape"))
        self._kind.write(self._archive, value, self._binary)
        if self._flush:
            self._archive.flush()


def write_object(wxfilename: str, value: Any, kind: str | Kind, binary: bool = True) -> None:
    """One value alone in its file."""
    with open_output(wxfilename) as f:
        _kind(kind).write(f, value, binary)
