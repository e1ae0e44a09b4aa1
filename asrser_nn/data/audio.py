"""Recordings in any common form, as the samples that the networks were trained on: 16 kHz, mono, 16-bit units."""

from pathlib import Path

import numpy as np

from asrser_io.recordings import read_recording

RATE = 16000  # samples per second


def read_audio(path: Path) -> np.ndarray:
    """Any form that asrser_io.recordings reads; channels are averaged.

    returns: (samples,) float32 in the units of 16-bit integers, RATE per second
    """
    form, channels = read_recording(path)
    samples = channels.mean(axis=0)
    if form.rate != RATE:
        import soxr

        samples = soxr.resample(samples, form.rate, RATE)
    return samples
