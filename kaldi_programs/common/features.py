"""What compute-mfcc-feats and compute-fbank-feats share: their options, and the way from recordings to a table."""

import math
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from asrser_io.files import Failure
from asrser_io.tables import TableWriter, read_table
from kaldi_programs.common.program import Option, log, vlog, warn
from kaldi_programs.common.spectra import Spectrograph, mel_filters, window_function

FRAME_OPTIONS = (
    Option("sample-frequency", 16000.0, "samples per second that the recordings must have", "> 0, <= 1e7"),
    Option("frame-length", 25.0, "length of a frame in milliseconds", "> 0, <= 60000"),
    Option("frame-shift", 10.0, "from one frame to the next in milliseconds", "> 0, <= 60000"),
    Option("preemphasis-coefficient", 0.97, "coefficient of the preemphasis", ">= 0, <= 1"),
    Option("remove-dc-offset", True, "subtract the mean of each frame"),
    Option("dither", 1.0, "standard deviation of the noise that is added (0: none)", ">= 0"),
    Option("window-type", "povey", "window", ("hamming", "hanning", "povey", "rectangular", "sine", "blackman")),
    Option("blackman-coeff", 0.42, "coefficient of the generalised Blackman window"),
    Option("round-to-power-of-two", True, "pad frames with zeros to a power of two for the FFT"),
    Option("snip-edges", True, "only frames that lie within the recording; else reflect the samples at its ends"),
    Option("allow-downsample", False, "downsample recordings with a higher sample frequency"),
    Option("allow-upsample", False, "upsample recordings with a lower sample frequency"),
    Option("max-feature-vectors", -1, "accepted for compatibility; has no effect on whole recordings", ">= -1"),
)
MEL_OPTIONS = (
    Option("num-mel-bins", 23, "number of triangular mel bins", ">= 3"),
    Option("low-freq", 20.0, "lowest frequency of the mel bins", ">= 0"),
    Option("high-freq", 0.0, "highest frequency of the mel bins; 0 or less: relative to half the sample frequency"),
    Option("vtln-low", 100.0, "accepted for compatibility; there is no VTLN here"),
    Option("vtln-high", -500.0, "accepted for compatibility; there is no VTLN here"),
    Option("debug-mel", False, "log the mel bins"),
)
ENERGY_OPTIONS = (
    Option("energy-floor", 0.0, "floor of the energy; matters with --use-energy=true and --dither=0", ">= 0"),
    Option("raw-energy", True, "energy before preemphasis and windowing"),
)
TABLE_OPTIONS = (
    Option("output-format", "kaldi", "other formats are not supported", ("kaldi",)),
    Option("subtract-mean", False, "subtract the mean of each recording's features"),
    Option("vtln-warp", 1.0, "VTLN warp factor; only 1 is supported", "> 0"),
    Option("vtln-map", "", "not supported"),
    Option("utt2spk", "", "accepted for compatibility; serves --vtln-map only"),
    Option("channel", -1, "channel to use (0: left, 1: right; -1: there should be only one)", ">= -1"),
    Option("min-duration", 0.0, "shortest recording to process, in seconds", ">= 0"),
    Option("write-utt2dur", "", "wspecifier for the durations in seconds"),
)


def spectrograph(options: SimpleNamespace) -> Spectrograph:
    if options.vtln_map or options.vtln_warp != 1.0:
        raise Failure("VTLN (--vtln-map, --vtln-warp) is not supported; Kaldi's own program has it")
    length = int(options.sample_frequency * 0.001 * options.frame_length)
    return Spectrograph(
        length=length,
        shift=int(options.sample_frequency * 0.001 * options.frame_shift),
        window=window_function(options.window_type, length, options.blackman_coeff),
        preemphasis=options.preemphasis_coefficient,
        remove_dc_offset=options.remove_dc_offset,
        dither=options.dither,
        raw_energy=options.raw_energy,
        snip_edges=options.snip_edges,
        round_to_power_of_two=options.round_to_power_of_two,
    )


def filterbank(options: SimpleNamespace, points: int) -> np.ndarray:
    filters = mel_filters(options.num_mel_bins, points, options.sample_frequency, options.low_freq, options.high_freq)
    if options.debug_mel:
        for i, weights in enumerate(filters.T):
            first, last = np.flatnonzero(weights)[[0, -1]]
            log(f"bin {i}, offset = {first}, vec = {weights[first : last + 1]}")
    return filters


def floored_energy(log_energy: np.ndarray, floor: float) -> np.ndarray:
    return np.maximum(log_energy, np.float32(math.log(floor))) if floor > 0 else log_energy


def compute_table(
    options: SimpleNamespace,
    wav_rspecifier: str,
    wspecifier: str,
    spectra: Spectrograph,
    compute: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> int:
    """Write the features of every recording; returns the exit status.

    compute: from power spectra (frames, points / 2 + 1) and log-energies (frames,) to features (frames, dimension)
    """
    total = 0
    with TableWriter(wspecifier, "matrix") as writer, TableWriter(options.write_utt2dur, "double") as durations:
        for total, (utterance, (rate, channels)) in enumerate(read_table(wav_rspecifier, "wave"), 1):
            duration = channels.shape[1] / rate
            try:
                if duration < options.min_duration:
                    raise Failure(f"{duration} s are less than --min-duration={options.min_duration}")
                samples = _at_rate(options, _one_channel(utterance, channels, options.channel), rate)
                blocks = [compute(power, log_energy) for power, log_energy in spectra.blocks(samples)]
                if not blocks:
                    raise Failure(f"its {len(samples)} samples are fewer than one frame, of {spectra.length}")
            except Failure as error:
                warn(f"no features for {utterance}: {error}")
                continue
            features = np.concatenate(blocks)
            if options.subtract_mean:
                features -= features.mean(axis=0)
            writer.write(utterance, features)
            durations.write(utterance, duration)
            vlog(2, f"Processed features for key {utterance}")
            if total % 10 == 0:
                log(f"Processed {total} utterances")
    log(f" Done {writer.count} out of {total} utterances.")
    return 0 if writer.count else 1


def _one_channel(utterance: str, channels: np.ndarray, channel: int) -> np.ndarray:
    if channel == -1:
        if len(channels) > 1:
            warn(f"{utterance} has {len(channels)} channels; taking the first (see --channel)")
        channel = 0
    if not 0 <= channel < len(channels):
        raise Failure(f"it has {len(channels)} channels, counted from 0; there is none for --channel={channel}")
    return channels[channel]


def _at_rate(options: SimpleNamespace, samples: np.ndarray, rate: float) -> np.ndarray:
    wanted = options.sample_frequency
    if rate > wanted and not options.allow_downsample:
        raise Failure(f"it has {rate:g} samples per second, expected {wanted:g} (see --allow-downsample)")
    if rate < wanted and not options.allow_upsample:
        raise Failure(f"it has {rate:g} samples per second, expected {wanted:g} (see --allow-upsample)")
    return samples if rate == wanted else resample(samples, int(rate), int(wanted))


def resample(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Band-limited interpolation by a sinc of six zeros under a Hann window, as Kaldi's LinearResample does it.

    samples: (n,) float32; returns the samples at new_rate, from the same first instant on
    """
    cutoff = np.float64(np.float32(0.99 * 0.5 * min(rate, new_rate)))
    zeros = 6
    half_width = zeros / (2 * cutoff)  # of the window, in seconds
    unit = math.gcd(rate, new_rate)
    step_in, step_out = rate // unit, new_rate // unit  # the filters repeat after as many samples
    length = -(-len(samples) * new_rate // rate)
    result = np.zeros(length, np.float32)
    for phase in range(min(step_out, length)):
        time = phase / new_rate
        inputs = np.arange(math.ceil((time - half_width) * rate), math.floor((time + half_width) * rate) + 1)
        offset = inputs / rate - time
        window = np.where(np.abs(offset) < half_width, 0.5 * (1 + np.cos(2 * np.pi * cutoff / zeros * offset)), 0)
        weights = (2 * cutoff * np.sinc(2 * cutoff * offset) * window / rate).astype(np.float32)
        count = len(range(phase, length, step_out))
        before = max(0, -inputs[0])
        after = max(0, inputs[-1] + (count - 1) * step_in + 1 - len(samples))
        padded = np.pad(samples, (before, after))
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(inputs))
        result[phase::step_out] = windows[inputs[0] + before :: step_in][:count] @ weights
    return result
