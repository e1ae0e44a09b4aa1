"""Make a Kaldi data directory of CREMA-D; called by local/cremad_data.sh.

Cao, Cooper, Keutmann, Gur, Nenkova and Verma, "CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset", IEEE
Transactions on Affective Computing 5(4), 2014: 7442 clips of 91 actors, who read twelve sentences. Names, sexes and
counts are those of the owners' repository, https://github.com/CheyneyComputerScience/CREMA-D: README.md,
VideoDemographics.csv and the names in AudioWAV. The label is the emotion that the actor was asked for, not what raters
heard.
"""

import re
from pathlib import Path

from acted_corpus import Clip, Corpus, by_design, run

EMOTION_OF = {
    "ANG": "anger", "HAP": "happiness", "SAD": "sadness", "NEU": "neutral", "DIS": "disgust", "FEA": "fear",
}  # fmt: skip
ACTORS = [str(actor) for actor in range(1001, 1092)]
WOMEN = {
    1002, 1003, 1004, 1006, 1007, 1008, 1009, 1010, 1012, 1013, 1018, 1020, 1021, 1024, 1025,
    1028, 1029, 1030, 1037, 1043, 1046, 1047, 1049, 1052, 1053, 1054, 1055, 1056, 1058, 1060,
    1061, 1063, 1072, 1073, 1074, 1075, 1076, 1078, 1079, 1082, 1084, 1089, 1091,
}  # fmt: skip
SENTENCES = ["IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI"]

# Actor, sentence, emotion and its level: low, medium, high or unspecified (some copies have a single X).
NAME = re.compile(rf"(\d{{4}})_({'|'.join(SENTENCES)})_([A-Z]{{3}})_(LO|MD|HI|XX?)")


def parse(file: Path) -> Clip | None:
    name = file.stem.upper()
    match = NAME.fullmatch(name)
    if match is None or match[3] not in EMOTION_OF or (match[3] == "NEU" and match[4] not in ("X", "XX")):
        return None
    whole = f"{name}X" if match[4] == "X" else name
    return Clip(whole, name, speaker=match[1], code=match[3], sentence=match[2])


def count(actor: str, code: str) -> int:
    """Twelve sentences, one of them at three levels where the emotion is not neutral; a few are missing."""
    if code == "NEU":
        return 12 - (actor in ("1002", "1008", "1009", "1019", "1076"))
    return 14 - (actor in ("1008", "1009", "1019"))


CORPUS = Corpus(
    name="CREMA-D",
    places=["AudioWAV/*", "*"],
    example="AudioWAV/1001_DFA_ANG_XX.wav",
    parse=parse,
    emotion_of=EMOTION_OF,
    gender_of={actor: "f" if int(actor) in WOMEN else "m" for actor in ACTORS},
    expected=by_design(EMOTION_OF, ACTORS, count),
    all_files=7442,
    # The last five women and the last five men.
    dev_speakers=["1079", "1082", "1084", "1085", "1086", "1087", "1088", "1089", "1090", "1091"],
    broken=["1076_MTI_SAD_XX"],
)

if __name__ == "__main__":
    run(__doc__, CORPUS)
