"""Make a small corpus of emotional speech by a synthesiser, laid out as IEMOCAP: a demo without scientific meaning.

Five sessions of a woman and a man, each with improvised and scripted dialogues. The emotions are prosody alone: anger
is loud, fast and wide in pitch, sadness low, slow and flat, happiness high, wide and lively. They overlap, and speakers
differ in how much they show. Any sentence may come with any emotion, so that the words give nothing away.
"""

from dataclasses import astuple
from pathlib import Path
from typing import NamedTuple

import numpy as np
from demo_speech import SAMPLE_RATE, Prosody, Synthesiser, make_corpus, make_speakers, read_sentences, speak, write_wav

SPEAKERS = {  # name and voice
    "Ses01F": "f2", "Ses01M": "m3", "Ses02F": "linda", "Ses02M": "m1", "Ses03F": "Annie",
    "Ses03M": "Michael", "Ses04F": "f4", "Ses04M": "m7", "Ses05F": "f1", "Ses05M": "m6",
}  # fmt: skip
ACCENTS = ["en-us", "en-us", "en-gb"]
NOISE = (20, 32)  # dB below neutral speech
LEVEL = (-30, -26)  # of neutral speech, dB below full scale

# rate, pitch, range, gain and tilt of a speaker of mean temper; see demo_speech.Prosody.
EMOTIONS = {
    "ang": Prosody(1.2, 8, 1.4, 8.0, 0.45),
    "hap": Prosody(1.08, 20, 1.7, 2.5, 0.15),
    "exc": Prosody(1.14, 24, 1.8, 3.5, 0.2),
    "sad": Prosody(0.82, -13, 0.4, -6.0, -0.4),
    "neu": Prosody(),
    "xxx": Prosody(1.0, 4, 1.2, 1.0, 0.0),  # the raters did not agree; the recipe leaves these out, as IEMOCAP's
}
SPREAD = Prosody(0.07, 5.0, 0.2, 1.6, 0.12)  # standard deviations of what one utterance adds
RATERS = {
    "ang": "Anger", "hap": "Happiness", "exc": "Excited", "sad": "Sadness", "neu": "Neutral", "xxx": "Frustration",
}  # fmt: skip
VALENCE_ACTIVATION_DOMINANCE = {
    "ang": (1.7, 4.0, 4.1), "hap": (4.2, 3.3, 3.2), "exc": (4.2, 4.0, 3.6),
    "sad": (2.1, 2.0, 2.4), "neu": (3.0, 2.6, 2.9), "xxx": (2.5, 3.0, 3.0),
}  # fmt: skip
# In every dialogue each speaker has one turn of each category: six of each emotion in all, happiness being hap and exc.
DIALOGUES = {"impro01": "F", "impro02": "M", "impro05a": "M", "script01_1": "F", "script01_1b": "M", "script03_2": "F"}
CATEGORIES = ["ang", "sad", "neu", "hap"]


class Turn(NamedTuple):
    name: str
    start: float  # seconds in the dialogue
    end: float
    category: str
    text: str


def prosody_of(category: str, temper: float, rng: np.random.Generator) -> Prosody:
    """What an utterance of that category sounds like; temper: how much of the emotion the speaker shows."""
    rest, moved, spread = (astuple(prosody) for prosody in (Prosody(), EMOTIONS[category], SPREAD))
    return Prosody(
        *(r + temper * (m - r) + s * rng.standard_normal() for r, m, s in zip(rest, moved, spread, strict=True))
    )


def label_file(turns: list[Turn]) -> str:
    """As IEMOCAP's EmoEvaluation/<dialogue>.txt: the turn and its category, then what single raters said of it."""
    lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
    for turn in turns:
        v, a, d = VALENCE_ACTIVATION_DOMINANCE[turn.category]
        lines.append(f"[{turn.start:.4f} - {turn.end:.4f}]\t{turn.name}\t{turn.category}\t[{v:.4f}, {a:.4f}, {d:.4f}]")
        lines += [f"C-{rater}:\t{RATERS[turn.category]};\t()" for rater in ("E1", "E2", "E3")]
        lines += [f"A-{rater}:\tval {v:.0f}; act {a:.0f}; dom  {d:.0f};\t()" for rater in ("E1", "E2")] + [""]
    return "\n".join(lines) + "\n"


def make(folder: Path, seed: int, most: int, synthesiser: Synthesiser) -> str:
    sentences = read_sentences()
    speakers = make_speakers(SPEAKERS, ACCENTS, NOISE, LEVEL, seed)
    rng = np.random.default_rng([seed, len(speakers)])
    temper = {name: rng.uniform(0.7, 1.25) for name in speakers}
    count, seconds = 0, 0.0
    for session in range(1, 6):
        root = folder / f"Session{session}"
        for i, (suffix, recorded) in enumerate(DIALOGUES.items()):
            dialogue = f"Ses0{session}{recorded}_{suffix}"
            texts = sentences["scripted" if suffix.startswith("script") else "improvised"]
            # The fourth category is now hap, now exc; one turn of the first dialogue is nobody's.
            categories = [c if c != "hap" or i % 2 else "exc" for c in CATEGORIES] + (["xxx"] if i == 0 else [])
            orders = {g: rng.permutation(categories)[:most] for g in "FM"}
            turns: list[Turn] = []
            for k in range(len(orders["F"])):
                for gender in "FM":
                    speaker, category = f"Ses0{session}{gender}", str(orders[gender][k])
                    turn = f"{dialogue}_{gender}{k:03d}"
                    text = texts[rng.integers(len(texts))]
                    prosody = prosody_of(category, temper[speaker], rng)
                    speech = speak(synthesiser, speakers[speaker], text, prosody, rng)
                    write_wav(root / "sentences/wav" / dialogue / f"{turn}.wav", speech.samples)
                    start = turns[-1].end + rng.uniform(0.1, 1.0) if turns else rng.uniform(3, 7)
                    length = len(speech.samples) / SAMPLE_RATE
                    turns.append(Turn(turn, start, start + length, category, text))
                    count, seconds = count + 1, seconds + length
            for kind, content in (
                ("EmoEvaluation", label_file(turns)),
                ("transcriptions", "".join(f"{t.name} [{t.start:08.4f}-{t.end:08.4f}]: {t.text}\n" for t in turns)),
            ):
                path = root / "dialog" / kind / f"{dialogue}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
    return f"{count} utterances, {seconds / 60:.1f} minutes, {len(speakers)} speakers"


if __name__ == "__main__":
    make_corpus(__doc__.split("\n")[0], "IEMOCAP", make)
