"""Finite-state transducers as arrays, in OpenFst's binary files, and their symbol tables.

The algorithms are kaldifst's where it has them (`to_wheel`, `from_wheel`). Files are read and written here because
kaldifst reads no constant FST, takes no pipe, and trusts a damaged file.
File format: OpenFst's fst.h (header), vector-fst.h and const-fst.h (states and arcs), symbol-table.cc.
"""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, BinaryIO

import numpy as np

from asrser_io.files import Failure, read_up_to
from asrser_io.streams import open_input, open_output, read_lines
from asrser_io.tables import Kind
from asrser_io.text import is_count, words_of

if TYPE_CHECKING:
    import kaldifst

ARC = np.dtype([("ilabel", "<i4"), ("olabel", "<i4"), ("weight", "<f4"), ("nextstate", "<i4")])
CONST_STATE = np.dtype(
    [("final", "<f4"), ("first_arc", "<u4"), ("arcs", "<u4"), ("input_epsilons", "<u4"), ("output_epsilons", "<u4")]
)
Arc = tuple[int, int, float, int]  # the same outside of an array: ilabel, olabel, cost, nextstate
MAGIC = 2125659606
SYMBOLS_MAGIC = 2125658996
HAS_ISYMBOLS, HAS_OSYMBOLS, IS_ALIGNED = 1, 2, 4
EXPANDED, MUTABLE = 1, 2  # property bits every vector FST states; all others may be left unknown
MAX_NAME = 10_000  # no name or symbol is longer; a damaged length must not be taken for gigabytes


@dataclass
class Fst:
    """A transducer over the tropical semiring: weights are costs, minus natural logs."""

    start: int  # -1: no states
    finals: np.ndarray  # (states,) float32 cost of ending here; infinity: not final
    first_arcs: np.ndarray  # (states + 1,) int64: the arcs of state s are arcs[first_arcs[s]:first_arcs[s + 1]]
    arcs: np.ndarray  # (arcs,) ARC
    isymbols: dict[str, int] | None = None  # symbol tables stored with the FST, if any
    osymbols: dict[str, int] | None = None

    @property
    def num_states(self) -> int:
        return len(self.finals)

    @property
    def sources(self) -> np.ndarray:
        """The state that each arc leaves, (arcs,) int64."""
        return np.repeat(np.arange(self.num_states), np.diff(self.first_arcs))

    def arc_lists(self) -> list[list[Arc]]:
        """The arcs of each state as (ilabel, olabel, cost, nextstate)."""
        arcs = self.arcs.tolist()
        bounds = self.first_arcs.tolist()
        return [arcs[bounds[s] : bounds[s + 1]] for s in range(self.num_states)]


def from_lists(start: int, finals: list[float], arcs: list[list[Arc]]) -> Fst:
    """An Fst of one list of (ilabel, olabel, cost, nextstate) per state; final cost infinity: not final."""
    first_arcs = np.concatenate(([0], np.cumsum([len(a) for a in arcs], dtype=np.int64))).astype(np.int64)
    flat = np.array([arc for state in arcs for arc in state], dtype=ARC)
    return Fst(start, np.array(finals, dtype=np.float32), first_arcs, flat)


# Files


def read_fst(rxfilename: str) -> Fst:
    """Read a vector or constant FST of standard arcs; "" and "-" are standard input."""
    with open_input(rxfilename or "-") as f:
        try:
            return read_binary(f)
        except Failure as error:
            raise Failure(f"{'standard input' if rxfilename in ('', '-') else rxfilename}: {error}") from None


def write_fst(fst: Fst | kaldifst.StdVectorFst, wxfilename: str, const: bool = False) -> None:
    """Write a vector (or constant) FST; "" and "-" are standard output."""
    data = to_bytes(fst, const) if isinstance(fst, Fst) else wheel_bytes(fst)
    with open_output(wxfilename or "-") as f:
        f.write(data)


def read_binary(f: BinaryIO) -> Fst:
    """Read one FST from a stream and leave the stream right behind it.

    Raises Failure when the bytes are no FST of standard arcs, end early, or lead to a state that does not exist.
    """
    if _read_struct(f, "<i")[0] != MAGIC:
        raise Failure("not an FST: it does not begin with OpenFst's magic number")
    fst_type, arc_type = _read_string(f), _read_string(f)
    version, flags, _, start, num_states, num_arcs = _read_struct(f, "<iiQqqq")
    if fst_type not in ("vector", "const") or arc_type != "standard":
        raise Failure(
            f"an FST of type {fst_type!r} with {arc_type!r} arcs; expected vector or const with standard arcs"
        )
    isymbols = _read_symbols(f) if flags & HAS_ISYMBOLS else None
    osymbols = _read_symbols(f) if flags & HAS_OSYMBOLS else None
    if fst_type == "vector":
        finals, arc_counts, arcs = _read_vector_states(f, num_states)
    else:
        if version == 1 or flags & IS_ALIGNED:
            raise Failure("a constant FST in OpenFst's aligned layout; convert it with fstconvert --fst_type=vector")
        states = np.frombuffer(_read(f, num_states * CONST_STATE.itemsize), CONST_STATE)
        finals, arc_counts = states["final"].copy(), states["arcs"]
        arcs = np.frombuffer(_read(f, num_arcs * ARC.itemsize), ARC)
        in_states = arc_counts.sum(dtype=np.int64)
        if in_states != num_arcs:
            raise Failure(f"a damaged FST: {num_arcs} arcs in its header, {in_states} in its states")
    if not -1 <= start < len(finals) or ((arcs["nextstate"] < 0) | (arcs["nextstate"] >= len(finals))).any():
        raise Failure(f"a damaged FST: an arc or the start leads to none of its {len(finals)} states")
    if (arcs["ilabel"] < 0).any() or (arcs["olabel"] < 0).any():
        raise Failure("a damaged FST: an arc with a negative label")
    if not ((arcs["weight"] > -np.inf).all() and (finals > -np.inf).all()):
        raise Failure("a damaged FST: a weight that is no number, or minus infinity")
    first_arcs = np.concatenate(([0], np.cumsum(arc_counts, dtype=np.int64)))
    return Fst(start, finals, first_arcs, arcs, isymbols, osymbols)


def _read_vector_states(f: BinaryIO, num_states: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    finals, arc_counts, chunks = [], [], []
    for _ in range(num_states):
        final, num_arcs = _read_struct(f, "<fq")
        finals.append(final)
        arc_counts.append(num_arcs)
        chunks.append(_read(f, num_arcs * ARC.itemsize))
    arcs = np.frombuffer(b"".join(chunks), ARC)
    return np.array(finals, dtype=np.float32), np.array(arc_counts, dtype=np.int64), arcs


def to_bytes(fst: Fst, const: bool = False) -> bytes:
    """The FST as OpenFst writes it."""
    flags = (HAS_ISYMBOLS if fst.isymbols else 0) | (HAS_OSYMBOLS if fst.osymbols else 0)
    out = io.BytesIO()
    out.write(struct.pack("<i", MAGIC) + _pack_string("const" if const else "vector") + _pack_string("standard"))
    # The header of a vector FST leaves the number of arcs at 0: it can be written before the arcs are known.
    properties, num_arcs = (EXPANDED, len(fst.arcs)) if const else (EXPANDED | MUTABLE, 0)
    out.write(struct.pack("<iiQqqq", 2, flags, properties, fst.start, fst.num_states, num_arcs))
    for symbols in (fst.isymbols, fst.osymbols):
        if symbols:
            out.write(_pack_symbols(symbols))
    if const:
        states = np.zeros(fst.num_states, CONST_STATE)
        states["final"] = fst.finals
        states["first_arc"] = fst.first_arcs[:-1]
        states["arcs"] = np.diff(fst.first_arcs)
        for name, labels in (("input_epsilons", "ilabel"), ("output_epsilons", "olabel")):
            epsilons = fst.sources[fst.arcs[labels] == 0]
            states[name] = np.bincount(epsilons, minlength=fst.num_states)
        out.write(states.tobytes() + fst.arcs.tobytes())
    else:
        arcs = fst.arcs.tobytes()
        bounds = (fst.first_arcs * ARC.itemsize).tolist()
        for s, final in enumerate(fst.finals.tolist()):
            begin, end = bounds[s], bounds[s + 1]
            out.write(struct.pack("<fq", final, (end - begin) // ARC.itemsize) + arcs[begin:end])
    return out.getvalue()


def _read(f: BinaryIO, size: int) -> bytes:
    data = read_up_to(f, size) if size >= 0 else b""
    if len(data) != size:
        raise Failure("a damaged or truncated FST: it ends before its last arc")
    return data


def _read_struct(f: BinaryIO, layout: str) -> tuple:
    return struct.unpack(layout, _read(f, struct.calcsize(layout)))


def _read_string(f: BinaryIO) -> str:
    (size,) = _read_struct(f, "<i")
    if size > MAX_NAME:
        raise Failure("a damaged FST: a name in its header has no end")
    return _read(f, size).decode(errors="surrogateescape")


def _pack_string(text: str) -> bytes:
    data = text.encode(errors="surrogateescape")
    return struct.pack("<i", len(data)) + data


def _read_symbols(f: BinaryIO) -> dict[str, int]:
    (magic,) = _read_struct(f, "<i")
    if magic != SYMBOLS_MAGIC:
        raise Failure("a damaged FST: no symbol table where its header promises one")
    _read_string(f)  # the table's name
    _, size = _read_struct(f, "<qq")
    return {_read_string(f): _read_struct(f, "<q")[0] for _ in range(size)}


def _pack_symbols(symbols: dict[str, int]) -> bytes:
    header = struct.pack("<i", SYMBOLS_MAGIC) + _pack_string("symbols")
    header += struct.pack("<qq", max(symbols.values(), default=-1) + 1, len(symbols))
    return header + b"".join(_pack_string(symbol) + struct.pack("<q", key) for symbol, key in symbols.items())


# kaldifst's own objects


def to_wheel(fst: Fst) -> kaldifst.StdVectorFst:
    """The same FST as an object of kaldifst."""
    import kaldifst

    # kaldifst reads from named files only; /dev/fd gives a name to one that never appears in a directory.
    with tempfile.TemporaryFile() as f:
        f.write(to_bytes(fst))
        f.flush()
        f.seek(0)
        wheel = kaldifst.StdVectorFst.read(f"/dev/fd/{f.fileno()}")
    if wheel is None:
        raise Failure(f"kaldifst could not read an FST back from {tempfile.gettempdir()}; is that disk full?")
    return wheel


@contextmanager
def wheel_errors_as_failures(task: str) -> Iterator[None]:
    """Turn an exception of a wheel's C++ code, several lines with source positions, into one line about the task."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].removeprefix("[E] ")
        raise Failure(f"{task}: {reason}") from error


def wheel_bytes(wheel: kaldifst.StdVectorFst) -> bytes:
    """An object of kaldifst as OpenFst writes it."""
    with tempfile.TemporaryFile() as f:
        if not wheel.write(f"/dev/fd/{f.fileno()}"):
            raise Failure(f"kaldifst could not write an FST to {tempfile.gettempdir()}; is that disk full?")
        f.seek(0)
        return f.read()


def from_wheel(wheel: kaldifst.StdVectorFst) -> Fst:
    return read_binary(io.BytesIO(wheel_bytes(wheel)))


def _write_wheel(f: IO[bytes], wheel: kaldifst.StdVectorFst, binary: bool) -> None:
    f.write(wheel_bytes(wheel))


# Of tables: an object of kaldifst
FST = Kind(lambda f: to_wheel(read_binary(f)), _write_wheel)


# Text


def write_lines(lines: Iterable[str], wxfilename: str) -> None:
    with open_output(wxfilename or "-") as f:
        f.write("".join(f"{line}\n" for line in lines).encode(errors="surrogateescape"))


def read_int_list(rxfilename: str) -> list[int]:
    """Read labels, one a line, such as phones/disambig.int."""
    found = [word for line in read_lines(rxfilename) for word in words_of(line)]
    if wrong := [word for word in found if not is_count(word) or int(word) >= 2**31]:
        raise Failure(f"{rxfilename}: expected one integer a line, found: {wrong[0]}")
    return [int(word) for word in found]
