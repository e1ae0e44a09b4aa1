#!/usr/bin/env python
"""Split a SER data directory into folds: each leaves one speaker out for the test, the same speakers are always dev.

Usage: local/make_folds.py [options] <data-dir> <folds-dir>
 e.g.: local/make_folds.py data_fbank/ser exp/ser/folds
Reads <data-dir>/{feats.scp,labels.scp,classes,utt2spk,utt2emotion,dev_speakers} and, where they are, spk2gender and
spk2session; writes <folds-dir>/<fold>/{train,dev,test}, data directories, and <folds-dir>/list, the names of the folds.
A fold is called after the speaker (or session) that it leaves out. With --dry-run, which needs utt2spk and dev_speakers
only, the names of the folds are printed and nothing is written.
"""

import argparse
import filecmp
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from asrser_io.files import Failure, fault_of_name, write_text
from asrser_io.messages import as_script
from asrser_io.text import read_list, read_map, words_of

BY_UTTERANCE = ("feats.scp", "labels.scp", "utt2spk", "utt2emotion", "utt2original", "utt2sentence")
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


def write_part(data: Path, speakers: Collection[str], out: Path) -> None:
    """Write the lines of these speakers and their utterances as a data directory."""
    out.mkdir(parents=True)
    utt2spk = {utt: spk for utt, spk in read_map(data / "utt2spk", optional=True).items() if spk in speakers}
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


def read_groups(data: Path, leave_out: str, speakers: Collection[str]) -> dict[str, str]:
    """Under which name each speaker is left out: the own, or that of the session."""
    file = data / "utt2spk"
    group_of = {speaker: speaker for speaker in speakers}
    if leave_out == "session":
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


def run(args: argparse.Namespace) -> None:
    data, out = args.data, args.out
    for name in ["utt2spk"] if args.dry_run else ["utt2spk", "utt2emotion", "feats.scp", "labels.scp", "classes"]:
        if not (data / name).is_file():
            raise Failure(f"no such file: {data / name}")
    speakers = sorted(set(read_map(data / "utt2spk").values()))
    if len(speakers) < 3:
        raise Failure(f"{data} has {len(speakers)} speakers; at least 3 are needed, for train, dev and test")
    dev_speakers = read_dev_speakers(data, args.dev_speakers, speakers)
    folds = make_folds(speakers, dev_speakers, read_groups(data, args.leave_out, speakers))
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
    write_text(out / "list", "".join(f"{fold}\n" for fold in wanted))
    print(f"{len(wanted)} of {len(folds)} folds in {out}: {' '.join(wanted)} left out; dev is {' '.join(dev_speakers)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--leave-out", choices=("speaker", "session"), default="speaker", help="at a time, for the test"
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
