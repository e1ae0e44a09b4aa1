"""Make a Kaldi data directory of SAVEE; called by local/savee_data.sh.

Haq and Jackson, "Speaker-dependent audio-visual emotion recognition", AVSP 2009, and the corpus' own
AudioData/Info.txt: four men, DC, JE, JK and KL, at 44.1 kHz, with 15 sentences for each of six emotions and 30 neutral
ones; 480 clips. The number in a name counts within the emotion: which sentences of two emotions are the same it does
not say.
"""

import re
from pathlib import Path

from acted_corpus import Clip, Corpus, by_design, run

EMOTION_OF = {
    "a": "anger", "h": "happiness", "sa": "sadness", "n": "neutral", "d": "disgust", "f": "fear", "su": "surprise",
}  # fmt: skip
NUMBERS = {code: 30 if code == "n" else 15 for code in EMOTION_OF}  # of each speaker's clips
SPEAKERS = ["DC", "JE", "JK", "KL"]

NAME = re.compile(r"(?:([A-Z]{2})_)?(A|H|SA|N|D|F|SU)(\d\d)")  # speaker, where no folder says it; emotion; number


def parse(file: Path) -> Clip | None:
    match = NAME.fullmatch(file.stem.upper())
    folder = file.parent.name.upper()
    if match is None or (match[1] and len(folder) == 2 and match[1] != folder):
        return None
    speaker, code = match[1] or folder, match[2].lower()
    if not 1 <= int(match[3]) <= NUMBERS[code]:
        return None
    name = f"{speaker}_{code}{match[3]}"
    return Clip(name, name, speaker, code)


CORPUS = Corpus(
    name="SAVEE",
    places=["AudioData/??/*", "??/*", "*"],
    example="AudioData/DC/a01.wav",
    parse=parse,
    emotion_of=EMOTION_OF,
    gender_of=dict.fromkeys(SPEAKERS, "m"),
    expected=by_design(EMOTION_OF, SPEAKERS, lambda speaker, code: NUMBERS[code]),
    all_files=480,
    dev_speakers=["KL"],
)

if __name__ == "__main__":
    run(__doc__, CORPUS)
