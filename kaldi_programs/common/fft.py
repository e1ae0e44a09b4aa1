"""Power spectra by Kaldi's own FFT, in single precision and rounded where Kaldi rounds.

Where one frequency holds 1e-9 of the energy of another, as happens in speech, the rounding of the FFT shows. On the
speech of ../shared/golden, Kaldi's own MFCC differ by up to 3e-3 from what double precision gives, and those of
kaldi-native-fbank, which holds Kaldi's code but for the FFT, by up to 5e-3 from Kaldi's. These differ by 4e-4. All
frames are transformed at once. Source of the method: Kaldi's matrix/srfft.cc (Malvar, "Signal Processing with Lapped
Transforms", 1992).
"""

from functools import cache

import numpy as np

SQRT_HALF = np.float32(np.sqrt(0.5))


def power_spectrum(frames: np.ndarray) -> np.ndarray:
    """frames: (n, points) float32; returns (n, points / 2 + 1) float32, from frequency 0 to half the sampling rate."""
    points = frames.shape[1]
    if points & (points - 1) or points < 4:
        spectrum = np.fft.rfft(frames)
        return (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    # The real points are taken as half as many complex ones; a row for each point, a column for each frame.
    half = points // 2
    real, imaginary = _transform(frames[:, 0::2].T.copy(), frames[:, 1::2].T.copy())
    # The spectra of the even and the odd points (c, d) out of the common one, and their sum.
    k = np.arange(1, points // 4 + 1)
    root_re, root_im = _roots(points)
    c_re, c_im = (real[k] + real[-k]) * np.float32(0.5), (imaginary[k] - imaginary[-k]) * np.float32(0.5)
    d_re, d_im = (imaginary[k] + imaginary[-k]) * np.float32(0.5), (real[k] - real[-k]) * np.float32(-0.5)
    power = np.empty((half + 1, len(frames)), np.float32)
    power[half - k] = _energy(c_re + (-d_re * root_re + d_im * root_im), -c_im + (d_re * root_im + d_im * root_re))
    power[k] = _energy(c_re + (d_re * root_re - d_im * root_im), c_im + (d_re * root_im + d_im * root_re))
    power[0] = (real[0] + imaginary[0]) ** 2
    power[half] = (real[0] - imaginary[0]) ** 2
    return power.T


def _energy(real: np.ndarray, imaginary: np.ndarray) -> np.ndarray:
    return real * real + imaginary * imaginary


def _transform(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Complex split-radix FFT of x + iy, (points, frames); returns x and y by frequency.

    The even frequencies of n points are a transform of n / 2, the odd ones are two of n / 4. All transforms of one size
    are computed together, so that numpy is called a few times for each size instead of for each transform.
    """
    n = len(x)
    waiting = {n: [(x[None], y[None], np.arange(n)[None])]}  # transforms by size: x, y, which frequencies they give
    ends = []
    while waiting:
        parts = waiting.pop(n, [])
        x, y, frequencies = map(np.concatenate, zip(*parts, strict=True)) if len(parts) > 1 else parts[0]
        half, quarter = n // 2, n // 4
        if n == 1:
            ends.append((x, y, frequencies))
            break
        even = (x[:, :half] + x[:, half:], y[:, :half] + y[:, half:], frequencies[:, 0::2])
        x, y = x[:, :half] - x[:, half:], y[:, :half] - y[:, half:]
        if n == 2:
            ends += [even, (x, y, frequencies[:, 1::2])]
        else:
            first = (x[:, :quarter] + y[:, quarter:], y[:, :quarter] - x[:, quarter:], frequencies[:, 1::4])
            third = (x[:, :quarter] - y[:, quarter:], y[:, :quarter] + x[:, quarter:], frequencies[:, 3::4])
            if n > 4:
                _rotate(first[0], first[1], 1)
                _rotate(third[0], third[1], 3)
            waiting.setdefault(half, []).append(even)
            waiting.setdefault(quarter, []).extend((first, third))
        n = half
    real, imaginary, frequencies = (np.concatenate(part)[:, 0] for part in zip(*ends, strict=True))
    order = np.argsort(frequencies)
    return real[order], imaginary[order]


def _rotate(x: np.ndarray, y: np.ndarray, times: int) -> None:
    """Multiply point n of each quarter (transforms, points, frames) by exp(-2 pi i n times / 4 points), in place and
    with three multiplications."""
    quarter = x.shape[1]
    cosine, minus_sum, difference = _rotations(4 * quarter, times)
    eighth = quarter // 2
    x_eighth, y_eighth = x[:, eighth].copy(), y[:, eighth].copy()
    common = cosine * (x[:, 1:] + y[:, 1:])
    x[:, 1:], y[:, 1:] = difference * y[:, 1:] + common, minus_sum * x[:, 1:] + common
    if times == 1:
        x[:, eighth], y[:, eighth] = SQRT_HALF * (x_eighth + y_eighth), SQRT_HALF * (y_eighth - x_eighth)
    else:
        x[:, eighth], y[:, eighth] = SQRT_HALF * (y_eighth - x_eighth), -SQRT_HALF * (x_eighth + y_eighth)


@cache
def _rotations(points: int, times: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    angle = (times * np.arange(1, points // 4) * 2 * np.pi / points).astype(np.float32).astype(np.float64)[:, None]
    cosine, sine = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    return cosine, -(sine + cosine), sine - cosine


@cache
def _roots(points: int) -> tuple[np.ndarray, np.ndarray]:
    """exp(-2 pi i k / points) for k = 1 … points / 4, by repeated multiplication and with the errors of that."""
    angle = np.float64(np.float32(-2 * np.pi / points))
    root_re, root_im = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    power_re, power_im = np.float32(1), np.float32(0)
    powers = []
    for _ in range(points // 4):
        power_re, power_im = power_re * root_re - power_im * root_im, power_re * root_im + power_im * root_re
        powers.append((power_re, power_im))
    table = np.array(powers, np.float32)
    return table[:, :1], table[:, 1:]

