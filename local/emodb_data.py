"""Make a Kaldi data directory of EmoDB; called by local/emodb_data.sh.

Names, speakers and counts: Burkhardt, Paeschke, Rolfes, Sendlmeier and Weiss, "A Database of German Emotional Speech",
Interspeech 2005, and the documentation at http://emodb.bilderbar.info: 535 recordings, ten speakers, ten sentences.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from acted_corpus import Clip, Corpus, run
from ser_corpus import EMOTIONS

EMOTION_OF = {
    "W": "anger",  # Wut
    "F": "happiness",  # Freude
    "T": "sadness",  # Trauer
    "N": "neutral",
    "L": "boredom",  # Langeweile
    "E": "disgust",  # Ekel
    "A": "fear",  # Angst
}
GENDER_OF = {
    "03": "m", "08": "f", "09": "f", "10": "m", "11": "m", "12": "m", "13": "f", "14": "f", "15": "m", "16": "f",
}  # fmt: skip
EXPECTED = {
    "anger": 127, "happiness": 71, "sadness": 62, "neutral": 79, "utterances": 339,
    "03": 39, "08": 42, "09": 30, "10": 21, "11": 35, "12": 22, "13": 36, "14": 41, "15": 34, "16": 39,
}  # fmt: skip
ALL_EXPECTED = EXPECTED | {
    "boredom": 81, "disgust": 46, "fear": 69, "utterances": 535,
    "03": 49, "08": 58, "09": 43, "10": 38, "11": 55, "12": 35, "13": 61, "14": 69, "15": 56, "16": 71,
}  # fmt: skip

NAME = re.compile(r"(\d\d)([ab]\d\d)([WFTNLEA])([a-z])")  # speaker, sentence, emotion, version


def parse(file: Path) -> Clip | None:
    """The corpus' own names begin with the speaker already, as Kaldi wants it."""
    match = NAME.fullmatch(file.stem)
    return match and Clip(file.stem, file.stem, speaker=match[1], code=match[3], sentence=match[2])


def expected(emotions: Sequence[str]) -> dict[str, int]:
    return EXPECTED if set(emotions) == set(EMOTIONS) else ALL_EXPECTED


CORPUS = Corpus(
    name="EmoDB",
    places=["wav/*"],
    example="wav/03a01Wa.wav",
    parse=parse,
    emotion_of=EMOTION_OF,
    gender_of=GENDER_OF,
    expected=expected,
    all_files=535,
    dev_speakers=["15", "16"],
)

if __name__ == "__main__":
    run(__doc__, CORPUS)
