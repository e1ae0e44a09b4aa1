#!/usr/bin/env python
"""Refuse a training whose train, dev and test share a speaker or an utterance, and say what each part holds.

Usage: utils/audit_split.py [options] <train-data-dir> <dev-data-dir> [<test-data-dir>]
       utils/audit_split.py --runs <list>
 e.g.: utils/audit_split.py exp/ser/folds/03/train exp/ser/folds/03/dev exp/ser/folds/03/test
Reads utt2spk of each part and, where they are, feats.scp, labels.scp (frames by class), classes (their names),
utt2num_frames, spk2session (who was recorded together) and utt2sentence (who reads which of a few sentences). Counted
are the utterances that can be used, those with features and labels; others are named, and more than 5 % of them are an
error. The exit status is 0 only when, besides, no speaker, no utterance and no recording under two names stands in two
parts; a recording under two names in one part is named. With --runs the same is asked of every run of a list for
asrser_nn grid, of all tasks that learn together in it: none may learn what another is tested on.
"""

import argparse
import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from io import BufferedReader
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asrser_io.files import Failure, described
from asrser_io.messages import as_script
from asrser_io.streams import open_file, seek, split_offset
from asrser_io.tables import read_object, read_table
from asrser_io.text import check_twins, is_count, read_lines, read_list, read_map, some_of

NAMES = ("train", "dev", "test")
MOST_UNUSED = 0.05  # part of the utterances that may lack features or labels
# Bytes of features, no more than their number of frames and the first frame take, by which recordings are told apart;
# only of those that begin alike the rest is read.
BEGINNING = 64
FEW_CLASSES = 12  # that fit into a line each; of more (HMM states) only the smallest and the largest are told


class Part(NamedTuple):
    name: str
    folder: Path
    utt2spk: dict[str, str]
    used: set[str]  # utterances with features and labels
    frames_by_class: np.ndarray | None  # (classes,)
    num_frames: int | None

    @property
    def speakers(self) -> set[str]:
        return set(self.utt2spk.values())


def count_frames(rspecifier: str, utterances: Collection[str]) -> tuple[np.ndarray, set[str]]:
    """Frames by class of a table of label vectors → (classes,), and of these utterances those that it has."""
    counts = np.zeros(0, np.int64)
    found = set()
    for key, labels in read_table(rspecifier, "int_vector"):
        if len(labels) and labels.min() < 0:
            raise Failure(f"{rspecifier}: {key} has label {labels.min()}; classes count from 0")
        if key in utterances:
            of_one = np.bincount(labels, minlength=len(counts))
            of_one[: len(counts)] += counts
            counts = of_one
            found.add(key)
    return counts, found


def report_unused(part: Part) -> None:
    """Name the utterances that lack features or labels, of which there may be a few."""
    if not part.used or part.num_frames == 0:
        raise Failure(f"the {part.name} set is empty: no utterance of {part.folder} has features and a labelled frame")
    if not (unused := [utterance for utterance in part.utt2spk if utterance not in part.used]):
        return
    total = len(part.utt2spk)
    text = f"{part.name}: {len(unused)} of {total} utterances are not used, as they lack features or labels: "
    text += " ".join(unused[:10]) + (f" and {len(unused) - 10} more" if len(unused) > 10 else "")
    if len(unused) > MOST_UNUSED * total:
        raise Failure(f"{text}; no more than {MOST_UNUSED:.0%} may be lost")
    print(text)


def read_part(name: str, folder: Path, labels: str | None) -> Part:
    if not (folder / "utt2spk").is_file():
        raise Failure(f"no such file: {folder}/utt2spk; without it nobody knows who speaks in {name}")
    utt2spk = read_map(folder / "utt2spk", optional=True)
    if not utt2spk:
        raise Failure(f"the {name} set is empty: no utterance in {folder}/utt2spk")
    used = set(utt2spk)
    if (folder / "feats.scp").is_file():
        feats = read_map(folder / "feats.scp").keys()
        if strangers := sorted(feats - utt2spk.keys()):
            raise Failure(
                f"{folder}/feats.scp: {strangers[0]} is not in {folder}/utt2spk, and so are {len(strangers) - 1} more: "
                "nobody knows who speaks there; add them, or remove them from feats.scp"
            )
        used &= feats
    if labels is None and (folder / "labels.scp").is_file():
        labels = f"scp:{folder}/labels.scp"
    if labels is not None:
        by_class, used = count_frames(labels, used)
        return Part(name, folder, utt2spk, used, by_class, int(by_class.sum()))
    lengths = read_map(folder / "utt2num_frames", optional=True)
    for utterance, frames in lengths.items():
        if not is_count(frames):
            raise Failure(f"{folder}/utt2num_frames: {utterance} has '{frames}', expected a number of frames")
    num_frames = sum(int(frames) for utterance, frames in lengths.items() if utterance in used) if lengths else None
    return Part(name, folder, utt2spk, used, None, num_frames)


def refuse_overlap(parts: Sequence[Part]) -> None:
    everybody = {speaker for part in parts for speaker in part.speakers}
    check_twins(everybody, ", ".join(f"{part.folder}/utt2spk" for part in parts), "a speaker")
    for one, other in combinations(parts, 2):
        if one.name == other.name:  # of two tasks
            continue
        for what, of_one, of_other in (
            ("speaker", one.speakers, other.speakers),
            ("utterance", set(one.utt2spk), set(other.utt2spk)),
        ):
            both = sorted(of_one & of_other)
            if both:
                raise Failure(
                    f"{what} {both[0]} stands in {one.name} ({one.folder}) and in {other.name} ({other.folder}), "
                    f"and so do {len(both) - 1} more: what the network has heard can't test it"
                )


def beginnings(places: Sequence[str]) -> list[bytes]:
    """The first bytes that stand at each place of a feats.scp; none for those that have to be read as a whole."""
    found = []
    with ExitStack() as files:
        opened: dict[str, BufferedReader] = {}
        for place in places:
            path, offset = split_offset(place)
            if place.endswith(("|", "]")):
                found.append(b"")
                continue
            if path not in opened:
                if len(opened) == 100:
                    files.close()
                    opened.clear()
                opened[path] = files.enter_context(open_file(path))
            seek(opened[path], path, offset or 0)
            found.append(opened[path].read(BEGINNING))
    return found


def refuse_same_recordings(parts: Sequence[Part]) -> None:
    """No features may be those of two utterances of different parts; in the same part they are named.

    Features that never change, as of digital silence, say nothing about where they come from.
    """
    alike: dict[bytes, list[tuple[Part, str, str]]] = defaultdict(list)
    for part in parts:
        feats_scp = read_map(part.folder / "feats.scp", optional=True)
        places = {utterance: place for utterance, place in feats_scp.items() if utterance in part.used}
        for (utterance, place), beginning in zip(places.items(), beginnings([*places.values()]), strict=True):
            alike[beginning].append((part, utterance, place))
    equal: dict[str, list[tuple[Part, str]]] = defaultdict(list)
    for candidates in alike.values():
        for part, utterance, place in candidates if len(candidates) > 1 else ():
            feats = read_object(place, "matrix")
            if (feats != feats[:1]).any():
                equal[hashlib.sha256(feats.tobytes()).hexdigest()].append((part, utterance))
    pairs = [(one, other) for found in equal.values() for one, other in zip(found[:-1], found[1:], strict=True)]
    if across := [(one, other) for one, other in pairs if one[0].name != other[0].name]:
        (part, utterance), (other_part, other_utterance) = across[0]
        others = f", and so are {len(across) - 1} more pairs" if len(across) > 1 else ""
        raise Failure(
            f"{utterance} in {part.name} ({part.folder}) and {other_utterance} in {other_part.name} "
            f"({other_part.folder}) are the same recording{others}: what the network has heard can't test it; "
            "remove one of them"
        )
    for part in parts:
        if within := [f"{one} and {other}" for (of, one), (to, other) in pairs if of is part and to is part]:
            print(f"{part.name}: {len(within)} pairs of utterances are the same recording: {some_of(within, 10)}")


def check_classes(parts: Sequence[Part], classes: Sequence[str]) -> None:
    """Every class must be there to be learned; where dev or test lack one, that is said."""
    for part in parts:
        if part.frames_by_class is None:
            continue
        counts = np.pad(part.frames_by_class, (0, max(0, len(classes) - len(part.frames_by_class))))
        missing = [name for name, count in zip(classes, counts, strict=False) if count == 0]
        if missing and part.name == "train":
            raise Failure(f"no frame of {', '.join(missing)} in {part.folder}: the network can't learn it")
        if missing:
            print(f"{part.name} has no frame of {', '.join(missing)}: its recall can't be measured there")


def describe(part: Part, classes: Sequence[str]) -> str:
    frames = "unknown" if part.num_frames is None else part.num_frames
    speakers = {part.utt2spk[utterance] for utterance in part.used}
    text = f"{part.name:<6}{len(speakers):>5} speakers{len(part.used):>7} utterances{frames:>9} frames"
    counts = part.frames_by_class
    if counts is None:
        return text
    if max(len(counts), len(classes)) > FEW_CLASSES:
        return f"{text} in {np.count_nonzero(counts)} classes of {counts[counts > 0].min()} to {counts.max()}"
    names = [*classes, *(f"class {i}" for i in range(len(classes), len(counts)))]
    return f"{text}: " + ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=False))


def partners_in_training(train: Part, test: Part) -> list[tuple[str, str]]:
    """Test speakers with those of the training set who were recorded in the same session, as IEMOCAP's pairs are."""
    train_sessions, test_sessions = (read_map(part.folder / "spk2session", optional=True) for part in (train, test))
    return [
        (heard, partner)
        for heard, session in sorted(test_sessions.items())
        for partner, other in sorted(train_sessions.items())
        if session == other
    ]


def sentences_in_training(train: Part, test: Part) -> str:
    """How many of the sentences of the test the network has heard, from other speakers; "" where nobody knows them."""
    train_sentences, test_sentences = (
        {s for utt, s in read_map(part.folder / "utt2sentence", optional=True).items() if utt in part.used}
        for part in (train, test)
    )
    if not (train_sentences and test_sentences):
        return ""
    heard = len(test_sentences & train_sentences)
    if not heard:
        return f"none of the {len(test_sentences)} sentences of test is in training"
    return (
        f"{heard} of the {len(test_sentences)} sentences of test are in training, read by others; "
        "--leave-out sentence is the stricter choice"
    )


def audit(folders: Sequence[Path], labels: Sequence[str]) -> None:
    if labels and len(labels) != len(folders):
        raise Failure(f"--labels was given {len(labels)} times for {len(folders)} parts; give it for each, or for none")
    sources: Sequence[str | None] = labels or [None] * len(folders)
    parts = [read_part(*of_part) for of_part in zip(NAMES, folders, sources, strict=False)]
    refuse_overlap(parts)
    refuse_same_recordings(parts)
    for part in parts:
        report_unused(part)
    classes_file = parts[0].folder / "classes"
    classes = read_list(classes_file, optional=True)
    for part in parts:
        print(describe(part, classes))
    check_classes(parts, classes)
    print("no speaker and no utterance stands in two parts")
    for heard, partner in partners_in_training(parts[0], parts[-1]) if len(parts) == 3 else []:
        print(
            f"{partner}, the dialogue partner of test speaker {heard}, is in training, as in the paper; "
            "--leave-out session is the stricter choice"
        )
    if len(parts) == 3 and (said := sentences_in_training(parts[0], parts[-1])):
        print(said)


def audit_runs(path: Path) -> None:
    """The parts of all tasks of each run."""
    runs: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for number, line in enumerate(read_lines(path, may_be_pipe=True), 1):
        try:
            run = json.loads(line)
            folders: list[str] = []
            for task in run.get("parts", [run]):
                training, evaluations = task["training"], task["evaluations"]
                folders += [training["train_feats"], training["dev_feats"], evaluations[-1]["feats"]]
            runs[tuple(folders)].append(run["directory"])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Failure(
                f"{path}, line {number}: expected a run whose last evaluation is its test, as local/list_runs.py "
                f"writes it, found {line!r:.60} ({described(error)})"
            ) from error
    if not runs:
        raise Failure(f"{path}: there is no run in it")
    read: dict[tuple[str, str], Part] = {}
    for folders_of_run, directories in runs.items():
        parts = []
        for name, folder in zip(NAMES * (len(folders_of_run) // 3), folders_of_run, strict=True):
            if (name, folder) not in read:
                read[name, folder] = read_part(name, Path(folder), None)
            parts.append(read[name, folder])
        refuse_overlap(parts)
        refuse_same_recordings(parts)
        print(some_of(directories, 1))
        for part in parts:
            print(f"  {describe(part, ())} in {part.folder}")
    print("in no run a speaker or an utterance stands in two parts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--labels", action="append", default=[], help="rspecifier of label vectors; once for each part, in their order"
    )
    parser.add_argument("--runs", type=Path, help="a list for asrser_nn grid, each of whose runs ends with its test")
    parser.add_argument("folders", nargs="*", type=Path, metavar="<data-dir>")
    args = parser.parse_args()
    if args.runs and not args.folders:
        with as_script("audit_split.py"):
            audit_runs(args.runs)
        return
    if args.runs or not 2 <= len(args.folders) <= 3:
        parser.error("expected <train-data-dir> <dev-data-dir> [<test-data-dir>]")
    with as_script("audit_split.py"):
        audit(args.folders, args.labels)


if __name__ == "__main__":
    main()
