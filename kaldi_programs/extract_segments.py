"""Cut segments out of recordings, as Kaldi's extract-segments does.

A line of the segments file is <segment> <recording> <start> <end> [<channel>]: seconds; -1 is the end of the recording.
"""

import numpy as np

from asrser_io.files import Failure
from asrser_io.streams import read_lines
from asrser_io.tables import TableWriter, random_access
from asrser_io.text import words_of
from kaldi_programs.common.program import Option, log, program, warn


@program(
    "extract-segments [options] <wav-rspecifier> <segments-rxfilename> <wav-wspecifier>",
    Option("min-segment-length", 0.1, "seconds of the shortest segment", ">= 0"),
    Option("max-overshoot", 0.5, "seconds a segment may reach beyond its recording, where it is cut", ">= 0, <= inf"),
    arguments=3,
)
def main(options, wav_rspecifier, segments_rxfilename, wav_wspecifier):
    recordings = random_access(wav_rspecifier, "wave")
    lines = 0
    with TableWriter(wav_wspecifier, "wave") as writer:
        for lines, line in enumerate(read_lines(segments_rxfilename), 1):
            fields = words_of(line)
            where = f"{segments_rxfilename}, line {lines} ({' '.join(fields)})"
            try:
                segment, recording, start, end, channel = parse(fields)
                if recording not in recordings:
                    raise Failure(f"no recording {recording}")
            except Failure as error:
                warn(f"{where}: {error}; skipped")
                continue
            rate, samples = recordings[recording]  # broken and not to be passed over (scp,p:…): an error
            try:
                cut = cut_segment(samples, rate, start, end, channel, options.min_segment_length, options.max_overshoot)
            except Failure as error:
                warn(f"{where}: {error}; skipped")
                continue
            writer.write(segment, (rate, cut))
    log(f"Successfully processed {writer.count} lines out of {lines} in the segments file.")
    return 0 if writer.count else 1


def parse(fields: list[str]) -> tuple[str, str, float, float, int | None]:
    try:
        segment, recording, *times = fields[:4]
        start, end = map(float, times)
        channel = None if len(fields) == 4 else int(*fields[4:])
        if not (np.isfinite(start) and np.isfinite(end)):
            raise ValueError
    except (ValueError, TypeError):
        raise Failure("expected a segment, its recording, two times and perhaps a channel") from None
    if not start >= 0 or not (end == -1 or end > start) or (channel is not None and channel < 0):
        raise Failure("an empty segment or a negative time or channel")
    return segment, recording, start, end, channel


def cut_segment(
    samples: np.ndarray, rate: float, start: float, end: float, channel: int | None, shortest: float, overshoot: float
) -> np.ndarray:
    """(1, samples) of a recording (channels, samples)."""
    length = samples.shape[1] / rate
    if start > length or end > length + overshoot:
        raise Failure(f"from {start} s to {end} s, but the recording has {length} s (--max-overshoot={overshoot:g})")
    if end < 0 or end > length:
        end = length
    if end - start < shortest:
        raise Failure(f"{end - start} s are less than --min-segment-length={shortest:g}")
    if channel is None and len(samples) > 1:
        raise Failure(f"the recording has {len(samples)} channels; say in the segments file which")
    channel = channel or 0
    if channel >= len(samples):
        raise Failure(f"the recording has {len(samples)} channels")
    return samples[channel : channel + 1, int(start * rate + 0.5) : int(end * rate + 0.5)]
