"""Text files that people made: their lines, their columns, and the words of a line.

Read are UTF-8 with or without a byte order mark, lines that end in LF or CRLF (the last one also without), and columns
parted by spaces or tabs. Anything else, such as another encoding, is a Failure with file and line.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from asrser_io.files import Failure

if TYPE_CHECKING:
    from pathlib import Path

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# Characters that nobody sees: two names that differ by one look the same. Those that join letters are of some scripts.
INVISIBLE = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
# Tools disagree whether a form feed parts words, and nobody sees the other control characters.
_UNUSABLE = re.compile(f"[\x01-\x08\x0b-\x1f\x7f{INVISIBLE}]")


def words_of(text: str) -> list[str]:
    """The words of a line, parted by ASCII's white space only, as in Kaldi: a no-break space is part of a word."""
    return [word.decode(errors="surrogateescape") for word in text.encode(errors="surrogateescape").split()]


def is_word(text: str) -> bool:
    return words_of(text) == [text]


def is_count(text: str) -> bool:
    """Whether a text is digits, ASCII's only: Python takes others too, and some that are no numbers."""
    return text.isascii() and text.isdigit()


def check_twins(names: Iterable[str], file: str | Path, what: str) -> None:
    """Refuse names that look the same and differ in how Unicode writes their accented letters. what: such as a phone"""
    first: dict[str, str] = {}
    for name in sorted(set(names)):
        if (other := first.setdefault(unicodedata.normalize("NFC", name), name)) != name:
            raise Failure(
                f"{file}: {what} is {ascii(other)[1:-1]} here and {ascii(name)[1:-1]} there, which look the same; "
                "expected one way to write it (uconv -x any-nfc, or Python's unicodedata.normalize)"
            )


def some_of(names: Sequence[str], most: int = 5) -> str:
    """Names for a message: the first few, and how many more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def decoded_lines(data: bytes, name: str | Path, strict: bool = True) -> list[str]:
    """The lines of a text, without their ends.

    name:   of the file, for errors
    strict: False passes on other encodings byte by byte (as surrogates), and control characters, as Kaldi's programs do
    """
    if data.startswith(UTF_16_MARKS):
        raise Failure(f"{name}, line 1: the file is in UTF-16; save it as UTF-8")
    data = data.removeprefix(BYTE_ORDER_MARK)
    if strict and b"\0" in data:
        number = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise Failure(f"{name}, line {number}: a zero byte: the file is in UTF-16, or no text; save it as UTF-8")
    try:
        text = data.decode(errors="strict" if strict else "surrogateescape")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise Failure(
            f"{name}, line {number}: byte 0x{data[error.start]:02X} is not UTF-8 (is the file in Latin-1?); save it as "
            "UTF-8, for instance by iconv -f ISO-8859-1 -t UTF-8"
        ) from None
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    lines = [line.removesuffix("\r") for line in lines]
    if strict and (found := _UNUSABLE.search("\n".join(lines))):
        number = found.string.count("\n", 0, found.start()) + 1
        raise Failure(f"{name}, line {number}: {_described(found[0])}: remove it")
    return lines


def _described(character: str) -> str:
    return "a carriage return inside" if character == "\r" else f"an invisible character, U+{ord(character):04X}"


# The columns of files by name, as read_map finds them and utils/check_data_dir.py checks them.
FORMS = {
    "wav.scp": "<recording> <file or command> …",
    "segments": "<utterance> <recording> <start> <end> [<channel>]",
    "text": "<utterance> <word> …",
    "utt2spk": "<utterance> <speaker>",
    "spk2utt": "<speaker> <utterance> …",
    "spk2gender": "<speaker> <f or m>",
    "utt2num_frames": "<utterance> <frames>",
    "spk2session": "<speaker> <session>",
    "spk2dialect": "<speaker> <1 to 8>",
    "reco2file_and_channel": "<recording> <file> <A or B>",
    "utt2emotion": "<utterance> <emotion>",
    "utt2class": "<utterance> <class>",
    "utt2sentence": "<utterance> <sentence>",
    "utt2dur": "<utterance> <seconds>",
    "feats.scp": "<utterance> <file> …",
    "vad.scp": "<utterance> <file> …",
    "labels.scp": "<utterance> <file> …",
    "cmvn.scp": "<speaker> <file> …",
}


def read_file(path: str | Path, may_be_pipe: bool = False) -> bytes:
    """The bytes of a file. One that is found by its name in somebody's folder must be no pipe or device: there may
    be nobody who writes to it, or no end of it.

    may_be_pipe: the file is named by the user, who may mean a stream
    """
    try:
        if not may_be_pipe and os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
            raise Failure(f"cannot read {path}: a named pipe, socket or device; put a file in its place")
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}") from error


def read_lines(path: str | Path, strict: bool = True, may_be_pipe: bool = False) -> list[str]:
    """The lines of a text file, blank ones too, so that their numbers are right.

    strict: as in decoded_lines; may_be_pipe: as in read_file
    """
    return decoded_lines(read_file(path, may_be_pipe), path, strict)


def rows(lines: Iterable[str], name: str | Path, form: str) -> Iterator[tuple[int, list[str]]]:
    """The number and the words of each line that is not blank; a wrong number of words is a Failure.

    form: what a line holds, such as "<segment> <recording> <start> <end> [<channel>]"; after … there may be more words
    """
    least, most = form.count("<") - form.count("["), form.count("<")
    for number, line in enumerate(lines, 1):
        found = words_of(line)
        if found and not (least <= len(found) and (len(found) <= most or "…" in form)):
            raise Failure(f"{name}, line {number}: expected '{form}', found '{line.strip()}'")
        if found:
            yield number, found


def read_map(path: str | Path, form: str = "", optional: bool = False) -> dict[str, str]:
    """The first word of each line and the rest of it, as it stands there. A key that is there twice is a Failure.

    form:     as in rows; by default what FORMS says of a file of that name
    optional: nothing, where there is no such file
    """
    form = form or FORMS.get(os.path.basename(path), "<key> <value> …")
    found: dict[str, str] = {}
    first_line: dict[str, int] = {}
    lines = [] if optional and not os.path.lexists(path) else read_lines(path)
    for number, (key, *_) in rows(lines, path, form):
        if key in found:
            raise Failure(f"{path}, line {number}: {key} is there a second time, after line {first_line[key]}")
        line = lines[number - 1].strip(" \t")
        found[key], first_line[key] = line[len(key) :].lstrip(" \t"), number
    return found


def read_list(path: str | Path, optional: bool = False) -> list[str]:
    """The words of a list, such as one name a line. A word that is there twice is a Failure."""
    first_line: dict[str, int] = {}
    lines = [] if optional and not os.path.lexists(path) else read_lines(path)
    for number, line in enumerate(lines, 1):
        for word in words_of(line):
            if word in first_line:
                raise Failure(f"{path}, line {number}: {word} is there a second time, after line {first_line[word]}")
            first_line[word] = number
    return list(first_line)


def read_symbol_table(path: str | Path) -> dict[str, int]:
    """Read `symbol number` lines such as words.txt; no symbol and no number may be there twice."""
    symbols: dict[str, int] = {}
    symbol_of: dict[int, str] = {}
    for number, (symbol, key) in rows(read_lines(path, False, may_be_pipe=True), path, "<symbol> <number>"):
        if not is_count(key) or int(key) >= 2**31:
            raise Failure(f"{path}, line {number}: expected a symbol and its number, found '{symbol} {key}'")
        if symbol in symbols or int(key) in symbol_of:
            before = f"{symbol} {symbols[symbol]}" if symbol in symbols else f"{symbol_of[int(key)]} {key}"
            raise Failure(f"{path}, line {number}: '{symbol} {key}' contradicts '{before}' above it")
        symbols[symbol], symbol_of[int(key)] = int(key), symbol
    return symbols
