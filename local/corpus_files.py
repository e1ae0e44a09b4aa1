"""The files of a corpus that the recipe reads, and whether they are still those that it was prepared from.

Usage: local/corpus_files.py [--write|--changes] [--{train,dev,test}-parts PARTS] <corpus> <corpus-dir> <list>
<corpus> is timit, librispeech (which has parts), iemocap, emodb or its like, asr-data or ser-data. Prints how many
files there are and a checksum of their names and contents. <list> has a line for each, "<checksum of the contents>
<bytes> <time of change> <name>"; a file of the size and time that stand there is not read again. --write writes the
list. --changes prints how the files differ.
"""

import argparse
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import acted_corpus
import iemocap_data
from librispeech_data import SETS, choose_parts, files_of_part, find_root
from ser_corpus import files_of_recordings
from timit_data import find_ldc_root

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.text import read_lines, read_map

CHANNELS = "reco2file_and_channel"
TABLES = {
    "asr-data": [f"{part}/{name}" for part in ("train", "dev", "test") for name in ("wav.scp", "segments", CHANNELS)]
    + [f"{part}/{name}" for part in ("train", "dev", "test") for name in ("text", "utt2spk", "spk2gender")]
    + ["corpus"],
    "ser-data": ["wav.scp", "segments", CHANNELS, "utt2spk", "utt2emotion", "utt2sentence", "spk2gender", "spk2session"]
    + ["emotions", "dev_speakers", "corpus"],
    "task-data": ["wav.scp", "segments", CHANNELS, "utt2spk", "utt2class", "labels.scp", "utt2sentence", "spk2gender"]
    + ["spk2session", "classes", "dev_speakers", "test_speakers", "corpus", "task.json"],
}


class Entry(NamedTuple):
    checksum: str
    size: int
    changed: int  # nanoseconds


def archives_of(script: Path) -> set[Path]:
    """The files in which the objects of a script file stand, "<key> <file>:<offset>"."""
    return {Path(re.sub(":[0-9]+$", "", place)) for place in read_map(script).values()}


def files_of(kind: str, corpus: Path, parts: Mapping[str, str]) -> Iterator[Path]:
    """What the preparation of this corpus reads, and what the features are made from. parts: of LibriSpeech, by set"""

    def below(root: Path, pattern: str, *suffixes: str) -> Iterator[Path]:
        """Without the shadows that macOS leaves beside files, ._*"""
        yield from (f for f in root.glob(pattern) if f.suffix.lower() in suffixes and not f.name.startswith("."))

    if kind == "timit":
        root = find_ldc_root(corpus) or corpus
        yield from below(root, "**/*", ".wav", ".phn")
        yield from (root / name for name in ("README.demo", "dev_spk.list", "test_spk.list") if (root / name).exists())
    elif kind == "iemocap":
        root = iemocap_data.root_of(corpus)
        yield from root.glob("README.demo")
        for session in iemocap_data.sessions_in(root):
            yield from iemocap_data.label_files(session).values()
            yield from iemocap_data.audio_files(session).values()
    elif kind == "librispeech":
        root = find_root(corpus)
        yield from (f for f in root.glob("*") if f.name.upper() == "SPEAKERS.TXT")
        for part in {part for some in choose_parts(root, parts).values() for part in some}:
            yield from files_of_part(root / part)
    elif kind in acted_corpus.NAMES:
        yield from import_module(f"{kind}_data").CORPUS.files(corpus)
    else:
        for table in (corpus / name for name in TABLES[kind]):
            if table.exists():
                yield table
                if table.name == "wav.scp":
                    yield from files_of_recordings(read_map(table).values())
                elif table.name == "labels.scp":
                    yield from archives_of(table)


def read_list(file: Path) -> dict[str, Entry]:
    entries = {}
    if file.is_file():
        for number, line in enumerate(read_lines(file, strict=False), 1):
            if not (match := re.fullmatch("([0-9a-f]+|missing) ([0-9]+) ([0-9]+) (.+)", line)):
                raise Failure(
                    f"{file}, line {number}: expected <checksum> <bytes> <time> <name>, found '{line}'; "
                    "remove this list: without it all files of the corpus are read again"
                )
            entries[match[4]] = Entry(match[1], int(match[2]), int(match[3]))
    return entries


def look_at(files: Iterator[Path], corpus: Path, known: Mapping[str, Entry]) -> dict[str, Entry]:
    """Each file by its name, below the corpus if it lies there; what has the size and time of before is not read."""
    entries = {}
    for file in sorted(set(files)):
        name = str(file.relative_to(corpus) if file.is_relative_to(corpus) else file.absolute()).replace("\n", "\\n")
        name = os.fsencode(name).decode(errors="backslashreplace")
        try:
            status = file.stat()
            before = known.get(name)
            if before and (before.size, before.changed) == (status.st_size, status.st_mtime_ns):
                entries[name] = before
            elif file.is_file():
                with open(file, "rb") as content:
                    checksum = hashlib.file_digest(content, "sha256").hexdigest()[:16]
                entries[name] = Entry(checksum, status.st_size, status.st_mtime_ns)
        except FileNotFoundError:
            entries[name] = Entry("missing", 0, 0)
    return entries


def changes(before: Mapping[str, Entry], now: Mapping[str, Entry]) -> str:
    """In words: how many files differ, and the first of them."""
    words = []
    for what, names in (
        ("changed", [name for name in now if name in before and now[name].checksum != before[name].checksum]),
        ("new", sorted(now.keys() - before.keys())),
        ("gone", sorted(before.keys() - now.keys())),
    ):
        if names:
            others = f" and {len(names) - 1} more" if len(names) > 1 else ""
            words.append(f"{names[0]}{others} {'is' if len(names) == 1 else 'are'} {what}")
    return ", ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--changes", action="store_true")
    for subset in SETS:
        parser.add_argument(f"--{subset}-parts", default="")
    parser.add_argument("kind", choices=("timit", "librispeech", "iemocap", *acted_corpus.NAMES, *TABLES))
    parser.add_argument("corpus", type=Path)
    parser.add_argument("list", type=Path)
    args = parser.parse_args()
    parts = {subset: getattr(args, f"{subset}_parts") for subset in SETS}
    with as_script("local/corpus_files.py"):
        before = read_list(args.list)
        entries = look_at(files_of(args.kind, args.corpus, parts), args.corpus, before)
        if args.changes:
            print(changes(before, entries))
            return
        if args.write:
            lines = (f"{e.checksum} {e.size} {e.changed} {name}\n" for name, e in entries.items())
            write_text(args.list, "".join(lines))
        checksum = hashlib.sha256("".join(f"{e.checksum} {name}\n" for name, e in sorted(entries.items())).encode())
        print(f"{len(entries)} files, checksum {checksum.hexdigest()[:16]}")


if __name__ == "__main__":
    main()
