#!/usr/bin/env python
"""Split a data directory into folds: each leaves some speakers out for the test, the same speakers are always dev.

Usage: local/make_folds.py [options] <data-dir> <folds-dir>
 e.g.: local/make_folds.py data_fbank/ser exp/ser/folds
Reads <data-dir>/{feats.scp,labels.scp,classes,utt2spk,dev_speakers} and, where they are, utt2emotion or utt2class,
spk2gender, spk2session and utt2sentence; writes <folds-dir>/<fold>/{train,dev,test}, data directories, and
<folds-dir>/list, the names of the folds. With --dry-run the names of the folds are printed and nothing is written;
feats.scp, labels.scp and classes are not needed then. Where there is a file test_speakers, the data have a test set of
their own: the one fold, called split, leaves out these speakers, whatever the options say.

--leave-out says what is left out at a time:
  speaker         one speaker, after whom the fold is called; as in the paper
  session         those of one session, recorded together
  a number        a group of at most so many speakers, drawn at random (--draw), as equal in size and sex as can be; who
                  is in which stands in <folds-dir>/groups
  ...,sentence    besides, half of the sentences, drawn as well: two folds, a and b, for each of the above. The other
                  speakers train on what the test does not say, the dev speakers say what it says; the rest of the
                  utterances are in no part. Which sentence is in which half stands in <folds-dir>/sentences. "sentence"
                  alone means speaker,sentence.
"""

import argparse
import filecmp
import random
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from asrser_io.files import Failure, fault_of_name, write_text
from asrser_io.messages import as_script
from asrser_io.text import read_list, read_map, words_of

BY_UTTERANCE = ("feats.scp", "labels.scp", "utt2spk", "utt2emotion", "utt2class", "utt2original", "utt2sentence")
BY_SPEAKER = ("spk2gender", "spk2session")
PARTS = ("train", "dev", "test")


def make_folds(
    speakers: Collection[str], dev_speakers: Collection[str], group_of: Mapping[str, str]
) -> dict[str, dict[str, list[str]]]:
    """The speakers of train, dev and test of every fold, by the fold's name.

    group_of: whom each speaker is left out with, under which name; by speaker, everyone alone under the own name
    """
    others = sorted(set(speakers) - set(dev_speakers))
    folds = {}
    for group in sorted({group_of[speaker] for speaker in others}):
        folds[group] = {
            "train": [speaker for speaker in others if group_of[speaker] != group],
            "dev": sorted(dev_speakers),
            "test": [speaker for speaker in others if group_of[speaker] == group],
        }
    if len(folds) < 2:
        raise Failure(
            f"nobody is left to train on: of {len(speakers)} speakers, {' '.join(sorted(dev_speakers))} are dev and "
            f"{' '.join(others) or 'none'} are left out for the test at a time"
        )
    return folds


class LeaveOut(NamedTuple):
    """What --leave-out says."""

    what: str  # speaker, session or group
    size: int  # speakers of a group at most
    sentences: bool  # cross the speakers with halves of the sentences

    @classmethod
    def parse(cls, text: str) -> "LeaveOut":
        what, comma, crossed = text.partition(",")
        if what == "sentence" and not comma:
            what, crossed = "speaker", "sentence"
        size = int(what) if what.isascii() and what.isdecimal() and len(what) < 7 else 0
        if (crossed != "sentence" and (comma or crossed)) or not (size or what in ("speaker", "session")):
            raise Failure(
                f"--leave-out is speaker, session or a number of speakers (of 1 or more), each of them also with "
                f"',sentence' behind it, or sentence; not '{text}'"
            )
        return cls("group" if size else what, size, bool(crossed))


def draw_groups(speakers: Collection[str], gender_of: Mapping[str, str], size: int, draw: int) -> dict[str, str]:
    """The group of each speaker: as few as can be, and equal in size and in the number of women, give or take one.

    Speakers are dealt out like cards, all those of one sex after each other.
    """
    number = -(-len(speakers) // size)
    order: list[str] = []
    for gender in sorted({gender_of.get(speaker, "") for speaker in speakers}):
        some = sorted(speaker for speaker in speakers if gender_of.get(speaker, "") == gender)
        random.Random(f"{draw} {gender}").shuffle(some)
        order += some
    width = len(str(number))
    return {speaker: f"group{i % number + 1:0{width}}" for i, speaker in enumerate(order)}


def draw_halves(sentences: Collection[str], draw: int) -> dict[str, str]:
    """a or b for each sentence."""
    order = sorted(sentences)
    random.Random(f"{draw} sentences").shuffle(order)
    return {sentence: "ab"[i % 2] for i, sentence in enumerate(order)}


def utterances_of(speakers: Collection[str], utt2spk: Mapping[str, str], sentences: Mapping[str, str]) -> list[str]:
    """The utterances of these speakers; where sentences are chosen, those in which they are read.

    sentences: the sentence of each utterance that may be taken; empty: all may
    """
    return [utt for utt, spk in utt2spk.items() if spk in speakers and (not sentences or utt in sentences)]


def cross(
    folds: Mapping[str, Mapping[str, Sequence[str]]],
    utt2spk: Mapping[str, str],
    utt2sentence: Mapping[str, str],
    half_of: Mapping[str, str],
) -> dict[str, dict[str, list[str]]]:
    """The utterances of train, dev and test of every fold: without half_of all of the speakers', else by halves."""
    if not half_of:
        return {
            fold: {part: utterances_of(of_part, utt2spk, {}) for part, of_part in parts.items()}
            for fold, parts in folds.items()
        }
    in_half = {
        half: {utt: sentence for utt, sentence in utt2sentence.items() if half_of[sentence] == half} for half in "ab"
    }
    return {
        f"{fold}_{half}": {
            part: utterances_of(of_part, utt2spk, in_half[other if part == "train" else half])
            for part, of_part in parts.items()
        }
        for fold, parts in folds.items()
        for half, other in ("ab", "ba")
    }


def write_part(data: Path, utterances: Collection[str], out: Path) -> None:
    """Write the lines of these utterances and their speakers as a data directory."""
    out.mkdir(parents=True)
    chosen = set(utterances)
    utt2spk = {utt: spk for utt, spk in read_map(data / "utt2spk", optional=True).items() if utt in chosen}
    speakers = set(utt2spk.values())
    for names, keys in ((BY_UTTERANCE, utt2spk), (BY_SPEAKER, speakers)):
        for name in names:
            if (data / name).is_file():
                pairs = read_map(data / name).items()
                write_text(out / name, "".join(f"{key} {value}\n" for key, value in pairs if key in keys))
    spk2utt: dict[str, list[str]] = {}
    for utt, spk in utt2spk.items():
        spk2utt.setdefault(spk, []).append(utt)
    write_text(out / "spk2utt", "".join(f"{spk} {' '.join(utts)}\n" for spk, utts in sorted(spk2utt.items())))
    shutil.copy(data / "classes", out / "classes")


def is_same(new: Path, old: Path) -> bool:
    """True when every file of the new fold stands in the old one with the same contents."""
    pairs = [(file, old / file.relative_to(new)) for file in new.rglob("*") if file.is_file()]
    return all(before.is_file() and filecmp.cmp(file, before, shallow=False) for file, before in pairs)


def read_dev_speakers(data: Path, given: str, speakers: Collection[str]) -> list[str]:
    """The speakers for early stopping: those given, else those of the file in the data directory."""
    source = "--dev-speakers"
    if not given:
        source = str(data / "dev_speakers")
        if not (data / "dev_speakers").is_file():
            raise Failure(f"no {source} says who decides when training stops: name the speakers with --dev-speakers")
    dev_speakers = sorted(set(words_of(given.replace(",", " "))) if given else read_list(data / "dev_speakers"))
    if not dev_speakers:
        raise Failure(f"{source} names nobody: the dev set decides when training stops")
    if strangers := [speaker for speaker in dev_speakers if speaker not in speakers]:
        raise Failure(
            f"{source} names {strangers[0]}, who has no utterance in {data}/utt2spk; "
            f"the speakers are {' '.join(sorted(speakers))}"
        )
    return dev_speakers


def fixed_split(data: Path, dev_speakers: Sequence[str], speakers: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """The one fold of data with a test set of their own, as make_folds gives it."""
    test_speakers = read_list(data / "test_speakers")
    for speaker in test_speakers:
        if speaker not in speakers or speaker in dev_speakers:
            fault = "stands in dev_speakers, too" if speaker in dev_speakers else "has no utterance in utt2spk"
            raise Failure(f"{data}/test_speakers names {speaker}, who {fault}")
    train = [speaker for speaker in speakers if speaker not in {*dev_speakers, *test_speakers}]
    if not train or not test_speakers:
        raise Failure(f"{data}/test_speakers leaves nobody to {'train on' if test_speakers else 'test'}")
    return {"split": {"train": train, "dev": list(dev_speakers), "test": sorted(test_speakers)}}


def read_groups(data: Path, leave_out: LeaveOut, speakers: Collection[str], draw: int) -> dict[str, str]:
    """Under which name each speaker is left out: the own, or that of the session or group."""
    file = data / "utt2spk"
    group_of = {speaker: speaker for speaker in speakers}
    if leave_out.what == "group":
        return draw_groups(speakers, read_map(data / "spk2gender", optional=True), leave_out.size, draw)
    if leave_out.what == "session":
        file = data / "spk2session"
        if not file.is_file():
            raise Failure(f"--leave-out session: no {file} says who was recorded together")
        group_of = read_map(file)
    for speaker in sorted(speakers):
        if speaker not in group_of:
            raise Failure(f"{file} lacks {speaker}, who speaks in {data}/utt2spk")
        if fault := fault_of_name(group_of[speaker]):
            raise Failure(f"{file}: '{group_of[speaker]}' {fault}: a fold is called after it")
    return group_of


def read_sentences(data: Path, utterances: Collection[str]) -> dict[str, str]:
    file = data / "utt2sentence"
    if not file.is_file():
        raise Failure(f"--leave-out with sentence: no {file} says who reads which sentence")
    utt2sentence = read_map(file)
    if missing := sorted(utterance for utterance in utterances if utterance not in utt2sentence):
        raise Failure(f"{file} lacks {missing[0]}, which stands in {data}/utt2spk")
    if len({utt2sentence[utterance] for utterance in utterances}) < 2:
        raise Failure(f"--leave-out with sentence: everyone in {file} reads the same sentence; at least 2 are needed")
    return {utterance: utt2sentence[utterance] for utterance in utterances}


def run(args: argparse.Namespace) -> None:
    data, out, leave_out = args.data, args.out, LeaveOut.parse(args.leave_out)
    for name in ["utt2spk"] if args.dry_run else ["utt2spk", "feats.scp", "labels.scp", "classes"]:
        if not (data / name).is_file():
            raise Failure(f"no such file: {data / name}")
    utt2spk = read_map(data / "utt2spk")
    speakers = sorted(set(utt2spk.values()))
    if len(speakers) < 3:
        raise Failure(f"{data} has {len(speakers)} speakers; at least 3 are needed, for train, dev and test")
    for order, table in (("emotions", "utt2emotion"), ("utterance_classes", "utt2class")):
        spoken = set(read_map(data / table, optional=True).values())
        if missing := [name for name in read_list(data / order, optional=True) if name not in spoken]:
            raise Failure(
                f"{data} has no utterance of {', '.join(missing)}, as {data / order} says: nobody can learn "
                f"{'it' if len(missing) == 1 else 'them'}; ask for fewer, or bring the rest of the corpus"
            )
    if is_fixed := (data / "test_speakers").is_file():
        leave_out, args.folds, args.dev_speakers = LeaveOut.parse("speaker"), 0, ""
    dev_speakers = read_dev_speakers(data, args.dev_speakers, speakers)
    others = sorted(set(speakers) - set(dev_speakers))
    if leave_out.size >= len(others) > 1:
        raise Failure(
            f"--leave-out {args.leave_out}: only {len(others)} speakers are not dev: nobody is left to train on"
        )
    # Dev speakers are dealt into no group.
    group_of = read_groups(data, leave_out, others if leave_out.size else speakers, args.draw)
    utt2sentence = read_sentences(data, utt2spk) if leave_out.sentences else {}
    half_of = draw_halves(set(utt2sentence.values()), args.draw)
    by_speaker = fixed_split(data, dev_speakers, speakers) if is_fixed else make_folds(speakers, dev_speakers, group_of)
    folds = cross(by_speaker, utt2spk, utt2sentence, half_of)
    for fold, parts in folds.items():
        if empty := [part for part, utterances in parts.items() if not utterances]:
            raise Failure(
                f"--leave-out {args.leave_out}: fold {fold} has no utterance for {empty[0]}; leave out others"
            )
    if not 0 <= args.folds <= len(folds):
        raise Failure(f"--folds {args.folds}: there are {len(folds)} folds, {' '.join(folds)}; 0 means all")
    wanted = list(folds)[: args.folds or None]
    if args.dry_run:
        print("\n".join(wanted))
        return
    out.mkdir(parents=True, exist_ok=True)
    for fold in wanted:
        building = out / f"{fold}.tmp"
        shutil.rmtree(building, ignore_errors=True)
        for part in PARTS:
            write_part(data, folds[fold][part], building / part)
        if not (out / fold).exists():
            building.rename(out / fold)
            continue
        same = is_same(building, out / fold)
        shutil.rmtree(building)
        if not same:
            raise Failure(
                f"{out / fold} was made of other data or with other options: remove {out.parent}, and with it "
                "what was trained on those folds, or work in another --dir"
            )
    for name, drawn in (("groups", group_of if leave_out.size else {}), ("sentences", half_of)):
        if drawn:
            write_text(out / name, "".join(f"{key} {value}\n" for key, value in sorted(drawn.items())))
    write_text(out / "list", "".join(f"{fold}\n" for fold in wanted))
    print(f"{len(wanted)} of {len(folds)} folds in {out}: {' '.join(wanted)} left out; dev is {' '.join(dev_speakers)}")
    if leave_out.size:
        sizes = [sum(of == group for of in group_of.values()) for group in sorted(set(group_of.values()))]
        print(f"groups of {min(sizes)} to {max(sizes)} speakers, drawn with --draw {args.draw}, stand in {out}/groups")
    if half_of:
        used = sum(len(utterances) for utterances in folds[wanted[0]].values())
        print(
            f"half of {len(half_of)} sentences each, drawn with --draw {args.draw}, stand in {out}/sentences; fold "
            f"{wanted[0]} has {used} of {len(utt2spk)} utterances, as those that share a sentence with test or train "
            "are in no part"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leave-out", default="speaker", help="at a time, for the test; see above [%(default)s]")
    parser.add_argument(
        "--draw", type=int, default=1, help="another number draws other groups and halves [%(default)s]"
    )
    parser.add_argument("--dev-speakers", default="", help="for early stopping, never for training [the corpus' own]")
    parser.add_argument("--folds", type=int, default=0, help="only the first so many [all]")
    parser.add_argument("--dry-run", action="store_true", help="only see whether there can be such folds")
    parser.add_argument("data", type=Path, metavar="<data-dir>")
    parser.add_argument("out", type=Path, metavar="<folds-dir>")
    with as_script("make_folds.py"):
        run(parser.parse_args())


if __name__ == "__main__":
    main()
