"""Make data directories of LibriSpeech's layout, with words for text; called by local/librispeech_data.sh.

Panayotov, Chen, Povey and Khudanpur, "Librispeech: an ASR corpus based on public domain audio books", ICASSP 2015, and
the corpus' own README.TXT: <part>/<reader>/<chapter>/<reader>-<chapter>-<number>.flac, 16 kHz, with the transcripts of
a chapter in <reader>-<chapter>.trans.txt, and SPEAKERS.TXT, "<reader> | <sex> | <part> | <minutes> | <name>" in a line
after comments that begin with ";". A reader is in one part only. mini_librispeech (https://www.openslr.org/31) has the
parts train-clean-5 and dev-clean-2.
"""

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from asr_data import SETS, DataDir, check_silence, check_speakers, keep, prepare_words
from lexicon import is_reserved, read_lexicon
from ser_corpus import MOST_LEFT_OUT, fault_of, names_in_order_of_speakers, report, warn

from asrser_io.files import Failure
from asrser_io.messages import as_script
from asrser_io.text import read_lines, words_of

# Utterances of the parts as they are offered
PUBLISHED = {
    "train-clean-5": 1519, "dev-clean-2": 1089,
    "train-clean-100": 28539, "train-clean-360": 104014, "train-other-500": 148688,
    "dev-clean": 2703, "dev-other": 2864, "test-clean": 2620, "test-other": 2939,
}  # fmt: skip
UTTERANCE = re.compile(r"(\d+)-(\d+)-\d+")


def find_root(corpus: Path) -> Path:
    """The folder that holds the parts: this one, or LibriSpeech in it, as the archives have it."""
    return corpus / "LibriSpeech" if (corpus / "LibriSpeech").is_dir() else corpus


def parts_in(root: Path) -> dict[str, list[str]]:
    """The parts that are there, for train, dev and test, by their names."""
    if not root.is_dir():
        return {subset: [] for subset in SETS}
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    return {subset: [name for name in names if re.fullmatch(rf"{subset}(-.*)?", name.lower())] for subset in SETS}


def choose_parts(root: Path, wanted: Mapping[str, str]) -> dict[str, list[str]]:
    """The parts of train, dev and test: those named, else all that are there.

    wanted: names with commas, empty where nothing is named
    """
    found = parts_in(root)
    parts = {}
    for subset in SETS:
        named = [part.rstrip("/") for part in words_of(wanted[subset].replace(",", " "))]
        if odd := [part for part in named if "/" in part or part in (".", "..")]:
            raise Failure(f"--{subset}-parts: '{odd[0]}' is no part; expected names of folders in {root}")
        if missing := [part for part in named if not (root / part).is_dir()]:
            there = " ".join(part for some in found.values() for part in some) or "none"
            raise Failure(f"{root} has no part {missing[0]}, for --{subset}-parts; those there are: {there}")
        parts[subset] = named or found[subset]
    if not parts["train"] or not (parts["dev"] or parts["test"]):
        raise Failure(
            f"{root} is not LibriSpeech: no parts such as train-clean-5 and dev-clean-2 in it "
            f"(found: {' '.join(part for some in found.values() for part in some) or 'none'})"
        )
    return parts


def files_of_part(folder: Path) -> list[Path]:
    """Recordings and transcripts, also where they should not lie."""
    files = (f for depth in range(1, 5) for f in folder.glob("/".join("*" * depth)) if not f.name.startswith("."))
    return sorted(f for f in files if f.suffix.lower() in (".flac", ".wav") or f.name.lower().endswith(".trans.txt"))


def read_part(folder: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The words and the file of each utterance of a part that has both; the others are named."""
    text: dict[str, list[str]] = {}
    audio: dict[str, str] = {}
    for file in files_of_part(folder):
        if len(file.relative_to(folder).parts) != 3:
            raise Failure(f"{file}: not where LibriSpeech has it, such as 84/121123/{file.name}; move or remove it")
        if file.name.lower().endswith(".trans.txt"):
            for number, line in enumerate(read_lines(file), start=1):
                utterance, *words = words_of(line) or [""]
                if not words:
                    raise Failure(f"{file}, line {number}: expected <utterance> <word> …, found '{line}'")
                if reserved := [word for word in words if is_reserved(word)]:
                    raise Failure(f"{file}, line {number}: '{reserved[0]}' is a name that Kaldi keeps for itself")
                if utterance in text:
                    raise Failure(f"{file}, line {number}: {utterance} has a transcript already: remove one")
                text[utterance] = words
        else:
            match = UTTERANCE.fullmatch(file.stem)
            if match is None or match[1] != file.parent.parent.name or match[2] != file.parent.name:
                raise Failure(f"{file}: no name of LibriSpeech such as 84/121123/84-121123-0000.flac")
            if file.stem in audio:
                raise Failure(f"{file} and {audio[file.stem]}: two recordings of one utterance; remove one")
            audio[file.stem] = str(file)
    faults = [f"{utt}: no recording" for utt in sorted(text.keys() - audio.keys())]
    faults += [f"{utt}: no transcript" for utt in sorted(audio.keys() - text.keys())]
    both = sorted(text.keys() & audio.keys())
    faults += [f"{utt}: {fault}" for utt in both if (fault := fault_of(audio[utt]))]
    report(f"left out of {folder.name}", faults)
    total = len(text.keys() | audio.keys())
    if not total:
        raise Failure(f"{folder}: no utterance in it, such as 84/121123/84-121123-0000.flac with 84-121123.trans.txt")
    if total != (published := PUBLISHED.get(folder.name, total)):
        warn(f"count: {total} utterances of {folder.name} found, {published} expected")
    if len(faults) > MOST_LEFT_OUT * total:
        raise Failure(f"{folder}: {len(faults)} of {total} utterances cannot be used, the first is {faults[0]}")
    bad = {fault.split(":")[0] for fault in faults}
    return {utt: text[utt] for utt in both if utt not in bad}, {utt: audio[utt] for utt in both if utt not in bad}


def read_genders(root: Path) -> dict[str, str]:
    file = next((f for f in sorted(root.glob("*")) if f.name.upper() == "SPEAKERS.TXT"), None)
    if file is None:
        warn(f"no {root}/SPEAKERS.TXT: the sex of the readers is unknown")
        return {}
    genders = {}
    for number, line in enumerate(read_lines(file, strict=False), start=1):
        if line.startswith(";") or not line.strip():
            continue
        reader, sex = [*(field.strip() for field in line.split("|")), "", ""][:2]
        if not reader.isdecimal() or sex.upper() not in ("F", "M"):
            raise Failure(f"{file}, line {number}: expected '<reader> | F or M | …', found '{line}'")
        if genders.setdefault(reader, sex.lower()) != sex.lower():
            raise Failure(f"{file}, line {number}: reader {reader} is {sex} here, but not in a line before: correct it")
    return genders


def split_speakers(data: DataDir) -> tuple[set[str], set[str]]:
    """Two halves of the speakers: every other one in the order of their names, of each sex by itself."""
    speakers = sorted(set(data.speaker_of.values()))
    if len(speakers) < 2:
        raise Failure(
            f"there is one speaker for dev and test, {speakers[0]}: nobody can be in both; name parts "
            "with more speakers by --dev-parts and --test-parts"
        )
    order = sorted(speakers, key=lambda speaker: (data.gender_of.get(speaker, ""), speaker))
    return set(order[::2]), set(order[1::2])


def data_of(root: Path, parts: Sequence[str], genders: Mapping[str, str]) -> DataDir:
    text: dict[str, list[str]] = {}
    audio: dict[str, str] = {}
    for part in parts:
        new_text, new_audio = read_part(root / part)
        if twice := sorted(new_text.keys() & text.keys()):
            raise Failure(f"{root}: {twice[0]} stands in two of {' '.join(parts)}: remove it from one")
        text |= new_text
        audio |= new_audio
    speaker_of = {utt: utt.split("-")[0] for utt in text}
    name_of = names_in_order_of_speakers(speaker_of, root)
    speakers = set(speaker_of.values())
    if genders and (unknown := sorted(speakers - genders.keys())):
        report("reader that SPEAKERS.TXT has not", unknown)
        genders = {}
    return DataDir(
        {name_of[utt]: file for utt, file in audio.items()},
        {},
        {name_of[utt]: words for utt, words in text.items()},
        {name_of[utt]: speaker for utt, speaker in speaker_of.items()},
        {speaker: genders[speaker] for speaker in speakers} if genders else {},
    )


def prepare(args: argparse.Namespace) -> None:
    check_silence(args.silence_phone)
    whole = read_lexicon(args.lexicon)  # before the longer work on the corpus
    root = find_root(args.corpus)
    parts = choose_parts(root, {subset: getattr(args, f"{subset}_parts") for subset in SETS})
    genders = read_genders(root)
    sets = {subset: data_of(root, parts[subset], genders) for subset in SETS if parts[subset]}
    expected = {subset: sum(PUBLISHED.get(part, 0) for part in parts[subset]) for subset in sets}
    for there, missing in (("dev", "test"), ("test", "dev")):
        if missing not in sets or parts[there] == parts[missing]:
            both = sets[there]
            halves = dict(zip((there, missing), split_speakers(both), strict=True))
            for subset, speakers in halves.items():
                sets[subset] = keep(both, {utt for utt, speaker in both.speaker_of.items() if speaker in speakers})
            expected = {"train": expected["train"]}
            print(
                f"no part of its own for {missing}: the {len(set(both.speaker_of.values()))} readers of "
                f"{' '.join(parts[there])} are split between dev and test, every other one of each sex: dev "
                f"{' '.join(sorted(halves['dev'], key=int))}, test {' '.join(sorted(halves['test'], key=int))}"
            )
            break
    sets = {subset: sets[subset] for subset in SETS}
    check_speakers(root, sets)
    names = dict.fromkeys(" ".join(parts[subset]) for subset in SETS if parts[subset])
    name = "LibriSpeech " + " / ".join(names) + (", readers split between dev and test" if len(names) == 2 else "")
    known = {subset: number for subset, number in expected.items() if all(part in PUBLISHED for part in parts[subset])}
    prepare_words(sets, name, args.lexicon, whole, args.out, args.silence_phone, args.max_oov, known)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for subset in SETS:
        parser.add_argument(f"--{subset}-parts", default="")
    parser.add_argument("--lexicon", type=Path, required=True)
    parser.add_argument("--max-oov", type=float, default=0.05)
    parser.add_argument("--silence-phone", default="sil")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    with as_script("local/librispeech_data.sh"):
        prepare(parser.parse_args())


if __name__ == "__main__":
    main()
