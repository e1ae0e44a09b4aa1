"""Recordings as a kind of table: (samples per second, (channels, samples) float32 in units of 16-bit integers).

They come from asrser_io.recordings, which reads every common form; in an archive, where one stands behind the other,
there is only 16-bit RIFF, the form that Kaldi reads and writes. Source of that: Kaldi's feat/wave-reader.cc.
"""

from io import BufferedReader
from typing import IO

import numpy as np

from asrser_io.files import Failure
from asrser_io.messages import warn
from asrser_io.recordings import Recording, read_riff16, read_stream, write_riff16

Wave = tuple[float, np.ndarray]


def read_pcm_wave(f: BufferedReader) -> Wave:
    """One 16-bit RIFF recording out of a stream, which goes on behind it."""
    return _wave(read_riff16(f))


def read_any_wave(f: BufferedReader) -> Wave:
    """The recording that a whole file or pipe holds, in any form."""
    return _wave(read_stream(f))


def _wave(recording: Recording) -> Wave:
    return float(recording.form.rate), recording.samples


def write_wave(f: IO[bytes], wave: Wave, binary: bool) -> None:
    """16-bit RIFF; fractions are cut off and values beyond 16 bits are limited, as Kaldi does."""
    rate, samples = wave
    if samples.size == 0:
        raise Failure("a recording without samples cannot be written")
    cut = np.trunc(samples)
    if beyond := int(((cut < -32768) | (cut > 32767)).sum()):
        warn(f"{beyond} of {cut.size} samples lie beyond 16 bits and are limited")
    write_riff16(f, rate, np.clip(cut, -32768, 32767).astype(np.int16))
