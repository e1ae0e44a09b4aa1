"""Rewrite transcripts in the phones that are scored.

Usage: local/fold_phones.py [--symbols words.txt] [--map conf/phones.61-48-39.map] [--name NAME] < in > out
Lines "<utt> <phone> …", with --symbols "<utt> <integer> …" as a decoder writes them.
--map folds the phones of the map's second column to those of its third; without it they stay as they are. What is not
in the table or the map is an error that counts and names it; then nothing is written.
NAME is what errors call the input.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from asrser_io.files import Failure
from asrser_io.messages import as_script
from asrser_io.text import decoded_lines, read_lines, read_symbol_table, rows, words_of


def read_phone_map(path: Path) -> tuple[dict[str, str | None], dict[str, str]]:
    """A map such as conf/phones.61-48-39.map as two: first to second column (None: dropped), second to third column."""
    to_trained: dict[str, str | None] = {}
    to_scored: dict[str, str] = {}
    lines = ["" if line.startswith("#") else line for line in read_lines(path)]
    for number, (phone, *others) in rows(lines, path, "<phone> [<phone in training>] [<phone in scoring>]"):
        where = f"{path}, line {number}"
        if len(others) == 1:
            raise Failure(f"{where}: expected one phone, which is dropped, or three, found '{lines[number - 1]}'")
        if phone in to_trained:
            raise Failure(f"{where}: {phone} stands in the first column for the second time")
        to_trained[phone] = others[0] if others else None
        if others and to_scored.setdefault(*others) != others[1]:
            raise Failure(f"{where}: {others[0]} becomes {others[1]} here, {to_scored[others[0]]} in a line before")
    return to_trained, to_scored


def translate(transcripts: list[list[str]], table: dict[str, str], name: str, fault: str) -> list[list[str]]:
    """Replace the words after the first of each line.

    name: of the file, for errors; fault: what is wrong with a word that is not in the table, {}
    """
    unknown = Counter(word for _, *words in transcripts for word in words if word not in table)
    if unknown:
        utt, word = next((utt, word) for utt, *words in transcripts for word in words if word in unknown)
        found = " ".join(f"{word} ({count})" for word, count in unknown.most_common(10))
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        raise Failure(
            f"{name}: {utt}: {fault.format(word)}; "
            f"in all {unknown.total()}, {len(unknown)} different ones: {found}{more}"
        )
    return [[utt, *(table[word] for word in words)] for utt, *words in transcripts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols")
    parser.add_argument("--map", type=Path)
    parser.add_argument("--name", default="standard input")
    arguments = parser.parse_args()
    with as_script("local/fold_phones.py", prints_data=True):
        lines = decoded_lines(sys.stdin.buffer.read(), arguments.name)
        transcripts = [words_of(line) for line in lines if words_of(line)]
        if arguments.symbols:
            by_number = {str(number): symbol for symbol, number in read_symbol_table(arguments.symbols).items()}
            fault = f"no symbol {{}} in {arguments.symbols}: another lang?"
            transcripts = translate(transcripts, by_number, arguments.name, fault)
        if arguments.map:
            _, to_scored = read_phone_map(arguments.map)
            fault = f"'{{}}' is not in the second column of {arguments.map}"
            transcripts = translate(transcripts, to_scored, arguments.name, fault)
        for words in transcripts:
            print(*words)


if __name__ == "__main__":
    main()
