"""Make a Kaldi data directory of EMOVO; called by local/emovo_data.sh.

Costantini, Iaderola, Paoloni and Todisco, "EMOVO Corpus: an Italian Emotional Speech Database", LREC 2014: three women
and three men read 14 sentences with each of seven emotions, 588 clips at 48 kHz in two channels.
"""

import re
from pathlib import Path

from acted_corpus import Clip, Corpus, by_design, run

EMOTION_OF = {
    "rab": "anger",  # rabbia
    "gio": "happiness",  # gioia
    "tri": "sadness",  # tristezza
    "neu": "neutral",
    "dis": "disgust",  # disgusto
    "pau": "fear",  # paura
    "sor": "surprise",  # sorpresa
}
SPEAKERS = ["f1", "f2", "f3", "m1", "m2", "m3"]

NAME = re.compile(r"([a-z]{3})-([fm]\d)-([a-z]\d)")  # emotion, speaker, sentence


def parse(file: Path) -> Clip | None:
    name = file.stem.lower()
    match = NAME.fullmatch(name)
    if match is None or match[1] not in EMOTION_OF or file.parent.name.lower() != match[2]:
        return None
    return Clip(f"{match[2]}-{name}", name, speaker=match[2], code=match[1], sentence=match[3])


CORPUS = Corpus(
    name="EMOVO",
    places=["??/*", "EMOVO/??/*"],
    example="f1/rab-f1-b1.wav",
    parse=parse,
    emotion_of=EMOTION_OF,
    gender_of={speaker: speaker[0] for speaker in SPEAKERS},
    expected=by_design(EMOTION_OF, SPEAKERS, lambda speaker, code: 14),
    all_files=588,
    dev_speakers=["f3", "m3"],
)

if __name__ == "__main__":
    run(__doc__, CORPUS)
