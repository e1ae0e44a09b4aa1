"""Recordings in any common form, as the samples that the networks were trained on: 16 kHz, mono, 16-bit units."""

import re
from pathlib import Path

import numpy as np

from asrser_io.files import Failure

RATE = 16000  # samples per second
UNKNOWN = 0x7FFFF000  # a length in a WAV header from here on is that of a stream: to the end


def read_audio(path: Path) -> np.ndarray:
    """WAV, FLAC, OGG and whatever else soundfile reads; channels are averaged.

    returns: (samples,) float32 in the units of 16-bit integers, RATE per second
    """
    import soundfile
    import soxr

    if not path.is_file():
        raise Failure(f"{path}: {'a folder' if path.is_dir() else 'no such file'}, where an audio file was expected")
    if path.stat().st_size == 0:
        raise Failure(f"{path}: an empty file, where audio was expected")
    try:
        with soundfile.SoundFile(path) as file:
            rate, expected = file.samplerate, file.frames
            # libsndfile takes a WAV file that was cut off for a shorter one, but says so here.
            cut = re.search(r"^data : (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
            channels = file.read(dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, TypeError) as error:  # TypeError: a name that ends in .raw
        raise Failure(f"{path}: not an audio file that can be read ({error}); expected WAV, FLAC or OGG") from error
    if cut and int(cut[2]) < int(cut[1]) < UNKNOWN:
        raise Failure(f"{path}: broken: {cut[2]} bytes of samples, but its header announces {cut[1]}")
    if len(channels) < expected:
        raise Failure(f"{path}: broken: {len(channels)} of the {expected} samples that its header announces")
    if not np.isfinite(channels).all():
        raise Failure(f"{path}: broken: samples that are not finite numbers")
    samples = channels.mean(axis=1)
    if rate != RATE:
        samples = soxr.resample(samples, rate, RATE)
    return np.float32(32768) * samples
