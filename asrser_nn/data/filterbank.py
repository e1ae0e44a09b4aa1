"""Log-mel filterbanks as stage 6 computes them (conf/fbank.conf), for audio that comes without a recipe.

Source of the definitions: Kaldi's feat/feature-window.cc and feat/mel-computations.cc. They equal Kaldi's numbers to
rounding; a network that was trained on other features needs those instead.
"""

from typing import Any

import numpy as np

from asrser_nn.data.audio import RATE

NUM_BINS = 40
LOWEST = 20.0  # Hz; the bins end at half the rate
LENGTH, SHIFT = RATE * 25 // 1000, RATE * 10 // 1000  # of a frame, in samples
SHIFT_SECONDS = SHIFT / RATE
PREEMPHASIS = 0.97
POINTS = 512  # of the FFT: frames are padded to a power of two
FLOOR = np.finfo(np.float32).eps  # of a bin's energy, so that its logarithm exists
BLOCK = 2000  # frames at a time, which bounds the memory that a long recording takes


def mel(frequency: Any) -> Any:
    """Hz to mel, numbers or arrays."""
    return 1127 * np.log1p(frequency / 700)


def mel_filters() -> np.ndarray:
    """(POINTS / 2, NUM_BINS): triangles, evenly spaced in mel, over the power spectrum below half the rate."""
    edges = np.linspace(mel(LOWEST), mel(RATE / 2), NUM_BINS + 2)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    points = mel(RATE / POINTS * np.arange(POINTS // 2))[:, None]
    return np.maximum(0, np.minimum((points - left) / (centre - left), (right - points) / (right - centre)))


def log_mel(samples: np.ndarray) -> np.ndarray:
    """25 ms Hamming windows every 10 ms, each frame's mean removed, preemphasis, 40 mel bins, natural logarithm.

    samples: (n,) at RATE, in units of 16-bit integers
    returns: (1 + (n - LENGTH) // SHIFT, NUM_BINS) float32; (0, NUM_BINS) if n < LENGTH
    """
    if len(samples) < LENGTH:
        return np.zeros((0, NUM_BINS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, LENGTH)[::SHIFT]
    filters, window = mel_filters(), np.hamming(LENGTH)
    feats = np.empty((len(frames), NUM_BINS), np.float32)
    for first in range(0, len(frames), BLOCK):
        block = frames[first : first + BLOCK].astype(np.float64)
        block -= block.mean(axis=1, keepdims=True)
        block -= PREEMPHASIS * np.hstack([block[:, :1], block[:, :-1]])
        power = np.abs(np.fft.rfft(block * window, POINTS)) ** 2
        feats[first : first + BLOCK] = np.log(np.maximum(power[:, :-1] @ filters, FLOOR))
    return feats
