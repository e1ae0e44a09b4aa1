"""The one reader of recordings: header, length, finite samples and scale are checked here, for whoever reads audio.

Samples that lie in a file as they are (integers, floats, mu-law and A-law in WAV, RF64, W64, AIFF, AU and NIST SPHERE)
are read here and not by libsndfile, which takes a file that was cut off for a shorter one. What is compressed goes to
asrser_io.compressed. A recording is given whole, or Failure says in one line what is wrong with it.

Lengths: a header that was written before the end was known (to a pipe) holds 0 or one of the largest numbers; then
everything to the end is read. Any other length is believed: fewer bytes are an error, and so are more, unless they are
chunks of another kind, tags or padding. A few that are none of these are left out, and counted for the caller to say.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from asrser_io.files import Failure, read_up_to
from asrser_io.text import some_of

if TYPE_CHECKING:
    from pathlib import Path

# A float recording has its full scale at 1.0. Resampling and mixing go a little beyond; integers stored as floats far.
LOUDEST = 8.0
MOST_REST = 1024  # bytes behind the samples that nothing explains
RATES = (1000, 1_000_000)  # samples per second that a header may claim
PLAIN_CODINGS = {1: "pcm", 3: "float", 6: "A-law", 7: "mu-law"}  # format tags of WAV
EXTENSIBLE = 0xFFFE
GUID_END = bytes.fromhex("00001000800000aa00389b71")  # of an extensible WAV, behind the format tag
W64_RIFF = bytes.fromhex("2e91cf11a5d628db04c10000")  # the names of W64's chunks, behind the four letters
W64_OTHERS = bytes.fromhex("f3acd3118cd100c04f8edb8a")


class Form(NamedTuple):
    """What a recording is, without its samples."""

    coding: str  # such as "16-bit pcm", "32-bit float", "flac"
    rate: float  # samples per second
    channels: int
    num_samples: int  # of each channel
    kaldi_reads: bool  # Kaldi's own programs take this file as it is, and read the same samples
    rest: int = 0  # bytes behind the samples that nothing explains, MOST_REST at most; see said_of_rest

    @property
    def seconds(self) -> float:
        return self.num_samples / self.rate


class Recording(NamedTuple):
    form: Form
    samples: np.ndarray  # (channels, num_samples) float32 in units of 16-bit integers


@dataclass
class Layout:
    """How the samples lie in the stream, which stands at the first of them."""

    coding: str  # pcm, float, mu-law, A-law; any other is left to libsndfile
    rate: float
    channels: int
    width: int  # bytes of a sample
    size: int | None  # bytes of all samples as the header has it; None: to the end
    big_endian: bool = False
    unsigned: bool = False
    kaldi_reads: bool = False
    chunks_follow: bool = False  # where size is None because the header says 0: there may be chunks and no samples

    @property
    def is_plain(self) -> bool:
        return self.coding in PLAIN_CODINGS.values()

    @property
    def block(self) -> int:
        return self.channels * self.width

    @property
    def may_have_a_false_scale(self) -> bool:
        return self.coding == "float" or self.width > 2

    def form(self, num_samples: int) -> Form:
        coding = f"{8 * self.width}-bit {self.coding}" if self.coding in ("pcm", "float") else self.coding
        return Form(coding, self.rate, self.channels, num_samples, self.kaldi_reads)


# ---- What others call


def read_recording(path: str | Path) -> Recording:
    """A whole file (or pipe named as a file) in any form; every Failure names it."""
    with _named(path) as file:
        return read_stream(file)


def examine(path: str | Path) -> Form:
    """As read_recording, but the samples of a plain file are only read where something could be wrong with them."""
    with _named(path) as file:
        if file.seekable():
            if (magic := file.read(4)) in _HEADERS:
                layout = _layout(file, magic)
                if layout.is_plain and layout.size is not None and not layout.may_have_a_false_scale:
                    start = file.tell()
                    there = os.fstat(file.fileno()).st_size - start
                    num_samples = _check_length(layout, min(there, layout.size))
                    file.seek(start + layout.size)
                    return layout.form(num_samples)._replace(rest=_check_rest(file.read(), layout))
            file.seek(0)
        return read_stream(file).form


def read_stream(file: BinaryIO) -> Recording:
    """The one recording that a stream holds to its end, in any form."""
    data = _without_id3(file.read())
    if not data:
        raise Failure("an empty file where a recording was expected")
    stream = io.BytesIO(data)
    magic = stream.read(4)
    if magic in _HEADERS:
        layout = _layout(stream, magic)
        if layout.is_plain:
            form, samples = _read_plain(stream, layout)
            return Recording(form._replace(rest=_check_rest(stream.read(), layout)), samples)
        _check_length(layout, len(data) - stream.tell() if layout.size is None else len(stream.read(layout.size)))
    from asrser_io import compressed

    coding, rate, samples = compressed.decode(data)
    _check_header(rate, len(samples))
    form = Form(coding, rate, len(samples), samples.shape[1], kaldi_reads=False)
    _check_scale(samples, 1.0, form.coding)
    return Recording(form, samples * np.float32(32768))


def said_of_rest(forms: Mapping[str, Form]) -> str:
    """A warning that names the recordings behind whose samples something stands, and how much; "" if there is none."""
    named = [f"{path} ({form.rest} bytes)" for path, form in forms.items() if form.rest]
    what = "behind the samples that their headers announce stand bytes that nothing explains, and that are not read"
    return f"{len(named)} of {len(forms)} recordings: {what}: {some_of(named)}" if named else ""


def mixed(samples: np.ndarray) -> tuple[np.ndarray, str]:
    """The mean of all channels, and a warning, or "", where they cancel each other instead of adding up.

    samples: (channels, samples) → (samples,)
    """
    mean = samples.mean(axis=0)
    power, power_of_mean = (float(np.square(x, dtype=np.float64).mean()) for x in (samples, mean))
    # The mean of independent channels has the channels-th part of their power.
    if power_of_mean >= 0.1 / len(samples) * power:
        return mean, ""
    share = 100 * power_of_mean / power
    return mean, (
        f"its {len(samples)} channels cancel each other: their mean keeps {share:.1f} % of their power; "
        "one of them alone may be what you want (sox IN OUT remix 1)"
    )


def read_riff16(file: BinaryIO) -> Recording:
    """One 16-bit RIFF recording out of a stream that goes on behind it, as in Kaldi's archives."""
    magic = file.read(4)
    if not magic:
        raise Failure("an empty file where a recording was expected")
    layout = _layout(file, magic) if magic in (b"RIFF", b"RIFX") else None
    if layout is None or (layout.coding, layout.width) != ("pcm", 2):
        raise Failure("not 16-bit RIFF; in an archive only 16-bit RIFF can be read")
    return _read_plain(file, layout)


def write_riff16(file: IO[bytes], rate: float, samples: np.ndarray) -> None:
    """samples: (channels, samples) int16"""
    channels, length = samples.shape
    size = 2 * channels * length
    if size > 0xFFFFFFFF - 36:
        raise Failure(f"{size} bytes of samples are more than a WAV file can hold")
    form = struct.pack("<HHIIHH", 1, channels, int(rate), int(rate) * 2 * channels, 2 * channels, 16)
    file.write(struct.pack("<4sI4s4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16) + form)
    file.write(struct.pack("<4sI", b"data", size) + samples.T.astype("<i2").tobytes())


# ---- Files


class _named:
    """Open a file to read and put its name before every Failure."""

    def __init__(self, path: str | Path):
        self.path = path

    def __enter__(self) -> BinaryIO:
        try:
            self.file = open(self.path, "rb")
        except IsADirectoryError:
            raise Failure(f"{self.path}: a folder, where a recording was expected") from None
        except FileNotFoundError:
            raise Failure(f"{self.path}: no such file, where a recording was expected") from None
        except OSError as error:
            raise Failure(f"{self.path}: cannot read it: {error.strerror or error}") from error
        return self.file

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.file.close()
        if isinstance(error, Failure):
            raise Failure(f"{self.path}: {error}") from error
        if isinstance(error, OSError):
            raise Failure(f"{self.path}: cannot read it: {error.strerror or error}") from error


# ---- Samples


def _read_plain(file: BinaryIO, layout: Layout) -> Recording:
    data = file.read() if layout.size is None else read_up_to(file, layout.size)
    if layout.chunks_follow and _are_chunks(data, layout.big_endian):
        data = b""
    if layout.size is None and _ends_with_pad(data, layout.block):
        data = data[:-1]
    num_samples = _check_length(layout, len(data))
    samples = _decoded(np.frombuffer(data[: num_samples * layout.block], np.uint8), layout)
    samples = np.ascontiguousarray(samples.reshape(num_samples, layout.channels).T)
    if layout.may_have_a_false_scale:
        _check_scale(samples, 1.0 if layout.coding == "float" else 32768.0, layout.form(num_samples).coding)
    if layout.coding == "float":
        samples = samples * samples.dtype.type(32768)
    return Recording(layout.form(num_samples), samples.astype(np.float32, copy=False))


def _check_length(layout: Layout, found: int) -> int:
    """found: bytes → whole samples of each channel."""
    if found == 0 or layout.is_plain and found < layout.block:
        raise Failure("a recording without samples; copy it again")
    if layout.size is not None and found < layout.size:
        # In samples, where that shows the difference.
        in_samples = layout.is_plain and found // layout.block < layout.size // layout.block
        unit, name = (layout.block, "samples") if in_samples else (1, "bytes")
        raise Failure(
            f"a truncated recording: its header announces {layout.size // unit} {name}, {found // unit} are there; "
            "copy it again"
        )
    if not layout.is_plain:
        return 0
    if layout.size is None and found % layout.block:
        raise Failure(
            f"a truncated recording: it ends within a sample ({found} bytes, {layout.block} a sample); copy it again"
        )
    return found // layout.block


def _decoded(data: np.ndarray, layout: Layout) -> np.ndarray:
    """From bytes to samples: float32 in 16-bit units, or floats as they are (1.0 is full scale)."""
    order = ">" if layout.big_endian else "<"
    if layout.coding == "float":
        return data.view(f"{order}f{layout.width}").astype(f"f{layout.width}", copy=False)
    if layout.coding in _LAWS:
        return _LAWS[layout.coding][data]
    if layout.width == 1:
        integers = data.astype(np.int16) - 128 if layout.unsigned else data.view(np.int8)
        return integers.astype(np.float32) * np.float32(256)
    if layout.width == 2:
        return data.view(f"{order}i2").astype(np.float32)
    wide = np.zeros((len(data) // layout.width, 4), np.uint8)  # the bytes of 32-bit integers, the lowest may be missing
    if layout.big_endian:
        wide[:, : layout.width] = data.reshape(-1, layout.width)
    else:
        wide[:, 4 - layout.width :] = data.reshape(-1, layout.width)
    return (wide.view(f"{order}i4")[:, 0] / 65536).astype(np.float32)


def _mu_law() -> np.ndarray:
    """ITU-T G.711: the 16-bit sample of each byte."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 15) << 3) + 132) << ((code >> 4) & 7)) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.float32)


def _a_law() -> np.ndarray:
    """ITU-T G.711: the 16-bit sample of each byte."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, ((code & 15) << 4) + 8
    magnitude = np.where(exponent == 0, mantissa, (mantissa + 256) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.float32)


_LAWS = {"mu-law": _mu_law(), "A-law": _a_law()}


def _check_scale(samples: np.ndarray, full: float, coding: str) -> None:
    """full: what the loudest sample of a recording is, on the scale of these; 0 dB."""
    if not np.isfinite(samples).all():
        channel, index = np.argwhere(~np.isfinite(samples))[0]
        raise Failure(
            f"samples that are not finite numbers, the first is {samples[channel, index]} at {index}: damaged"
        )
    peak = float(max(samples.max(), -samples.min())) / full
    if peak > LOUDEST:
        raise Failure(
            f"{coding} samples of up to {peak:g}: a false scale, or damaged; the full scale of such recordings is 1.0 "
            "(integers of 16 bits have to be divided by 32768), or write it as 16-bit integers"
        )
    if 0 < peak * 32768 < 1 and coding.endswith(("pcm", "float")):
        raise Failure(
            f"{coding} samples of at most {peak:g} of full scale, less than one step of 16 bits: silence, or a false "
            "scale (divided twice?); write the recording as 16-bit integers"
        )


def _ends_with_pad(data: bytes, block: int) -> bool:
    """Whether the last byte makes an odd chunk even, and is no part of a sample."""
    return len(data) % 2 == 0 and len(data) % block == 1 and data.endswith(b"\0")


def _are_chunks(data: bytes, big_endian: bool) -> bool:
    """Whether what stands behind a data chunk of size 0 is further chunks and not the samples of a stream."""
    return 0 < len(data) <= sum(8 + len(content) for _, content in _chunks(data, big_endian)) + 1


def _chunks(data: bytes, big_endian: bool) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of chunks, padding included, as long as there are whole ones."""
    position = 0
    while position + 8 <= len(data):
        name, size = struct.unpack_from(">4sI" if big_endian else "<4sI", data, position)
        end = position + 8 + size + size % 2
        if not (name.isascii() and name.decode("ascii").isprintable()) or end > len(data) + 1:
            return
        yield name, data[position + 8 : end]
        position = end


def _check_rest(rest: bytes, layout: Layout) -> int:
    """What stands behind the samples is further chunks, tags or padding; else the header may be false.

    Returns how many bytes are neither.
    """
    explained = int((layout.size or 0) % 2 and rest[:1] == b"\0")
    for start in {0, (layout.size or 0) % 2}:  # with padding or without
        chunks = list(_chunks(rest[start:], layout.big_endian))
        if any(name == b"data" for name, _ in chunks):
            raise Failure("a second chunk of samples behind the first; convert it first: sox IN OUT.wav")
        explained = max(explained, start * bool(chunks) + sum(8 + len(content) for _, content in chunks))
    unexplained = len(rest) - explained
    if not rest[explained:].strip(b"\0") or (unexplained == 128 and rest[-128:].startswith(b"TAG")):  # ID3, version 1
        return 0
    if unexplained > MOST_REST:
        raise Failure(
            f"{len(rest)} bytes behind the {layout.size} that its header announces: the header is false (the recording "
            "was interrupted?), or the file damaged; write it anew"
        )
    return unexplained


def _without_id3(data: bytes) -> bytes:
    """Tags that some programs put before a file."""
    while data[:3] == b"ID3" and len(data) > 10:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
        data = data[10 + size + (10 if data[5] & 0x10 else 0) :]
    return data


# ---- Headers


def _take(file: BinaryIO, size: int) -> bytes:
    data = read_up_to(file, size)
    if len(data) < size:
        raise Failure("the data end early, within the header (truncated? copy it again)")
    return data


def _check_header(rate: float, channels: int) -> None:
    if channels == 0 or not RATES[0] <= rate <= RATES[1]:
        raise Failure(
            f"a header with {channels} channels and {rate:g} samples per second; expected 1 channel or more and "
            f"{RATES[0]} to {RATES[1]} samples per second (a damaged file?)"
        )


def _layout(file: BinaryIO, magic: bytes) -> Layout:
    layout = _HEADERS[magic](file, magic)
    _check_header(layout.rate, layout.channels)
    widths = {"pcm": (1, 2, 3, 4), "float": (4, 8), "mu-law": (1,), "A-law": (1,)}
    if layout.is_plain and layout.width not in widths[layout.coding]:
        raise Failure(f"a header with {layout.coding} samples of {layout.width} bytes: damaged, or no common form")
    return layout


def _known(size: int) -> int | None:
    """The length in a header; None for those that stand for an unknown one.

    sox writes 0x7FFFF000 into WAV and 0x7F000000 into AIFF, ffmpeg 0xFFFFFFFF, others 0, 0x7FFFFFFF or 0x80000000,
    often less the size of what stands before.
    """
    unknown = (
        size == 0
        or 0x7EFFF000 <= size <= 0x7F001000
        or 0x7FFFF000 <= size <= 0x80000000
        or 0xFFFFF000 <= size <= 0xFFFFFFFF
        or size >= 1 << 62
    )
    return None if unknown else size


def _chunk(file: BinaryIO, order: str, after_odd: bool) -> tuple[bytes, int]:
    """Name and size of the next chunk. A byte of padding is due after one of odd size, but some programs forget it."""
    head = _take(file, 8)
    if after_odd and (head[0] == 0 or head[1:5] in (b"data", b"fmt ", b"SSND", b"COMM")):
        head = head[1:] + _take(file, 1)
    name, size = struct.unpack(f"{order}4sI", head)
    return name, size


def _riff(file: BinaryIO, magic: bytes) -> Layout:
    """WAV: RIFF, RIFX (its big-endian form), RF64 and BW64 (beyond 4 GB)."""
    order = ">" if magic == b"RIFX" else "<"
    (riff_size,) = struct.unpack(f"{order}I", _take(file, 4))
    if (kind := _take(file, 4)) != b"WAVE":
        raise Failure(f"a RIFF file that is no WAVE: {magic + kind!r}")
    form, long_size, odd, any_odd = b"", None, False, False
    while True:
        try:
            name, size = _chunk(file, order, odd)
        except Failure:
            raise Failure(
                f"its RIFF header has no {'data' if form else 'fmt'} chunk: truncated? copy it again"
            ) from None
        if name == b"data":
            break
        content = _take(file, size)
        odd = size % 2 == 1
        any_odd |= odd
        if name == b"fmt ":
            form = content
        elif name == b"ds64" and size >= 16:
            (long_size,) = struct.unpack_from("<Q", content, 8)
    if len(form) < 16:
        raise Failure("a WAVE file whose data come before their format")
    layout = _wave_format(form, order)
    layout.size = _known(size if long_size is None or size != 0xFFFFFFFF else long_size)
    layout.chunks_follow = size == 0
    layout.kaldi_reads = (
        magic == b"RIFF"
        and _is_standard_pcm16(form)
        and not any_odd  # Kaldi knows no padding
        and layout.size is not None
        and layout.size % layout.block == 0
        and riff_size not in (0, 0xFFFFFFFF)  # Kaldi would read to the end
    )
    return layout


def _wave_format(form: bytes, order: str) -> Layout:
    tag, channels, rate, _, block, bits = struct.unpack_from(f"{order}HHIIHH", form)
    _check_header(rate, channels)
    if tag == EXTENSIBLE and len(form) >= 40 and form[28:40] == GUID_END:
        (tag,) = struct.unpack_from("<I", form, 24)
    coding = PLAIN_CODINGS.get(tag, f"WAV format {tag}")
    width = -(-bits // 8)  # 12 bits stand in 16, the highest ones
    if tag in PLAIN_CODINGS and block != width * channels:
        raise Failure(f"a WAVE header with {bits} bits, {channels} channels and {block} bytes for them: damaged")
    return Layout(coding, rate, channels, width, None, order == ">", unsigned=True)


def _is_standard_pcm16(form: bytes) -> bool:
    tag, channels, rate, bytes_per_second, block, bits = struct.unpack_from("<HHIIHH", form)
    if (bits, block, bytes_per_second) != (16, 2 * channels, 2 * channels * rate):
        return False
    return tag == 1 or (tag == EXTENSIBLE and len(form) >= 40 and form[24:40] == b"\1\0\0\0" + GUID_END)


def _w64(file: BinaryIO, magic: bytes) -> Layout:
    """Sony's Wave64: chunks have names of 16 bytes, sizes of 8 (with the 24 of name and size), and begin at eighths."""
    if _take(file, 12) != W64_RIFF:
        raise Failure("neither RIFF nor W64: a damaged header")
    _take(file, 8)
    if (kind := _take(file, 16)) != b"wave" + W64_OTHERS:
        raise Failure(f"a W64 file that holds no wave, but {kind[:4]!r}")
    form = b""
    while True:
        name, size = struct.unpack("<16sQ", _take(file, 24))
        if name[:4] == b"data":
            break
        content = _take(file, max(0, size - 24))
        _take(file, -size % 8)
        if name[:4] == b"fmt ":
            form = content
    if len(form) < 16:
        raise Failure("a W64 file whose data come before their format")
    layout = _wave_format(form, "<")
    known = _known(size)
    layout.size = known - 24 if known is not None and known > 24 else None
    return layout


_AIFF_CODINGS = {  # of compressed AIFF: coding, bytes of a sample (0: as COMM has it), big-endian, unsigned
    b"NONE": ("pcm", 0, True, False), b"twos": ("pcm", 0, True, False), b"sowt": ("pcm", 0, False, False),
    b"in24": ("pcm", 3, True, False), b"in32": ("pcm", 4, True, False), b"raw ": ("pcm", 1, True, True),
    b"fl32": ("float", 4, True, False), b"FL32": ("float", 4, True, False), b"fl64": ("float", 8, True, False),
    b"FL64": ("float", 8, True, False), b"ulaw": ("mu-law", 1, True, False), b"ULAW": ("mu-law", 1, True, False),
    b"alaw": ("A-law", 1, True, False), b"ALAW": ("A-law", 1, True, False),
}  # fmt: skip


def _aiff(file: BinaryIO, magic: bytes) -> Layout:
    _take(file, 4)
    kind = _take(file, 4)
    if kind not in (b"AIFF", b"AIFC"):
        raise Failure(f"an IFF file that is no AIFF: {kind!r}")
    common, odd = b"", False
    while True:
        name, size = _chunk(file, ">", odd)
        if name == b"SSND":
            break
        content = _take(file, size)
        odd = size % 2 == 1
        if name == b"COMM":
            common = content
    if len(common) < 18:
        raise Failure("an AIFF file whose samples come before their form: convert it first, sox IN OUT.wav")
    channels, num_samples, bits, exponent, mantissa = struct.unpack_from(">HIHHQ", common)
    rate = mantissa * 2.0 ** (min(exponent & 0x7FFF, 17000) - 16383 - 63)  # 80-bit float; a damaged one may be huge
    compression = common[18:22] if kind == b"AIFC" else b"NONE"
    name_of_other = compression.decode("latin-1").strip()
    coding, width, big_endian, unsigned = _AIFF_CODINGS.get(compression, (f"AIFF-C {name_of_other}", 0, True, False))
    width = width or -(-bits // 8)
    (offset,) = struct.unpack(">I4x", _take(file, 8))
    _take(file, offset)
    known = _known(size)
    size_of_chunk = known - 8 - offset if known is not None and known > 8 + offset else None
    layout = Layout(coding, rate, channels, width, size_of_chunk, big_endian, unsigned)
    if layout.is_plain and _known(num_samples * layout.block) is not None:
        layout.size = num_samples * layout.block
    return layout


_AU_CODINGS = {
    1: ("mu-law", 1), 2: ("pcm", 1), 3: ("pcm", 2), 4: ("pcm", 3), 5: ("pcm", 4), 6: ("float", 4), 7: ("float", 8),
    27: ("A-law", 1),
}  # fmt: skip


def _au(file: BinaryIO, magic: bytes) -> Layout:
    big_endian = magic == b".snd"
    offset, size, code, rate, channels = struct.unpack(f"{'>' if big_endian else '<'}5I", _take(file, 20))
    if offset < 24:
        raise Failure(f"an AU header of {offset} bytes, at least 24 expected: damaged")
    _take(file, offset - 24)
    coding, width = _AU_CODINGS.get(code, (f"AU encoding {code}", 1))
    return Layout(coding, rate, channels, width, _known(size), big_endian)


def _sphere(file: BinaryIO, magic: bytes) -> Layout:
    """NIST SPHERE: 1024 bytes (or a multiple) of text with a field in each line, then the samples."""
    try:
        start = magic + _take(file, 12)
        header_size = int(start[8:])
        lines = (start + _take(file, header_size - len(start))).decode("ascii", errors="replace").split("\n")
        fields = dict(
            line.split(None, 2)[::2] for line in lines[2 : lines.index("end_head")] if line[:1] not in (";", "")
        )
        channels, rate = int(fields.get("channel_count", 1)), float(fields["sample_rate"])
        count, width = int(fields.get("sample_count", 0)), int(fields.get("sample_n_bytes", 2))
    except (ValueError, KeyError, Failure):
        raise Failure("a truncated or damaged SPHERE header; copy it again") from None
    coding = fields.get("sample_coding", "pcm").strip()
    if "," in coding:
        raise Failure(f"a compressed NIST SPHERE file; convert it first: sph2pipe -f wav IN OUT.wav (it is {coding})")
    coding = {"ulaw": "mu-law", "mu-law": "mu-law", "alaw": "A-law"}.get(coding, coding)
    if coding not in PLAIN_CODINGS.values():
        raise Failure(f"a NIST SPHERE file with samples coded as {coding}; convert it first: sox IN OUT.wav")
    order = fields.get("sample_byte_format", "01").strip()
    big_endian = len(order) > 1 and order == "".join(sorted(order, reverse=True))
    return Layout(coding, rate, channels, width, _known(count * channels * width), big_endian)


_HEADERS = {
    b"RIFF": _riff, b"RIFX": _riff, b"RF64": _riff, b"BW64": _riff, b"riff": _w64, b"FORM": _aiff, b".snd": _au,
    b"dns.": _au, b"NIST": _sphere,
}  # fmt: skip
