"""Put phones in the place of words in train, dev and test; called by local/words_to_phones.sh."""

import argparse
from pathlib import Path

from asr_data import SETS, DataDir, keep, write_sets
from out_dir import check_place
from ser_corpus import report

from asrser_io.files import Failure
from asrser_io.messages import as_script
from asrser_io.text import read_lines, read_map, words_of

ALIGNED = " (reference phones are those of the aligned pronunciations)"  # beside the corpus' name wherever PER stands


def with_phones(words: Path, phones: dict[str, str]) -> DataDir:
    """A data directory with words for text, but of the utterances that could be aligned, and with their phones."""
    recordings, text, speaker_of = (read_map(words / name) for name in ("wav.scp", "text", "utt2spk"))
    segments, gender_of = (read_map(words / name, optional=True) for name in ("segments", "spk2gender"))
    if strangers := sorted(phones.keys() - text.keys()):
        raise Failure(f"{words}/text lacks {strangers[0]}, which was aligned: made from other words? remove {words}")
    report(f"left out, as it could not be aligned: {words}", sorted(text.keys() - phones.keys()))
    transcripts = {utt: words_of(line) for utt, line in phones.items()}
    return keep(DataDir(recordings, segments, transcripts, speaker_of, gender_of), phones)


def run(words: Path, exp: Path, out: Path) -> None:
    check_place(out, [words])
    sets = {name: with_phones(words / name, read_map(exp / f"phones.{name}")) for name in SETS}
    used = {name: {phone for spoken in data.phones.values() for phone in spoken} for name, data in sets.items()}
    for name in SETS[1:]:
        if strange := sorted(used[name] - used["train"]):
            raise Failure(
                f"{exp}/phones.{name}: no utterance of train is pronounced with '{strange[0]}', as some of {name} are: "
                "nobody can learn it; more speech for train, or other pronunciations in the lexicon"
            )
    for name, data in sets.items():
        print(
            f"{name}: {len(data.phones)} utterances aligned, {sum(map(len, data.phones.values()))} phones, "
            "silences included"
        )
    files = {
        "phones": "".join(f"{phone}\n" for phone in sorted(used["train"])),
        "expected": (words / "expected").read_text(),
        "corpus": " ".join(read_lines(words / "corpus")) + ALIGNED + "\n",
    }
    write_sets(out, sets, files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("words", "exp", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    with as_script("local/words_to_phones.sh"):
        run(args.words, args.exp, args.out)


if __name__ == "__main__":
    main()
