"""Put phones in the place of words in train, dev and test; called by local/words_to_phones.sh."""

import argparse
from collections import Counter
from pathlib import Path

from ser_corpus import report

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.text import read_map, words_of

SETS = ("train", "dev", "test")


def write_set(words: Path, phones: dict[str, str], out: Path) -> None:
    """words: a data directory with words for text; phones: of the utterances that could be aligned"""
    out.mkdir(parents=True)

    def write(name: str, pairs: dict[str, str]) -> None:
        write_text(out / name, "".join(f"{key} {value}\n" for key, value in sorted(pairs.items())))

    text, utt2spk = read_map(words / "text"), read_map(words / "utt2spk")
    report(f"left out, as it could not be aligned: {words}", sorted(text.keys() - phones.keys()))
    utt2spk = {utt: spk for utt, spk in utt2spk.items() if utt in phones}
    segments = {utt: line for utt, line in read_map(words / "segments", optional=True).items() if utt in phones}
    recordings = {words_of(line)[0] for line in segments.values()} or phones.keys()
    spk2gender = read_map(words / "spk2gender", optional=True)
    spk2utt: dict[str, list[str]] = {}
    for utt, spk in sorted(utt2spk.items()):
        spk2utt.setdefault(spk, []).append(utt)
    write("wav.scp", {name: audio for name, audio in read_map(words / "wav.scp").items() if name in recordings})
    if segments:
        write("segments", segments)
    write("text", phones)
    write("utt2words", {utt: text[utt] for utt in phones})
    write("utt2spk", utt2spk)
    write("spk2utt", {spk: " ".join(utts) for spk, utts in spk2utt.items()})
    if spk2gender:
        write("spk2gender", {spk: gender for spk, gender in spk2gender.items() if spk in spk2utt})


def run(words: Path, exp: Path, out: Path) -> None:
    phones = {name: read_map(exp / f"phones.{name}") for name in SETS}
    counts = {
        name: Counter(phone for line in some.values() for phone in words_of(line)) for name, some in phones.items()
    }
    for name in SETS[1:]:
        if strange := sorted(counts[name].keys() - counts["train"].keys()):
            raise Failure(
                f"{exp}/phones.{name}: no utterance of train is pronounced with '{strange[0]}', as some of {name} are: "
                "nobody can learn it; more speech for train, or other pronunciations in the lexicon"
            )
    for name in SETS:
        write_set(words / name, phones[name], out / name)
        print(f"{name}: {len(phones[name])} utterances aligned, {counts[name].total()} phones, silences included")
    write_text(out / "phones", "".join(f"{phone}\n" for phone in sorted(counts["train"])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("words", "exp", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    with as_script("local/words_to_phones.sh"):
        run(args.words, args.exp, args.out)


if __name__ == "__main__":
    main()
