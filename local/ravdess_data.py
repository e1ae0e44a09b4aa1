"""Make a Kaldi data directory of the speech of RAVDESS; called by local/ravdess_data.sh.

Livingstone and Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS)", PLoS ONE 13(5), 2018,
doi:10.1371/journal.pone.0196391, and the owners' page, https://zenodo.org/records/1188976: 24 actors, odd numbers men,
even numbers women, 60 clips of speech each, two statements, 48 kHz; seven emotions at two intensities, neutral at one.
Songs and videos are counted and not used.
"""

import re
from pathlib import Path

from acted_corpus import Clip, Corpus, by_design, run

EMOTION_OF = {
    "neutral": "neutral", "calm": "calm", "happy": "happiness", "sad": "sadness", "angry": "anger", "fearful": "fear",
    "disgust": "disgust", "surprised": "surprise",
}  # fmt: skip
CODES = dict(zip(("01", "02", "03", "04", "05", "06", "07", "08"), EMOTION_OF, strict=True))
ACTORS = [f"Actor_{number:02}" for number in range(1, 25)]

# Modality (03: audio only), channel (01: speech), emotion, intensity, statement, repetition, actor.
NAME = re.compile(r"(0[123])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)")
NEUTRAL_AND_STRONG = "0102"  # there is none


def parse(file: Path) -> Clip | None:
    match = NAME.fullmatch(file.stem)
    if match is None or match[3] + match[4] == NEUTRAL_AND_STRONG or file.parent.name.lower() != f"actor_{match[7]}":
        return None
    speaker = f"Actor_{match[7]}"
    code = CODES[match[3]] if match[2] == "01" else "song"
    if match[1] != "03":
        code = "sound of a video"
    return Clip(f"{speaker}-{file.stem}", file.stem, speaker, code, sentence=match[5])


CORPUS = Corpus(
    name="RAVDESS",
    places=["Actor_??/*", "Audio_Speech_Actors_01-24/Actor_??/*"],
    example="Actor_01/03-01-06-01-01-01-01.wav",
    parse=parse,
    emotion_of=EMOTION_OF,
    gender_of={actor: "fm"[int(actor[-2:]) % 2] for actor in ACTORS},
    expected=by_design(EMOTION_OF, ACTORS, lambda actor, code: 4 if code == "neutral" else 8),
    all_files=1440,
    dev_speakers=ACTORS[-4:],  # two men and two women
)

if __name__ == "__main__":
    run(__doc__, CORPUS)
