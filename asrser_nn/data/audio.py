"""Recordings in any common form, as the samples that the networks were trained on: 16 kHz, mono, 16-bit units."""

from pathlib import Path

import numpy as np

from asrser_io.recordings import mixed, read_recording, said_of_rest

RATE = 16000  # samples per second


def read_audio(path: Path) -> tuple[np.ndarray, str]:
    """Any form that asrser_io.recordings reads; channels are averaged.

    returns: (samples,) float32 in the units of 16-bit integers, RATE per second; a warning, or ""
    """
    form, channels = read_recording(path)
    samples, cancelled = mixed(channels)
    warning = "; ".join(filter(None, [cancelled, said_of_rest({str(path): form})]))
    if form.rate != RATE:
        import soxr

        samples = soxr.resample(samples, form.rate, RATE)
    return samples, warning
