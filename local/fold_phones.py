"""Rewrite transcripts in the phones that are scored.

Usage: local/fold_phones.py [--symbols words.txt] [--map conf/phones.61-48-39.map] < in > out
Lines "<utt> <phone> …", with --symbols "<utt> <integer> …" as a decoder writes them.
--map folds the phones of the map's second column to those of its third; without it they stay as they are.
"""

import argparse
import sys


def read_fold(path):
    """The second and third column of a map; lines of one column are phones that are dropped from the transcripts."""
    with open(path) as f:
        rows = [line.split() for line in f if not line.startswith("#")]
    return {row[1]: row[2] for row in rows if len(row) == 3}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols")
    parser.add_argument("--map")
    arguments = parser.parse_args()

    symbols = None
    if arguments.symbols:
        with open(arguments.symbols) as f:
            symbols = {number: phone for phone, number in map(str.split, f)}
    fold = read_fold(arguments.map) if arguments.map else None
    for line in sys.stdin:
        utt, *phones = line.split()
        if symbols is not None:
            if unknown := [number for number in phones if number not in symbols]:
                sys.exit(f"local/fold_phones.py: {utt}: no symbol {unknown[0]} in {arguments.symbols}: another lang?")
            phones = [symbols[number] for number in phones]
        if fold is not None:
            if unknown := [phone for phone in phones if phone not in fold]:
                sys.exit(f"local/fold_phones.py: {utt}: '{unknown[0]}' is not in the second column of {arguments.map}")
            phones = [fold[phone] for phone in phones]
        print(utt, *phones)


if __name__ == "__main__":
    main()
