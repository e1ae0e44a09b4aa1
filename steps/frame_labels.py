#!/usr/bin/env python
"""Give every frame its class: that of its utterance, such as an emotion, or silence.

Usage: steps/frame_labels.py <data-dir>
 e.g.: steps/frame_labels.py data/ser
Reads <data-dir>/{vad.scp,utt2spk}, and utt2emotion and emotions, or for another task utt2class and utterance_classes;
writes <data-dir>/classes (the emotions and then silence, in the order of their class ids, from 0), labels.ark and
labels.scp (for each utterance a vector of class ids), and the share of silence by speaker and emotion as silence.json
and, to be read, silence.txt.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.tables import TableWriter, read_table
from asrser_io.text import read_lines, read_list, read_map

FRAMES_PER_HOUR = 100 * 3600  # a frame every 10 ms


def frame_classes(voiced: np.ndarray, spoken: int, silence: int) -> np.ndarray:
    """The class of each frame: voiced (frames,), non-zero for speech → (frames,) int32."""
    return np.where(voiced != 0, spoken, silence).astype(np.int32)


def tables(data: Path) -> tuple[Path, Path]:
    """The class of each utterance, and their order."""
    if (data / "utt2class").exists():
        return data / "utt2class", data / "utterance_classes"
    return data / "utt2emotion", data / "emotions"


def read_classes(data: Path) -> tuple[dict[str, str], list[str]]:
    """Both, where each class has its place."""
    table, order = tables(data)
    utt2class, names = read_map(table), read_list(order)
    if unknown := Counter(name for name in utt2class.values() if name not in names):
        found = ", ".join(f"{name} ({count})" for name, count in unknown.most_common(10))
        raise Failure(
            f"{table}: {unknown.total()} utterances have {table.name[4:]}s that {order} has not: {found}; "
            "list them there, or leave these utterances out"
        )
    return utt2class, names


def label(
    data: Path, utt2class: dict[str, str], names: list[str]
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]], list[str]]:
    """Write the labels; returns all and the silent frames by (speaker, class), and the utterances without speech."""
    utt2spk = read_map(data / "utt2spk")
    # The old index must not point into the new archive.
    for name in ("labels.scp", "silence.json", "silence.txt", "classes"):
        (data / name).unlink(missing_ok=True)
    frames: Counter[tuple[str, str]] = Counter()
    silent: Counter[tuple[str, str]] = Counter()
    without_speech = []
    unlabelled = set(utt2spk)
    archive = data.resolve() / "labels.ark"
    with TableWriter(f"ark,scp:{archive},{data}/labels.scp.tmp", "int_vector") as writer:
        for utterance, voiced in read_table(f"scp:{data}/vad.scp", "vector"):
            if utterance not in utt2class or utterance not in utt2spk:
                raise Failure(f"{data}: {utterance} stands in vad.scp, but not in {tables(data)[0].name} and utt2spk")
            name = utt2class[utterance]
            writer.write(utterance, frame_classes(voiced, names.index(name), len(names)))
            frames[utt2spk[utterance], name] += len(voiced)
            silent[utt2spk[utterance], name] += int((voiced == 0).sum())
            if not voiced.any():
                without_speech.append(utterance)
            unlabelled.discard(utterance)
    if unlabelled:
        names = " ".join(sorted(unlabelled)[:10])
        raise Failure(f"{data}: {len(unlabelled)} of {len(utt2spk)} utterances of utt2spk are not in vad.scp: {names}")
    for name in names:
        total, still = (sum(n for (_, of), n in counts.items() if of == name) for counts in (frames, silent))
        if total == still:
            raise Failure(
                f"{data}: all {total} frames of {name} are silent; are the recordings? Else see conf/vad.conf"
            )
    return frames, silent, without_speech


def as_text(summary: dict, speakers: list[str], names: list[str]) -> str:
    """The shares of silence as a table, in per cent."""
    width = max(map(len, [*speakers, *names])) + 2
    lines = [f"Silent frames in per cent; {summary['frames']} frames, {summary['hours']:.2f} hours"]
    lines.append(f"{'speaker':<{width}}" + "".join(f"{name:>{width}}" for name in [*names, "all"]))
    for speaker in [*speakers, "all"]:
        shares = [summary["silence"][speaker][name] for name in [*names, "all"]]
        cells = ("-" if share is None else f"{100 * share:.1f}" for share in shares)
        lines.append(f"{speaker:<{width}}" + "".join(f"{cell:>{width}}" for cell in cells))
    lines += [f"no speech at all in {utterance}" for utterance in summary["without_speech"]]
    return "\n".join(lines) + "\n"


def share_of_silence(
    frames: Counter[tuple[str, str]], silent: Counter[tuple[str, str]], speakers: list[str], names: list[str]
) -> dict[str, dict[str, float | None]]:
    """By speaker and class, each with "all"; None where there are no frames."""
    shares: dict[str, dict[str, float | None]] = {}
    for speaker in [*speakers, "all"]:
        shares[speaker] = {}
        for name in [*names, "all"]:
            cells = [(s, of) for s, of in frames if speaker in (s, "all") and name in (of, "all")]
            total = sum(frames[cell] for cell in cells)
            shares[speaker][name] = sum(silent[cell] for cell in cells) / total if total else None
    return shares


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] == "--help":
        print(__doc__, file=sys.stderr)
        sys.exit(0 if "--help" in sys.argv else 1)
    with as_script("frame_labels.py"):
        write_labels(Path(sys.argv[1]))


def write_labels(data: Path) -> None:
    try:
        utt2class, names = read_classes(data)
        frames, silent, without_speech = label(data, utt2class, names)
        speakers = sorted({speaker for speaker, _ in frames})
        summary = {
            "frames": frames.total(),
            "hours": frames.total() / FRAMES_PER_HOUR,
            "silence": share_of_silence(frames, silent, speakers, names),
            "without_speech": without_speech,
        }
        write_text(data / "silence.json", json.dumps(summary, indent=1) + "\n")
        write_text(data / "silence.txt", as_text(summary, speakers, names))
        write_text(data / "classes", "\n".join([*names, "silence"]) + "\n")
        os.replace(data / "labels.scp.tmp", data / "labels.scp")  # last: where it stands, all is written
    except BaseException:
        (data / "labels.scp.tmp").unlink(missing_ok=True)
        raise
    for utterance in without_speech:
        print(f"frame_labels.py: {utterance} has no speech: all its frames are silent", file=sys.stderr)
    print(*read_lines(data / "silence.txt"), sep="\n")


if __name__ == "__main__":
    main()
