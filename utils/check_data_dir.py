"""Check the files of a Kaldi data directory; called by utils/check_data_dir.sh, whose header is the help."""

import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from asrser_io.files import Failure
from asrser_io.messages import as_script
from asrser_io.text import FORMS, INVISIBLE, read_file

RESERVED = {"<eps>", "<s>", "</s>", "#0"}  # names that Kaldi's tools keep for themselves
KALDIS_SPACES = " \t"  # what separates fields for Kaldi's tools and awk


class Format(NamedTuple):
    """What a file of a data directory must hold, besides the columns of FORMS."""

    keys: str  # of its lines: "utterance", "speaker" or "recording"
    fault: Callable[[list[str]], bool]  # of the fields of a line that does not look so
    is_computed: bool = False  # from the recordings, some of which may have failed
    holds_paths: bool = False  # which may be of any bytes
    also: str = ""  # what else is expected, for messages


def is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text, re.ASCII) is not None


def wrong_segment(fields: list[str]) -> bool:
    """A segment ends after it begins; -1 is the end of the recording for extract-segments."""
    if len(fields) != 4 or not all(map(is_number, fields[2:])):
        return True
    start, end = map(float, fields[2:])
    return start < 0 or math.isinf(end) or (end <= start and end != -1)


def is_not(*patterns: str) -> Callable[[list[str]], bool]:
    """A test whether the fields after the key are others than these patterns."""
    return lambda fields: re.fullmatch(" ".join(patterns), " ".join(fields[1:])) is None


NOT_ONE = is_not(r"\S+")
NOTHING = is_not(r".+")
POSITIVE = r"(?=.*[1-9])[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?"
FORMATS = {
    "utt2spk": Format("utterance", NOT_ONE),
    "spk2utt": Format("speaker", NOTHING),
    "text": Format("utterance", lambda fields: len(fields) < 2 or bool(RESERVED & set(fields))),
    "segments": Format("utterance", wrong_segment, also=", end after start"),
    "wav.scp": Format("recording", is_not(r"[^~].*"), holds_paths=True, also=", no ~"),
    "reco2file_and_channel": Format("recording", is_not(r"\S+", "[AB1]")),
    "spk2gender": Format("speaker", is_not("[mf]")),
    "utt2emotion": Format("utterance", NOT_ONE),
    "utt2class": Format("utterance", NOT_ONE),
    "utt2dur": Format("utterance", is_not(POSITIVE)),
    "feats.scp": Format("utterance", NOTHING, is_computed=True, holds_paths=True),
    "vad.scp": Format("utterance", NOTHING, is_computed=True, holds_paths=True),
    "labels.scp": Format("utterance", NOTHING, is_computed=True, holds_paths=True),
    "utt2num_frames": Format("utterance", is_not("[1-9][0-9]*"), is_computed=True),
    "cmvn.scp": Format("speaker", NOTHING, is_computed=True, holds_paths=True),
}


def fault_of_bytes(line: str, holds_paths: bool) -> str | None:
    """What Kaldi's tools, awk and Python would read differently, or nobody would see."""
    if "\r" in line:
        return "ends with a carriage return, as on Windows; remove it with: sed -i 's/\\r$//'"
    if line.startswith("\ufeff"):
        return "begins with a byte order mark; remove it with: sed -i '1s/^\\xEF\\xBB\\xBF//'"
    if found := re.search(r"[\0-\x08\x0b-\x1f\x7f]", line):
        return f"holds the control character {ascii(found[0])}; is it text in UTF-8?"
    if holds_paths:  # of which only the key is ours
        line = re.split(f"[{KALDIS_SPACES}]", line.strip(KALDIS_SPACES), maxsplit=1)[0]
    if found := re.search(f"[{INVISIBLE}]", line):
        return f"holds the invisible character {ascii(found[0])}; remove it"
    if re.search(r"[\ud800-\udfff]", line):
        return "is not UTF-8; convert it with: iconv -f latin1 -t utf-8, or whatever it is written in"
    if found := re.search(rf"[^\S{KALDIS_SPACES}]", line):
        return f"holds the white space {ascii(found[0])}, which is a letter for Kaldi's tools; expected spaces or tabs"
    return None


def read(file: Path, of: Format) -> list[list[str]]:
    """The fields of the lines of a sound file, whose keys are in order."""
    text = read_file(file).decode(errors="surrogateescape")  # decides nothing about what is valid
    *lines, rest = text.split("\n")
    rows = []
    first_line: dict[str, int] = {}
    last = ""
    for number, line in enumerate([*lines, rest] if rest else lines, start=1):
        where = f"{file}, line {number}"
        if fault := fault_of_bytes(line, of.holds_paths):
            raise Failure(f"{where} {fault}")
        fields = line.replace("\t", " ").split(" ")
        fields = [field for field in fields if field]
        if not fields:
            raise Failure(f"{where} is empty")
        key = fields[0]
        if of.fault(fields):
            shown = line if len(line) < 100 else f"{line[:100]}…"
            expected = FORMS[file.name].partition(" [")[0] + of.also  # what is optional elsewhere, Kaldi's tools refuse
            raise Failure(f"{where}: expected {expected}, found: {ascii_if_strange(shown)}{hint(file, fields)}")
        if key in first_line:
            raise Failure(f"{where}: {key} stands twice, first in line {first_line[key]}")
        if key < last:
            raise Failure(f"{where}: {key} stands after {last}; sort it with: LC_ALL=C sort")
        first_line[key] = number
        last = key
        rows.append(fields)
    if rest:
        raise Failure(f"{file}, line {len(lines) + 1}, the last one, has no line end: cut off? Else add it")
    return rows


def hint(file: Path, fields: list[str]) -> str:
    found = sorted(RESERVED & set(fields))
    if file.name == "text" and found:
        return f" ({found[0]} is a name that Kaldi keeps for itself)"
    if file.name == "text":
        return " (no words: transcribe it, or remove the utterance)"
    return ""


def ascii_if_strange(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def check_same_keys(file: Path, keys: Iterable[str], other: str, expected: Iterable[str], may_lack: bool) -> None:
    keys, expected = set(keys), set(expected)
    for difference, text in (
        (keys - expected, "has {}, which is not in {}"),
        (set() if may_lack else expected - keys, "lacks {}, which is in {}"),
    ):
        if difference:
            more = f" (and {len(difference) - 1} more such)" if len(difference) > 1 else ""
            raise Failure(f"{file} {text.format(min(difference), other)}{more}")


def check_speakers(data: Path, utt2spk: list[list[str]], spk2utt: list[list[str]]) -> None:
    """Both maps say the same, and the utterances stand in the order of their speakers."""
    for number, (utterance, speaker) in enumerate(utt2spk, start=1):
        where = f"{data}/utt2spk, line {number}"
        if not utterance.startswith(speaker):
            raise Failure(f"{where}: the speaker {speaker} must be the beginning of the utterance {utterance}")
    listed = [(utterance, speaker) for speaker, *utterances in spk2utt for utterance in utterances]
    if difference := sorted({(utterance, speaker) for utterance, speaker in utt2spk} ^ set(listed)):
        raise Failure(f"{data}/utt2spk and spk2utt do not agree on: {' '.join(difference[0])}")
    for number in range(1, len(utt2spk)):
        (utterance, speaker), (before, speaker_before) = utt2spk[number], utt2spk[number - 1]
        if speaker < speaker_before:
            raise Failure(
                f"{data}/utt2spk, line {number + 1}: {utterance} comes after {before}, but its speaker {speaker} "
                f"sorts before {speaker_before}; Kaldi's tools want utterances in the order of speakers: "
                "name them <speaker>-<…>, or give the speakers names of equal length"
            )
    if listed != sorted(set(listed)):
        (utterance, _), times = Counter(listed).most_common(1)[0]
        raise Failure(
            f"{data}/spk2utt: {utterance} stands twice" if times > 1
            else f"{data}/spk2utt: the utterances of a speaker are not in the order of their bytes"
        )  # fmt: skip


def check(data: Path, allow_missing: bool, ignore: Collection[str]) -> None:
    names = [name for name in FORMATS if (data / name).exists() and name not in ignore]
    rows = {name: read(data / name, FORMATS[name]) for name in names}
    check_speakers(data, rows["utt2spk"], rows["spk2utt"])
    keys: dict[str, tuple[str, set[str]]] = {
        "utterance": ("utt2spk", {row[0] for row in rows["utt2spk"]}),
        "speaker": ("utt2spk", {row[1] for row in rows["utt2spk"]}),
    }
    keys["recording"] = keys["utterance"]
    if "segments" in rows:  # else each recording is an utterance
        keys["recording"] = ("segments", {row[1] for row in rows["segments"]})
        if "wav.scp" not in rows:
            raise Failure(f"{data} has segments, but no wav.scp with the recordings that they are cut from")
    for name, lines in rows.items():
        of = FORMATS[name]
        check_same_keys(data / name, (row[0] for row in lines), *keys[of.keys], allow_missing and of.is_computed)


def main() -> None:
    data, allow_missing, ignore = sys.argv[1:]
    with as_script("utils/check_data_dir.sh"):
        check(Path(data), allow_missing == "true", ignore.split())


if __name__ == "__main__":
    main()
