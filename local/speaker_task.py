"""What tasks about speakers share: every utterance has its speaker's class, as a table of the corpus says it."""

import argparse
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from out_dir import built_beside, check_place

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.text import read_map

COPIED = ("wav.scp", "segments", "utt2spk", "spk2utt", "spk2gender", "spk2session", "utt2original", "utt2sentence")
PARTS = ("train", "dev", "test")


def run(purpose: str | None, table: str, names: Mapping[str, str]) -> None:
    """The command line of such a task.

    table: what says the class of each speaker; names: of its values, in the order of the class ids
    """
    parser = argparse.ArgumentParser(description=purpose, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, metavar="prepared-data")
    parser.add_argument("out", type=Path, metavar="data-dir")
    given = parser.parse_args()
    with as_script(f"local/{given.out.name.partition('-')[0]}_task.py"):
        prepare(given.corpus, given.out, table, names)


def prepare(corpus: Path, out: Path, table: str, names: Mapping[str, str]) -> None:
    """Write out anew. corpus: a data directory with dev_speakers, or a folder of train, dev and test"""
    parts = [corpus / part for part in PARTS] if (corpus / "train").is_dir() else [corpus]
    tables = {name: merged(parts, name) for name in COPIED}
    class_of = merged(parts, table)
    speakers = sorted(set(tables["utt2spk"].values()))
    if unknown := [speaker for speaker in speakers if class_of.get(speaker) not in names]:
        said = f"says '{class_of[unknown[0]]}' of" if unknown[0] in class_of else "does not have"
        raise Failure(
            f"{parts[0]}/{table} {said} {unknown[0]}{f' and {len(unknown) - 1} more' if len(unknown) > 1 else ''} of "
            f"{len(speakers)} speakers; expected one of {', '.join(names)} for each"
        )
    tables["utt2class"] = {utt: names[class_of[speaker]] for utt, speaker in tables["utt2spk"].items()}
    check_place(out, parts)
    if out.exists() and not (out / "utterance_classes").is_file():
        raise Failure(f"{out} exists and is no data directory of a task of speakers: remove it, or name another")
    with built_beside(out) as building:
        for name, lines in tables.items():
            if lines:
                write_text(building / name, "".join(f"{key} {value}\n" for key, value in sorted(lines.items())))
        write_text(building / "utterance_classes", "".join(f"{name}\n" for name in names.values()))
        if len(parts) == 1:
            shutil.copy(corpus / "dev_speakers", building)
        for part in parts[1:]:
            held_out = sorted(set(read_map(part / "utt2spk").values()))
            write_text(building / f"{part.name}_speakers", "".join(f"{speaker}\n" for speaker in held_out))
        shutil.copy(corpus / "corpus", building)
    counts = Counter(names[class_of[speaker]] for speaker in speakers)
    of_each = ", ".join(f"{count} {name}" for name, count in counts.items())
    print(f"{out}: {len(tables['utt2class'])} utterances of {len(speakers)} speakers: {of_each}")


def merged(parts: list[Path], name: str) -> dict[str, str]:
    """A table of all parts; empty where none has it."""
    return {key: value for part in parts for key, value in read_map(part / name, optional=True).items()}
