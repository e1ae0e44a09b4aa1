"""Restore 16-bit audio that went through a conversion of line ends, as NLTK's sample of TIMIT did.

Usage: .venv/bin/python local/restore_line_ends.py <corpus-dir> <new-dir>
  e.g.: .venv/bin/python local/restore_line_ends.py ~/nltk_data/corpora/timit restored

A program that took the recordings for text has made LF of each CR LF and of each CR. Where a byte was lost, every later
sample is put together from halves of two, which is noise, until the next byte is lost. So the places show: before some
of the LF, a CR is put back such that neighbouring samples differ least (Viterbi search over the two alignments of bytes
to samples). Of high bytes that are LF, those become CR that make the wave smoother so; in a low byte it makes next to
no difference. Recordings (RIFF, 16 bits, one channel) are written anew, other files copied.
"""

import argparse
import shutil
import wave
from pathlib import Path

import numpy as np

from asrser_io.files import Failure
from asrser_io.messages import as_script

CR, LF = 13, 10
PENALTY = 60.0  # of a lost byte, in bits; a sample of misaligned speech costs about 7 more than one of speech


def lost_bytes(content: np.ndarray) -> list[int]:
    """Indices of the LF before which a CR is missing. content: (bytes,) uint8, little-endian samples"""
    samples = content[:-1].astype(np.int16) | (content[1:].astype(np.int16) << 8)  # one beginning at each byte
    steps = np.log2(1 + np.abs(samples[2:].astype(np.int32) - samples[:-2]))  # at i: between those at i and i + 2
    # sums[a, i]: of the steps before byte i of samples that begin at even (a = 0) or odd bytes
    sums = np.zeros((2, len(content) + 1))
    for alignment in (0, 1):
        own = np.where(np.arange(len(steps)) % 2 == alignment, steps, 0)
        sums[alignment, 1 : len(steps) + 1] = np.cumsum(own)
        sums[alignment, len(steps) + 1 :] = sums[alignment, len(steps)]
    best = [0.0, np.inf]
    choices = []  # for each LF and alignment after it: whether a byte was lost there
    line_ends = np.flatnonzero(content == LF)
    before = 0
    for place in line_ends:
        here = [best[a] + sums[a, place] - sums[a, before] for a in (0, 1)]
        lost = [here[1 - a] + PENALTY < here[a] for a in (0, 1)]
        best = [here[1 - a] + PENALTY if lost[a] else here[a] for a in (0, 1)]
        choices.append(lost)
        before = place
    alignment = int(best[1] + sums[1, -1] - sums[1, before] < best[0] + sums[0, -1] - sums[0, before])
    places = []
    for place, lost in zip(line_ends[::-1], choices[::-1], strict=True):
        if lost[alignment]:
            places.append(int(place))
            alignment = 1 - alignment
    return places[::-1]


def choose_high_bytes(samples: np.ndarray) -> None:
    """Take LF or CR for each high byte that is LF, such that squared second differences are least; in place."""
    unsure = np.flatnonzero(samples >> 8 == LF)
    for run in np.split(unsure, np.flatnonzero(np.diff(unsure) > 2) + 1):
        if len(run) == 0 or run[0] < 2 or run[-1] + 2 >= len(samples):
            continue
        first, last = int(run[0]), int(run[-1])
        # By the last two samples: the cost of the best choices that end so, and these choices
        paths: dict[tuple[int, int], tuple[float, list[int]]]
        paths = {(int(samples[first - 2]), int(samples[first - 1])): (0.0, [])}
        for value in samples[first : last + 3].tolist():
            longer: dict[tuple[int, int], tuple[float, list[int]]] = {}
            for (before, last_one), (cost, path) in paths.items():
                for option in [value, value + 256 * (CR - LF)] if value >> 8 == LF else [value]:
                    total = cost + (option - 2 * last_one + before) ** 2
                    if (last_one, option) not in longer or total < longer[last_one, option][0]:
                        longer[last_one, option] = total, [*path, option]
            paths = longer
        samples[first : last + 1] = min(paths.values())[1][:-2]


def restore(content: bytes) -> tuple[np.ndarray, int]:
    """The samples, int16, and how many bytes were put back."""
    converted = np.frombuffer(content, dtype=np.uint8)
    places = lost_bytes(converted)
    restored = np.insert(converted, places, CR)
    samples = restored[: len(restored) // 2 * 2].view("<i2").copy()
    choose_high_bytes(samples)
    return samples, len(places)


def restore_file(source: str, target: str) -> int:
    """Write the restored recording; returns how many bytes were put back."""
    try:
        # Not by asrser_io.recordings: where bytes are lost, the file may be shorter than its header says.
        with wave.open(source) as file:
            parameters, content = file.getparams(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise Failure(f"{source}: not a RIFF recording ({str(error) or 'it ends within its header'})") from error
    if (parameters.nchannels, parameters.sampwidth) != (1, 2):
        raise Failure(f"{source}: {parameters.nchannels} channels of {8 * parameters.sampwidth} bits, expected 1 of 16")
    samples, lost = restore(content)
    if len(samples) < parameters.nframes:
        raise Failure(
            f"{source}: {len(samples)} samples after {lost} bytes were put back, but its header announces "
            f"{parameters.nframes}: truncated; copy it again"
        )
    with wave.open(target, "wb") as file:
        file.setparams(parameters)
        file.writeframes(samples.astype("<i2").tobytes())
    return lost


def restore_corpus(corpus: Path, out: Path) -> list[int]:
    """Returns how many bytes were put back in each recording."""
    if not corpus.is_dir():
        raise Failure(f"{corpus}: no such folder")
    if out.exists():
        raise Failure(f"{out} is already there: give a new folder")
    if corpus.resolve() in out.resolve().parents:
        raise Failure(f"{out} is within {corpus}: give a folder beside it")
    beside = out.with_name(out.name + ".tmp")
    shutil.rmtree(beside, ignore_errors=True)
    lost = []

    def copy(source: str, target: str) -> None:
        if source.lower().endswith(".wav"):
            lost.append(restore_file(source, target))
        else:
            shutil.copyfile(source, target)

    try:
        shutil.copytree(corpus, beside, copy_function=copy)
        if not lost:
            raise Failure(f"{corpus}: no recording (.wav) in it")
        beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with as_script("local/restore_line_ends.py"):
        lost = restore_corpus(arguments.corpus, arguments.out)
        print(f"{arguments.out}: {sum(lost)} lost bytes put back in {sum(map(bool, lost))} of {len(lost)} recordings")


if __name__ == "__main__":
    main()
