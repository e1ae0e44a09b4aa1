#!/usr/bin/env python
"""Split a SER data directory into folds: each leaves one speaker out for the test, the same speakers are always dev.

Usage: local/make_folds.py [options] <data-dir> <folds-dir>
 e.g.: local/make_folds.py data_fbank/ser exp/ser/folds
Reads <data-dir>/{feats.scp,labels.scp,classes,utt2spk,utt2emotion} and, where they are, dev_speakers, spk2gender and
spk2session; writes <folds-dir>/<fold>/{train,dev,test}, data directories, and <folds-dir>/list, the names of the folds.
A fold is called after the speaker (or session) that it leaves out.
"""

import argparse
import filecmp
import os
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from asrser_io.files import Failure, read_map

BY_UTTERANCE = ("feats.scp", "labels.scp", "utt2spk", "utt2emotion", "utt2original")
BY_SPEAKER = ("spk2gender", "spk2session")
PARTS = ("train", "dev", "test")


def choose_dev_speakers(speakers: Sequence[str], gender_of: Mapping[str, str]) -> list[str]:
    """For a corpus without a protocol of its own: the last woman and the last man, else the last two; of three, one."""
    if len(speakers) == 3:
        return [speakers[-1]]
    last_of = {gender_of[speaker]: speaker for speaker in speakers if speaker in gender_of}
    return sorted(last_of.values()) if len(last_of) == 2 else list(speakers[-2:])


def make_folds(
    speakers: Collection[str], dev_speakers: Sequence[str], session_of: Mapping[str, str] | None
) -> dict[str, dict[str, list[str]]]:
    """The speakers of train, dev and test of every fold, by the fold's name.

    session_of: leave out the speakers of one session together, instead of one speaker
    """
    strangers = [speaker for speaker in dev_speakers if speaker not in speakers]
    if strangers:
        raise Failure(f"dev speaker {strangers[0]} has no utterance; the speakers are {' '.join(sorted(speakers))}")
    if not dev_speakers:
        raise Failure("the dev set is empty: it decides when training stops; name its speakers with --dev-speakers")
    others = sorted(set(speakers) - set(dev_speakers))
    group_of = {speaker: session_of[speaker] if session_of else speaker for speaker in others}
    folds = {}
    for group in sorted(set(group_of.values())):
        folds[group] = {
            "train": [speaker for speaker in others if group_of[speaker] != group],
            "dev": sorted(dev_speakers),
            "test": [speaker for speaker in others if group_of[speaker] == group],
        }
        if not folds[group]["train"]:
            raise Failure(f"nobody is left to train on: {len(speakers)} speakers, {' '.join(dev_speakers)} are dev")
    return folds


def write_part(data: Path, speakers: Collection[str], out: Path) -> None:
    """Write the lines of these speakers and their utterances as a data directory."""
    out.mkdir(parents=True)
    utt2spk = {utt: spk for utt, spk in read_map(data / "utt2spk", optional=True).items() if spk in speakers}
    for names, keys in ((BY_UTTERANCE, utt2spk), (BY_SPEAKER, speakers)):
        for name in names:
            if (data / name).is_file():
                lines = (data / name).read_text().splitlines(keepends=True)
                (out / name).write_text("".join(line for line in lines if line.split(maxsplit=1)[0] in keys))
    spk2utt: dict[str, list[str]] = {}
    for utt, spk in utt2spk.items():
        spk2utt.setdefault(spk, []).append(utt)
    (out / "spk2utt").write_text("".join(f"{spk} {' '.join(utts)}\n" for spk, utts in sorted(spk2utt.items())))
    shutil.copy(data / "classes", out / "classes")


def is_same(new: Path, old: Path) -> bool:
    """True when every file of the new fold stands in the old one with the same contents."""
    pairs = [(file, old / file.relative_to(new)) for file in new.rglob("*") if file.is_file()]
    return all(before.is_file() and filecmp.cmp(file, before, shallow=False) for file, before in pairs)


def run(args: argparse.Namespace) -> None:
    data, out = args.data, args.out
    for name in ("feats.scp", "labels.scp", "classes", "utt2spk", "utt2emotion"):
        if not (data / name).is_file():
            raise Failure(f"no such file: {data / name}")
    speakers = sorted(set(read_map(data / "utt2spk", optional=True).values()))
    if len(speakers) < 3:
        raise Failure(f"{data} has {len(speakers)} speakers; at least 3 are needed, for train, dev and test")
    session_of = None
    if args.leave_out == "session":
        session_of = read_map(data / "spk2session", optional=True)
        if not session_of:
            raise Failure(f"--leave-out session: no {data}/spk2session says who was recorded together")
    if args.dev_speakers:
        dev_speakers = args.dev_speakers.replace(",", " ").split()
    elif (data / "dev_speakers").is_file():
        dev_speakers = (data / "dev_speakers").read_text().split()
    else:
        dev_speakers = choose_dev_speakers(speakers, read_map(data / "spk2gender", optional=True))
    folds = make_folds(speakers, dev_speakers, session_of)
    wanted = list(folds)[: args.folds or None]
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
    (out / "list.tmp").write_text("".join(f"{fold}\n" for fold in wanted))
    os.replace(out / "list.tmp", out / "list")
    print(f"{len(wanted)} of {len(folds)} folds in {out}: {' '.join(wanted)} left out; dev is {' '.join(dev_speakers)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--leave-out", choices=("speaker", "session"), default="speaker", help="at a time, for the test"
    )
    parser.add_argument("--dev-speakers", default="", help="for early stopping, never for training [the corpus' own]")
    parser.add_argument("--folds", type=int, default=0, help="only the first so many [all]")
    parser.add_argument("data", type=Path, metavar="<data-dir>")
    parser.add_argument("out", type=Path, metavar="<folds-dir>")
    try:
        run(parser.parse_args())
    except (Failure, OSError) as failure:
        print(f"make_folds.py: {failure}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
