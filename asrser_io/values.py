"""Kaldi's single objects in a stream: tokens, numbers, vectors, matrices, compressed matrices; binary and text.

Every reader takes a BufferedReader (it must be able to peek) and raises Failure when the data end early or are of
another kind. Source of the formats: Kaldi's base/io-funcs.cc, matrix/kaldi-matrix.cc, matrix/compressed-matrix.cc.
"""

import re
import struct
from io import BufferedReader
from typing import IO

import numpy as np

from asrser_io.files import CHUNK, Failure, read_up_to
from asrser_io.text import is_word

_WORD = re.compile(rb"\s*(\S*)")
_REST_OF_WORD = re.compile(rb"(\S*)")


def read_bytes(f: BufferedReader, count: int) -> bytes:
    data = read_up_to(f, count)
    if len(data) < count:
        raise Failure(f"the data end early: {count} bytes expected, {len(data)} found (truncated?)")
    return data


def read_word(f: BufferedReader) -> str:
    """The next word, after any white space; the white space that ends it stays unread; "" at the end of the data."""
    return read_word_bytes(f).decode(errors="surrogateescape")


def read_word_bytes(f: BufferedReader) -> bytes:
    word = b""
    while window := f.peek(1):
        match = (_REST_OF_WORD if word else _WORD).match(window)
        assert match is not None
        word += match[1]
        f.read(match.end())
        if match.end() < len(window):
            break
    return word


def read_token(f: BufferedReader, binary: bool) -> str:
    """A word and the one character of white space that ends it."""
    token = read_word(f)
    if not token:
        raise Failure("the data end where a token was expected (truncated?)")
    f.read(1)
    return token


def expect_token(f: BufferedReader, expected: str, binary: bool) -> None:
    wanted = expected.encode() + b" "
    if f.peek(len(wanted)).startswith(wanted):  # nearly always; a model has a thousand tokens
        f.read(len(wanted))
        return
    found = read_token(f, binary)
    if found != expected:
        raise Failure(f"expected {expected}, found {found[:40]!r}")


def write_token(f: IO[bytes], token: str, binary: bool) -> None:
    if not is_word(token):
        raise Failure(f"{token!r} cannot be a token: it is empty or contains white space")
    f.write(token.encode(errors="surrogateescape") + b" ")


def _read_number(f: BufferedReader, binary: bool, formats: dict[int, str]) -> int | float:
    """One number; in binary data a byte with its size goes before it, by which its format is found."""
    convert: type = float if len(formats) > 1 else int
    if not binary:
        word = read_word_bytes(f)
        try:
            if b"_" in word:
                raise ValueError  # which Python would take for part of a number
            number = convert(word)
            if convert is int:
                struct.pack(next(iter(formats.values())), number)  # too large a number is none here, either
            return number
        except (ValueError, struct.error):
            shown = word[:40].decode(errors="surrogateescape")
            raise Failure(f"expected a number ({convert.__name__}), found {shown!r}") from None
    size = read_bytes(f, 1)[0]
    if size not in formats:
        raise Failure(f"expected a number ({convert.__name__}), found a size byte of {size}")
    return struct.unpack(formats[size], read_bytes(f, struct.calcsize(formats[size])))[0]


def read_int32(f: BufferedReader, binary: bool) -> int:
    return int(_read_number(f, binary, {4: "<i"}))


def write_int32(f: IO[bytes], value: int, binary: bool) -> None:
    f.write(struct.pack("<bi", 4, value) if binary else b"%d " % value)


def read_uint32(f: BufferedReader, binary: bool) -> int:
    return int(_read_number(f, binary, {252: "<I"}))  # the size byte is -4


def write_uint32(f: IO[bytes], value: int, binary: bool) -> None:
    f.write(struct.pack("<bI", -4, value) if binary else b"%d " % value)


def read_float(f: BufferedReader, binary: bool) -> float:
    """A float or double."""
    return _read_number(f, binary, {4: "<f", 8: "<d"})


def write_float(f: IO[bytes], value: float, binary: bool) -> None:
    f.write(struct.pack("<bf", 4, value) if binary else b"%.7g " % np.float32(value))


def write_double(f: IO[bytes], value: float, binary: bool) -> None:
    f.write(struct.pack("<bd", 8, value) if binary else b"%.7g " % value)


def read_int_vector(f: BufferedReader, binary: bool) -> np.ndarray:
    """Integers as models hold them (Kaldi's WriteIntegerVector): (n,) int32."""
    if binary:
        if read_bytes(f, 1) != b"\4":
            raise Failure("expected a vector of 32-bit integers")
        return read_array(f, "<i4", _read_size(f)[0])
    text = _read_through(f, b"]").split()
    if text[:1] != [b"["]:
        raise Failure(f"expected a vector of integers in brackets, found {_shown(text)}")
    return _numbers(text[1:-1], np.int32)


def write_int_vector(f: IO[bytes], values: np.ndarray | list[int], binary: bool) -> None:
    if binary:
        f.write(struct.pack("<bi", 4, len(values)) + np.asarray(values, "<i4").tobytes())
    else:
        f.write(b"[ " + b"".join(b"%d " % value for value in values) + b"]\n")


def read_vector(f: BufferedReader, binary: bool, dtype: type = np.float32) -> np.ndarray:
    """(n,) of the type asked for, whichever was written."""
    if not binary:
        rows = _read_rows(f)
        if len(rows) > 1:
            raise Failure(f"expected a vector, found a matrix of {len(rows)} rows")
        return _numbers(rows[0] if rows else [], dtype)
    written = {"FV": "<f4", "DV": "<f8"}.get(token := read_token(f, binary))
    if written is None:
        raise Failure(f"expected a vector (FV or DV), found {token[:40]!r}")
    return read_array(f, written, read_int32(f, binary)).astype(dtype, copy=False)


def write_vector(f: IO[bytes], vector: np.ndarray, binary: bool) -> None:
    """Doubles when the vector is float64, else floats."""
    if binary:
        token, dtype = (b"DV ", "<f8") if vector.dtype == np.float64 else (b"FV ", "<f4")
        f.write(token + struct.pack("<bi", 4, len(vector)) + vector.astype(dtype, copy=False).tobytes())
    else:
        f.write(b" [ " + b"%.7g " * len(vector) % tuple(vector.tolist()) + b"]\n")


def read_matrix(f: BufferedReader, binary: bool, dtype: type = np.float32) -> np.ndarray:
    """(rows, columns) of the type asked for, whichever was written: floats, doubles, a compressed matrix or text."""
    if not binary:
        rows = _read_rows(f)
        widths = {len(row) for row in rows} or {0}
        if len(widths) > 1:
            raise Failure(f"the rows of a matrix differ in length: {sorted(widths)}")
        return _numbers([word for row in rows for word in row], dtype).reshape(len(rows), widths.pop())
    token = read_token(f, binary)
    if token in ("CM", "CM2", "CM3"):
        return _read_compressed(f, token).astype(dtype, copy=False)
    written = {"FM": "<f4", "DM": "<f8"}.get(token)
    if written is None:
        raise Failure(f"expected a matrix (FM, DM, CM, CM2 or CM3), found {token[:40]!r}")
    size_of_rows, rows, size_of_columns, columns = struct.unpack("<bibi", read_bytes(f, 10))
    if (size_of_rows, size_of_columns) != (4, 4):
        raise Failure(f"expected two integers of 4 bytes, found size bytes of {size_of_rows} and {size_of_columns}")
    shape = rows, columns
    if min(shape) < 0:
        raise Failure(f"a matrix of {shape[0]} rows and {shape[1]} columns, which none can have (damaged?)")
    return read_array(f, written, shape[0] * shape[1]).reshape(shape).astype(dtype, copy=False)


def write_matrix(f: IO[bytes], matrix: np.ndarray, binary: bool) -> None:
    """Doubles when the matrix is float64, else floats."""
    if binary:
        token, dtype = (b"DM ", "<f8") if matrix.dtype == np.float64 else (b"FM ", "<f4")
        f.write(token + struct.pack("<bibi", 4, matrix.shape[0], 4, matrix.shape[1]))
        f.write(matrix.astype(dtype, copy=False).tobytes())
    elif matrix.size == 0:
        f.write(b" [ ]\n")
    else:
        row_format = b"\n  " + b"%.7g " * matrix.shape[1]
        f.write(b" [" + b"".join(row_format % tuple(row) for row in matrix.tolist()) + b"]\n")


def _read_size(f: BufferedReader, count: int = 1) -> tuple[int, ...]:
    sizes = struct.unpack(f"<{count}i", read_bytes(f, 4 * count))
    if min(sizes) < 0:
        raise Failure(f"a size of {min(sizes)}, which none can be (damaged?)")
    return sizes


def read_array(f: BufferedReader, dtype: str | np.dtype, count: int) -> np.ndarray:
    """(count,) numbers that lie in the stream as they do in memory."""
    if count < 0:
        raise Failure(f"a size of {count}, which none can be (damaged?)")
    size = count * np.dtype(dtype).itemsize
    if size > CHUNK:  # a damaged count takes no more memory than the data
        return np.frombuffer(bytearray(read_bytes(f, size)), dtype)
    array = np.empty(count, dtype)
    if (found := f.readinto(array.data.cast("B"))) < size:
        raise Failure(f"the data end early: {size} bytes expected, {found} found (truncated?)")
    return array


def _read_through(f: BufferedReader, delimiter: bytes) -> bytes:
    pieces = []
    while window := f.peek(1):
        end = window.find(delimiter) + 1
        pieces.append(f.read(end or len(window)))
        if end:
            return b"".join(pieces)
    raise Failure(f"the data end before a closing {delimiter.decode()} (truncated?)")


def _read_rows(f: BufferedReader) -> list[list[bytes]]:
    """The words of each row of a text matrix or vector, with the line end after its bracket."""
    if (opening := read_word(f)) not in ("[", "[]"):
        raise Failure(f"expected [ and numbers, found {opening[:40]!r}")
    text = _read_through(f, b"]")[:-1] if opening == "[" else b""
    while f.peek(1)[:1] in (b" ", b"\t", b"\r"):
        f.read(1)
    if f.peek(1)[:1] == b"\n":
        f.read(1)
    return [row.split() for row in text.replace(b";", b"\n").split(b"\n") if row.strip()]


def _numbers(words: list[bytes], dtype: type) -> np.ndarray:
    try:
        if b"_" in b"".join(words):
            raise ValueError  # which Python would take for part of a number
        return np.array([*map(int if dtype is np.int32 else float, words)], dtype)
    except (ValueError, OverflowError):
        raise Failure(f"expected numbers, found {_shown(words)}") from None


def _shown(words: list[bytes]) -> str:
    return repr(b" ".join(words).decode(errors="replace")[:60])


# Compressed matrices. Format 1 (CM) keeps a byte per value and four quantiles per column, between which the byte is
# linear in three pieces; 2 (CM2) and 3 (CM3) keep two bytes or one on a scale common to the matrix. The arithmetic
# follows Kaldi's, float by float and double by double, so that the bytes are the same.

_FORMAT = {2: 1, 3: 2, 4: 2, 5: 3, 6: 3, 7: 3}  # of each compression method
_FIXED_SCALE = {4: (-32768.0, 65535.0), 6: (0.0, 255.0), 7: (0.0, 1.0)}  # (minimum, range)


def _read_compressed(f: BufferedReader, token: str) -> np.ndarray:
    minimum, value_range = np.frombuffer(read_bytes(f, 8), "<f4")
    rows, columns = _read_size(f, 2)
    if rows * columns == 0:
        return np.zeros((0, 0), np.float32)
    if token != "CM":
        dtype, steps = ("<u2", 65535.0) if token == "CM2" else ("<u1", 255.0)
        increment = np.float32(value_range * np.float64(1.0 / steps))
        return minimum + read_array(f, dtype, rows * columns).reshape(rows, columns).astype(np.float32) * increment
    quantiles = read_array(f, "<u2", 4 * columns).reshape(columns, 4)
    codes = read_array(f, "<u1", rows * columns).reshape(columns, rows)
    return np.take_along_axis(_values_of_codes(_unquantised(quantiles, minimum, value_range)), codes, 1).T.copy()


def _values_of_codes(quantiles: np.ndarray) -> np.ndarray:
    """(columns, 256) float32: what each byte of a column stands for; quantiles: (columns, 4) float32."""
    p0, p25, p75, p100 = quantiles.T[:, :, None]
    code = np.arange(256, dtype=np.float32)
    low = p0 + ((p25 - p0) * code[:65]) * np.float64(1 / 64)
    middle = p25 + ((p75 - p25) * (code[65:193] - 64)) * np.float64(1 / 128)
    high = p75 + ((p100 - p75) * (code[193:] - 192)) * np.float64(1 / 63)
    return np.concatenate([low, middle, high], axis=1).astype(np.float32)


def write_compressed_matrix(f: IO[bytes], matrix: np.ndarray, binary: bool, method: int = 1) -> None:
    """Write with one of Kaldi's compression methods: 1 chooses 2 for more than eight rows, else 3.

    2: a byte per value between the quantiles of its column, for features; 3, 4: two bytes; 5, 6, 7: one byte. The scale
    goes from the minimum to the maximum (3, 5), -32768 to 32767 (4), 0 to 255 (6), 0 to 1 (7). Text is not compressed.
    """
    matrix = np.asarray(matrix, np.float32)
    if not binary:
        write_matrix(f, matrix, binary)
        return
    rows, columns = matrix.shape
    if rows == 0:
        f.write(b"CM " + struct.pack("<ffiii", 0, 0, 0, 0, 0))
        return
    if method == 1:
        method = 2 if rows > 8 else 3
    if method not in _FORMAT:
        raise Failure(f"there is no compression method {method}; expected 1 to 7")
    minimum, value_range = map(np.float32, _FIXED_SCALE.get(method) or _scale(matrix))
    f.write({1: b"CM ", 2: b"CM2 ", 3: b"CM3 "}[_FORMAT[method]])
    f.write(struct.pack("<ffii", minimum, value_range, rows, columns))
    if _FORMAT[method] == 1:
        quantiles = _column_quantiles(matrix, minimum, value_range)
        f.write(quantiles.tobytes())
        f.write(_codes(matrix, *_unquantised(quantiles, minimum, value_range).T).T.tobytes())
    else:
        dtype, steps = ("<u2", 65535) if _FORMAT[method] == 2 else ("<u1", 255)
        f.write(_quantised(matrix, minimum, value_range, steps).astype(dtype).tobytes())


def _scale(matrix: np.ndarray) -> tuple[np.float32, np.float32]:
    minimum, maximum = matrix.min(), matrix.max()
    if not (np.isfinite(minimum) and np.isfinite(maximum)):
        raise Failure("a matrix with infinite values or values that are no numbers cannot be compressed")
    if minimum == maximum:
        maximum = np.float32(minimum + (1.0 + abs(np.float64(minimum))))
    return minimum, maximum - minimum


def _quantised(values: np.ndarray, minimum: np.float32, value_range: np.float32, steps: int) -> np.ndarray:
    fraction = np.clip((values - minimum) / value_range, np.float32(0), np.float32(1))
    return ((fraction * np.float32(steps)).astype(np.float64) + 0.499).astype(np.int64)


def _unquantised(codes: np.ndarray, minimum: np.float32, value_range: np.float32) -> np.ndarray:
    return minimum + (value_range * np.float32(1.52590218966964e-05)) * codes.astype(np.float32)


def _column_quantiles(matrix: np.ndarray, minimum: np.float32, value_range: np.float32) -> np.ndarray:
    """(columns, 4) uint16: the least value, the quartiles and the greatest, each at least one above the last."""
    rows = len(matrix)
    quarter = rows // 4
    ranks = [0, quarter, 3 * quarter, rows - 1] if rows >= 5 else range(min(rows, 4))
    found = _quantised(np.sort(matrix, axis=0)[list(ranks)], minimum, value_range, 65535)
    quantiles = np.zeros((4, matrix.shape[1]), np.int64)
    for i, most in enumerate((65532, 65533, 65534, 65535)):
        least = quantiles[i - 1] + 1 if i else 0
        quantiles[i] = np.minimum(np.maximum(found[i], least), most) if i < len(found) else least
    return quantiles.T.astype("<u2")


def _codes(matrix: np.ndarray, p0: np.ndarray, p25: np.ndarray, p75: np.ndarray, p100: np.ndarray) -> np.ndarray:
    """(rows, columns) uint8: 0 to 64 below the first quartile, 64 to 192 to the third, 192 to 255 above."""

    def piece(start: np.ndarray, end: np.ndarray, first: int, last: int) -> np.ndarray:
        steps = ((matrix - start) / (end - start) * np.float32(last - first)).astype(np.float64) + 0.5
        return np.clip(first + np.trunc(steps), first, last)

    low, middle, high = piece(p0, p25, 0, 64), piece(p25, p75, 64, 192), piece(p75, p100, 192, 255)
    return np.where(matrix < p25, low, np.where(matrix < p75, middle, high)).astype(np.uint8)
