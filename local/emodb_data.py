"""Make a Kaldi data directory of four emotions of EmoDB; called by local/emodb_data.sh."""

import re
from collections import Counter
from pathlib import Path

from ser_corpus import (
    EMOTIONS,
    Utterance,
    check_counts,
    check_parts,
    run,
    table_of_counts,
    without_faults,
    write_data_dir,
)

from asrser_io.files import Failure

EMOTION_OF = {"W": "anger", "F": "happiness", "T": "sadness", "N": "neutral"}  # Wut, Freude, Trauer, neutral
LEFT_OUT = "LEA"  # Langeweile, Ekel, Angst: boredom, disgust, fear
GENDER_OF = {
    "03": "m", "08": "f", "09": "f", "10": "m", "11": "m", "12": "m", "13": "f", "14": "f", "15": "m", "16": "f",
}  # fmt: skip
EXPECTED = {
    "anger": 127, "happiness": 71, "sadness": 62, "neutral": 79, "utterances": 339,
    "03": 39, "08": 42, "09": 30, "10": 21, "11": 35, "12": 22, "13": 36, "14": 41, "15": 34, "16": 39,
}  # fmt: skip
ALL_FILES = 535  # of the seven emotions

NAME = re.compile(r"(\d\d)([ab]\d\d)([WFTNLEA])([a-z])")  # speaker, sentence, emotion, version


def wav_files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.suffix.lower() == ".wav" and not f.name.startswith("."))


def prepare(corpus: Path, out: Path, allow_partial: bool) -> None:
    (folder,) = check_parts(corpus, ["wav"], "the folder of EmoDB", allow_partial)
    files = wav_files(folder)
    if not files:
        raise Failure(f"no wav files in {folder}")
    utterances = []
    other: Counter[str] = Counter()
    for file in files:
        match = NAME.fullmatch(file.stem)
        if match is None or match[1] not in GENDER_OF:
            raise Failure(f"{file}: '{file.stem}' is no name of an EmoDB recording such as 03a01Wa")
        speaker, _, letter, _ = match.groups()
        if letter in LEFT_OUT:
            other[letter] += 1
        else:
            # The corpus' own names begin with the speaker already, as Kaldi wants it.
            gender, emotion = GENDER_OF[speaker], EMOTION_OF[letter]
            utterances.append(Utterance(file.stem, file.stem, speaker, gender, emotion, str(file)))
    utterances, left_out = without_faults(utterances, allow_partial)
    if other:
        print(f"not used: {', '.join(f'{letter} {count}' for letter, count in sorted(other.items()))}")
    print(table_of_counts(utterances, EMOTIONS, EXPECTED))
    found = Counter(key for u in utterances for key in (u.emotion, u.speaker, "utterances"))
    expected = dict(EXPECTED)
    if other:  # then the seven emotions are there, and all of them should be
        expected["files"], found["files"] = ALL_FILES, len(files)
    check_counts(expected, found, allow_partial)
    name = f"EmoDB ({len(utterances)} of {EXPECTED['utterances']} utterances of four emotions)"
    write_data_dir(out, utterances, EMOTIONS, name, ("15", "16"), None, left_out, EXPECTED["utterances"])
    print(f"{out}: {name}, {len({u.speaker for u in utterances})} speakers")


if __name__ == "__main__":
    run(__doc__, prepare)
