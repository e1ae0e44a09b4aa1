"""Reading and writing of recordings: (samples per second, (channels, samples) float32 in units of 16-bit integers).

16-bit RIFF, the form that Kaldi reads, is read here; every other form (NIST SPHERE, FLAC, 24-bit or float WAV …) by
soundfile, scaled alike. Source of the rules for headers: Kaldi's feat/wave-reader.cc.
"""

import io
import struct
from io import BufferedReader
from typing import IO

import numpy as np

from asrser_io.files import Failure
from asrser_io.values import read_bytes, read_up_to

# What sph2pipe and sox write into a header when they do not know yet how much will follow: read to the end.
_UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0x7FFFFFFF - 36, 0x7FFFF000, 0x7FFFF024, 0xFFFFFFFF)
_PCM = 1
_EXTENSIBLE = 0xFFFE
_EXTENSIBLE_PCM = bytes.fromhex("0100000000001000800000aa00389b71")

Wave = tuple[float, np.ndarray]


class _OtherForm(Exception):
    """The recording is sound, as far as can be told, but not 16-bit RIFF."""


def read_pcm_wave(f: BufferedReader) -> Wave:
    """One 16-bit RIFF recording out of a stream, which goes on behind it."""
    try:
        return _read_riff(f, bytearray())
    except _OtherForm as error:
        raise Failure(f"{error}; in an archive only 16-bit RIFF can be read") from None


def read_any_wave(f: BufferedReader) -> Wave:
    """The recording that a whole file or pipe holds, in any form that soundfile reads."""
    header = bytearray()
    try:
        return _read_riff(f, header)
    except _OtherForm:
        return _read_with_soundfile(bytes(header) + f.read())


def write_wave(f: IO[bytes], wave: Wave, binary: bool) -> None:
    """16-bit RIFF; fractions are cut off and values beyond 16 bits are limited, as Kaldi does."""
    rate, samples = wave
    channels, length = samples.shape
    if samples.size == 0:
        raise Failure("a recording without samples cannot be written")
    size = 2 * channels * length
    f.write(struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, _PCM, channels, int(rate),
                        int(rate) * 2 * channels, 2 * channels, 16))  # fmt: skip
    f.write(struct.pack("<4sI", b"data", size) + np.clip(np.trunc(samples), -32768, 32767).T.astype("<i2").tobytes())


def _read_riff(f: BufferedReader, header: bytearray) -> Wave:
    """header: receives what was read before the form turned out to be another."""

    def take(count: int) -> bytes:
        data = read_bytes(f, count)
        header.extend(data)
        return data

    if not f.peek(1):
        raise Failure("an empty file where a recording was expected")
    header.extend(f.read(4))
    if header not in (b"RIFF", b"RIFX"):
        raise _OtherForm("not RIFF")
    order = "<" if header == b"RIFF" else ">"
    (riff_size,) = struct.unpack(f"{order}I", take(4))
    if take(4) != b"WAVE":
        raise Failure(f"a RIFF file that is no WAVE: {bytes(header[8:])!r}")
    form = None
    while True:
        name, size = struct.unpack(f"{order}4sI", take(8))
        if name == b"data":
            break
        content = take(size)
        if name == b"fmt ":
            form = struct.unpack_from(f"{order}HHIIHH", content.ljust(16, b"\0"))
            is_pcm = form[0] == _PCM or (form[0] == _EXTENSIBLE and content[24:40] == _EXTENSIBLE_PCM)
    if form is None:
        raise Failure("a WAVE file whose data come before their format")
    _, channels, rate, _, _, bits = form
    if not is_pcm or bits != 16:
        raise _OtherForm(f"not 16-bit PCM (format {form[0]}, {bits} bits)")
    if channels == 0 or rate == 0:
        raise Failure(f"a WAVE header with {channels} channels and {rate} samples per second")
    streamed = size in _UNKNOWN_SIZES or riff_size in (0, 0xFFFFFFFF)
    data = f.read() if streamed else read_up_to(f, size)
    if not data:
        raise Failure("a recording without samples")
    if not streamed and len(data) < size:
        raise Failure(f"a truncated recording: the header says {size} bytes of samples, {len(data)} found")
    whole = len(data) - len(data) % (2 * channels)
    samples = np.frombuffer(data[:whole], f"{order}i2").reshape(-1, channels)
    return float(rate), np.ascontiguousarray(samples.T, np.float32)


def _read_with_soundfile(data: bytes) -> Wave:
    import soundfile

    fields = dict(line.split(b" -", 1) for line in data[:1024].split(b"\n") if b" -" in line)  # of a SPHERE header
    sphere = data.startswith(b"NIST_1A")
    if sphere and b"," in fields.get(b"sample_coding", b""):
        raise Failure("a compressed NIST SPHERE file; convert it first: sph2pipe -f wav IN OUT, or sox IN OUT.wav")
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise Failure(f"not a recording that can be read ({error})") from error
    expected = int(fields[b"sample_count"].split()[-1]) if sphere and b"sample_count" in fields else len(samples)
    if len(samples) < expected:
        raise Failure(f"a truncated recording: the header says {expected} samples, {len(samples)} found")
    if len(samples) == 0:
        raise Failure("a recording without samples")
    return float(rate), np.ascontiguousarray(samples.T) * np.float32(32768)
