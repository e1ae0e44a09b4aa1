#!/usr/bin/env python
"""Give every frame its class: the emotion of its utterance, or silence.

Usage: steps/frame_labels.py <data-dir>
 e.g.: steps/frame_labels.py data/ser
Reads <data-dir>/{vad.scp,utt2emotion,utt2spk,emotions}; writes <data-dir>/classes (the emotions and then silence, in
the order of their class ids, from 0), labels.ark and labels.scp (for each utterance a vector of class ids), and the
share of silence by speaker and emotion as silence.json and, to be read, silence.txt.
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


def frame_classes(voiced: np.ndarray, emotion: int, silence: int) -> np.ndarray:
    """The class of each frame: voiced (frames,), non-zero for speech → (frames,) int32."""
    return np.where(voiced != 0, emotion, silence).astype(np.int32)


def check_emotions(utt2emotion: dict[str, str], emotions: list[str], data: Path) -> None:
    """Each has its number, which is its place in the list."""
    if unknown := Counter(emotion for emotion in utt2emotion.values() if emotion not in emotions):
        found = ", ".join(f"{emotion} ({count})" for emotion, count in unknown.most_common(10))
        raise Failure(
            f"{data}/utt2emotion: {unknown.total()} utterances have emotions that {data}/emotions has not: {found}; "
            "list them there, or leave these utterances out"
        )


def label(data: Path) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]], list[str]]:
    """Write the labels; returns all and the silent frames by (speaker, emotion), and the utterances without speech."""
    utt2emotion, utt2spk = read_map(data / "utt2emotion"), read_map(data / "utt2spk")
    emotions = read_list(data / "emotions")
    check_emotions(utt2emotion, emotions, data)
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
            if utterance not in utt2emotion or utterance not in utt2spk:
                raise Failure(f"{data}: {utterance} stands in vad.scp, but not in utt2emotion and utt2spk")
            emotion = utt2emotion[utterance]
            writer.write(utterance, frame_classes(voiced, emotions.index(emotion), len(emotions)))
            frames[utt2spk[utterance], emotion] += len(voiced)
            silent[utt2spk[utterance], emotion] += int((voiced == 0).sum())
            if not voiced.any():
                without_speech.append(utterance)
            unlabelled.discard(utterance)
    if unlabelled:
        names = " ".join(sorted(unlabelled)[:10])
        raise Failure(f"{data}: {len(unlabelled)} of {len(utt2spk)} utterances of utt2spk are not in vad.scp: {names}")
    for emotion in emotions:
        total, still = (sum(n for (_, e), n in counts.items() if e == emotion) for counts in (frames, silent))
        if total == still:
            raise Failure(
                f"{data}: all {total} frames of {emotion} are silent; are the recordings? Else see conf/vad.conf"
            )
    return frames, silent, without_speech


def as_text(summary: dict, speakers: list[str], emotions: list[str]) -> str:
    """The shares of silence as a table, in per cent."""
    width = max(map(len, [*speakers, *emotions])) + 2
    lines = [f"Silent frames in per cent; {summary['frames']} frames, {summary['hours']:.2f} hours"]
    lines.append(f"{'speaker':<{width}}" + "".join(f"{name:>{width}}" for name in [*emotions, "all"]))
    for speaker in [*speakers, "all"]:
        shares = [summary["silence"][speaker][emotion] for emotion in [*emotions, "all"]]
        cells = ("-" if share is None else f"{100 * share:.1f}" for share in shares)
        lines.append(f"{speaker:<{width}}" + "".join(f"{cell:>{width}}" for cell in cells))
    lines += [f"no speech at all in {utterance}" for utterance in summary["without_speech"]]
    return "\n".join(lines) + "\n"


def share_of_silence(
    frames: Counter[tuple[str, str]], silent: Counter[tuple[str, str]], speakers: list[str], emotions: list[str]
) -> dict[str, dict[str, float | None]]:
    """By speaker and emotion, each with "all"; None where there are no frames."""
    shares: dict[str, dict[str, float | None]] = {}
    for speaker in [*speakers, "all"]:
        shares[speaker] = {}
        for emotion in [*emotions, "all"]:
            cells = [(s, e) for s, e in frames if speaker in (s, "all") and emotion in (e, "all")]
            total = sum(frames[cell] for cell in cells)
            shares[speaker][emotion] = sum(silent[cell] for cell in cells) / total if total else None
    return shares


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] == "--help":
        print(__doc__, file=sys.stderr)
        sys.exit(0 if "--help" in sys.argv else 1)
    with as_script("frame_labels.py"):
        write_labels(Path(sys.argv[1]))


def write_labels(data: Path) -> None:
    try:
        frames, silent, without_speech = label(data)
        emotions = read_list(data / "emotions")
        speakers = sorted({speaker for speaker, _ in frames})
        summary = {
            "frames": frames.total(),
            "hours": frames.total() / FRAMES_PER_HOUR,
            "silence": share_of_silence(frames, silent, speakers, emotions),
            "without_speech": without_speech,
        }
        write_text(data / "silence.json", json.dumps(summary, indent=1) + "\n")
        write_text(data / "silence.txt", as_text(summary, speakers, emotions))
        write_text(data / "classes", "\n".join([*emotions, "silence"]) + "\n")
        os.replace(data / "labels.scp.tmp", data / "labels.scp")  # last: where it stands, all is written
    except BaseException:
        (data / "labels.scp.tmp").unlink(missing_ok=True)
        raise
    for utterance in without_speech:
        print(f"frame_labels.py: {utterance} has no speech: all its frames are silent", file=sys.stderr)
    print(*read_lines(data / "silence.txt"), sep="\n")


if __name__ == "__main__":
    main()
