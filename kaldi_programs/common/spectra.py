"""From samples to power spectra, mel filterbanks and cepstra, in single precision as Kaldi computes them.

Source of the definitions: Kaldi's feat/feature-window.cc, feat/mel-computations.cc, feat/feature-mfcc.cc.
"""

from collections.abc import Iterator

import numpy as np

from asrser_io.files import Failure
from kaldi_programs.common.fft import power_spectrum

EPSILON = np.finfo(np.float32).eps  # floor of energies, so that their logarithm exists
BLOCK = 1000  # frames computed at once, which bounds the memory that a long recording takes


def frame_starts(num_samples: int, length: int, shift: int, snip_edges: bool) -> np.ndarray:
    """The first sample of each frame; without snip_edges it may lie before the recording, or the last one behind it."""
    if snip_edges:
        count = 1 + (num_samples - length) // shift if num_samples >= length else 0
        return np.arange(count) * shift
    return np.arange((num_samples + shift // 2) // shift) * shift + shift // 2 - length // 2


def window_function(name: str, length: int, blackman_coeff: float) -> np.ndarray:
    """(length,) float32"""
    angle = 2 * np.pi / (length - 1) * np.arange(length)
    if name == "hanning":
        window = 0.5 - 0.5 * np.cos(angle)
    elif name == "sine":
        window = np.sin(0.5 * angle)
    elif name == "hamming":
        window = 0.54 - 0.46 * np.cos(angle)
    elif name == "povey":
        window = (0.5 - 0.5 * np.cos(angle)) ** 0.85
    elif name == "rectangular":
        window = np.ones(length)
    elif name == "blackman":
        window = blackman_coeff - 0.5 * np.cos(angle) + (0.5 - blackman_coeff) * np.cos(2 * angle)
    else:
        raise Failure(f"there is no window type {name}")
    return window.astype(np.float32)


class Spectrograph:
    """Power spectra and log-energies of the frames of a recording.

    length, shift: of a frame, in samples; dither: standard deviation of the noise added, the same in every run
    raw_energy:    take the energy before preemphasis and window
    """

    def __init__(
        self,
        length: int,
        shift: int,
        window: np.ndarray,
        preemphasis: float,
        remove_dc_offset: bool,
        dither: float,
        raw_energy: bool,
        snip_edges: bool,
        round_to_power_of_two: bool,
    ):
        if length < 2 or shift < 1:
            raise Failure(
                f"--frame-length and --frame-shift make a frame of {length} samples every {shift} samples; "
                "at least 2 and 1 are needed"
            )
        self.length, self.shift, self.window = length, shift, window
        self.preemphasis, self.remove_dc_offset, self.dither = np.float32(preemphasis), remove_dc_offset, dither
        self.raw_energy, self.snip_edges = raw_energy, snip_edges
        self.points = 1 << (length - 1).bit_length() if round_to_power_of_two else length
        if self.points % 2:
            raise Failure(f"a frame of {length} samples; without --round-to-power-of-two it must be an even number")
        self._noise = np.random.default_rng(0)

    def blocks(self, samples: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields (power spectra (frames, points / 2 + 1), log-energies (frames,)) of some frames at a time."""
        starts = frame_starts(len(samples), self.length, self.shift, self.snip_edges)
        reflected = 0 if self.snip_edges else self.length
        samples = np.pad(samples, reflected, mode="symmetric")
        for first in range(0, len(starts), BLOCK):
            indices = starts[first : first + BLOCK, None] + reflected + np.arange(self.length)
            yield self._spectra(samples[indices])

    def _spectra(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.dither:
            frames += np.float32(self.dither) * self._noise.standard_normal(frames.shape, np.float32)
        if self.remove_dc_offset:
            frames += -frames.sum(axis=1, keepdims=True) / np.float32(self.length)
        energy = np.sum(frames * frames, axis=1)
        if self.preemphasis:
            frames = frames - self.preemphasis * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
        frames = frames * self.window
        if not self.raw_energy:
            energy = np.sum(frames * frames, axis=1)
        power = power_spectrum(np.pad(frames, ((0, 0), (0, self.points - self.length))))
        return power, np.log(np.maximum(energy, EPSILON))


def mel(frequency: np.ndarray) -> np.ndarray:
    """The mel scale of frequencies in Hz, float32."""
    return np.float32(1127) * np.log(np.float32(1) + frequency / np.float32(700))


def mel_filters(num_bins: int, points: int, rate: float, low: float, high: float) -> np.ndarray:
    """(points / 2 + 1, bins) float32: triangles, evenly spaced in mel from low to high, over the power spectrum.

    high: if not positive, relative to half the rate
    """
    nyquist = rate / 2
    if high <= 0:
        high += nyquist
    if not 0 <= low < high <= nyquist:
        raise Failure(f"--low-freq={low:g} and --high-freq={high:g} do not lie in order between 0 and {nyquist:g}")
    if num_bins > points // 2:
        raise Failure(f"--num-mel-bins={num_bins}: too many for the {points // 2} points of the spectrum")
    low_mel, high_mel = mel(np.array([low, high], np.float32))
    step = (high_mel - low_mel) / np.float32(num_bins + 1)
    left, centre, right = (low_mel + (np.arange(num_bins, dtype=np.float32) + i) * step for i in range(3))
    # The last point, at half the rate, is in no triangle.
    at = mel(np.float32(rate / points) * np.arange(points // 2, dtype=np.float32))[:, None]
    weights = np.where(at <= centre, (at - left) / (centre - left), (right - at) / (right - centre))
    filters = np.where((at > left) & (at < right), weights, np.float32(0))
    if not filters.any(axis=0).all():
        raise Failure(f"--num-mel-bins={num_bins} is too large: a bin lies between two points of the spectrum")
    return np.pad(filters, ((0, 1), (0, 0))).astype(np.float32)


def log_floored(energies: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(energies, EPSILON))


def cosine_transform(num_bins: int, num_ceps: int, lifter: float) -> np.ndarray:
    """(bins, cepstra) float32: the discrete cosine transform and, unless it is 0, the lifter's scaling."""
    k, n = np.arange(num_ceps), np.arange(num_bins)[:, None]
    transform = np.sqrt(2 / num_bins) * np.cos(np.pi / num_bins * (n + 0.5) * k)
    transform[:, 0] = np.sqrt(1 / num_bins)
    if lifter:
        transform *= 1 + 0.5 * lifter * np.sin(np.pi * k / lifter)
    return transform.astype(np.float32)
