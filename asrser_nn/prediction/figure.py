"""A recording as a picture: waveform, spectrogram, phones, and the probability of each class over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from asrser_nn.data.audio import RATE
from asrser_nn.data.filterbank import LENGTH, SHIFT
from asrser_nn.prediction.predict import Classification, Prediction, Segment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell; then the same again with another dash.
COLOURS = ["#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
DASHES = ["-", "--", "-.", ":"]
INCHES_PER_SECOND, NARROWEST, WIDEST = 3.5, 8.0, 60.0


def draw(prediction: Prediction, file: BinaryIO) -> None:
    """Write a PNG."""
    import warnings

    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    heights = [1.0, 2.2] + [0.8] * (prediction.phones is not None) + [1.8] * (prediction.classification is not None)
    width = min(max(INCHES_PER_SECOND * prediction.seconds, NARROWEST), WIDEST)
    figure, axes = plt.subplots(
        len(heights), figsize=(width, 0.6 + sum(heights)), height_ratios=heights, sharex=True, layout="constrained",
        squeeze=False,
    )  # fmt: skip
    waveform, spectrogram, *rest = axes[:, 0]
    found = prediction.classification
    decision = f": {found.decision}" if found and prediction.has_speech else ""
    if not prediction.has_speech:
        decision = ": no speech found"
    name = prediction.path.name.encode(errors="replace").decode()
    waveform.set_title(f"{name}{decision}", loc="left", fontsize=11, parse_math=False)
    _draw_waveform(waveform, prediction.samples)
    _draw_spectrogram(spectrogram, prediction.samples)
    if found is not None:
        _draw_classification(rest.pop(), found)
    axes[-1, 0].set_xlabel("time (s)")
    axes[-1, 0].set_xlim(0, prediction.seconds)
    axes[-1, 0].locator_params(axis="x", nbins=round(width))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of names in other scripts: a box is drawn
        if prediction.phones is not None:
            _draw_phones(figure, rest.pop(), prediction.phones)
        figure.align_ylabels()
        figure.savefig(file, format="png", dpi=120)
    plt.close(figure)


def _draw_waveform(axis: Any, samples: np.ndarray) -> None:
    """Lowest and highest of as many samples as share a column of the picture."""
    together = max(1, len(samples) // 20000)
    blocks = samples[: len(samples) // together * together].reshape(-1, together) / 32768
    extremes = np.stack([blocks.min(axis=1), blocks.max(axis=1)], axis=1).ravel()
    axis.plot(np.arange(len(extremes)) * together / 2 / RATE, extremes, lw=0.4, color="#444444")
    axis.set_ylabel("amplitude")


def _draw_spectrogram(axis: Any, samples: np.ndarray) -> None:
    """Wide bands, as phoneticians like them: windows of 8 ms; the loudest 70 dB."""
    length, hop = RATE * 8 // 1000, max(RATE * 2 // 1000, len(samples) // 20000)
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
    power = np.abs(np.fft.rfft(np.diff(frames) * np.hanning(length - 1), 256)) ** 2
    decibels = 10 * np.log10(np.maximum(power.T, 1e-3))
    extent = (0, len(samples) / RATE, 0, RATE / 2000)
    top = decibels.max()
    axis.imshow(decibels, cmap="Greys", vmin=top - 70, vmax=top, origin="lower", aspect="auto", extent=extent)
    axis.set_ylabel("frequency (kHz)")


def _draw_phones(figure: Figure, axis: Any, phones: list[Segment]) -> None:
    """Boxes, and names in two rows so that each has twice the room; one that still lacks room is left out."""
    figure.canvas.draw()  # the layout has to be known before names can be measured
    dots_per_second = axis.bbox.width / phones[-1].end
    free_from = [axis.bbox.x0, axis.bbox.x0]
    for i, phone in enumerate(phones):
        row = i % 2
        axis.axvspan(phone.start, phone.end, color=("#56B4E9", "#E69F00")[row], alpha=0.3, lw=0)
        dots = dots_per_second * (phone.end - phone.start)
        if dots > 4:
            axis.axvline(phone.start, color="#888888", lw=0.5)
        middle = (phone.start + phone.end) / 2
        text = axis.text(middle, 0.74 - 0.48 * row, phone.label, ha="center", va="center", fontsize=8, parse_math=False)
        extent = text.get_window_extent()
        if extent.width > 2 * dots or extent.x0 < free_from[row] or extent.x1 > axis.bbox.x1:
            text.remove()
        else:
            free_from[row] = extent.x1 + 2
    axis.set_yticks([])
    axis.set_ylim(0, 1)
    axis.set_ylabel("phones")


def _draw_classification(axis: Any, found: Classification) -> None:
    times = (np.arange(len(found.over_time)) * SHIFT + LENGTH / 2) / RATE  # the middle of each frame
    shown = [name for name in found.classes if name != found.silence]
    for name, probabilities in zip(found.classes, found.over_time.T, strict=True):
        if name == found.silence:
            axis.plot(times, probabilities, color="#888888", ls=":", lw=1.5, label=name)
        else:
            i = shown.index(name)
            dash = DASHES[i // len(COLOURS) % len(DASHES)]
            axis.plot(times, probabilities, color=COLOURS[i % len(COLOURS)], ls=dash, lw=1.8, label=name)
    axis.set_ylim(0, 1)
    axis.set_ylabel("probability")
    axis.grid(alpha=0.3)
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(found.classes), fontsize=8, frameon=False)
