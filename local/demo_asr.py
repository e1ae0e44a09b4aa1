"""Make a small corpus of read speech by a synthesiser, laid out as TIMIT: a demo without scientific meaning.

24 speakers of two accents, 16 to train, 4 for dev and 4 for test, each part with sentences of its own.
"""

from pathlib import Path

import numpy as np
from demo_speech import (
    SAMPLE_RATE,
    Prosody,
    Segment,
    Speaker,
    Synthesiser,
    make_corpus,
    make_speakers,
    read_sentences,
    speak,
    write_wav,
)

ACCENTS = ["en-us", "en-us", "en-gb", "en-us", "en-us"]
# Name and voice. As in TIMIT, a name is F or M, three letters and a digit. Two of TRAIN are of each dialect region, one
# of TEST: first dev, then test.
SPEAKERS = {
    "train": {
        "FABC0": "steph", "MACK0": "m1", "FBEN0": "f3", "MBAR0": "m3", "FCHO0": "f5", "MCOL0": "Michael",
        "FDEW0": "linda", "MDUN0": "m5", "FELM0": "Alicia", "MEND0": "m7", "FFOX0": "aunty", "MFIR0": "m8",
        "FGAL0": "Andrea", "MGUS0": "robert", "FHOB0": "Annie", "MHUT0": "ed",
    },
    "dev": {
        "FIVY0": "f2", "MIRA0": "m2", "FJOT0": "belinda", "MJAY0": "Gene",
    },
    "test": {
        "FKIT0": "f4", "MKEN0": "m6", "FLOW0": "f1", "MLEE0": "m4",
    },
}  # fmt: skip
NOISE = (8, 24)  # dB below the speech
LEVEL = (-28, -26)  # dB below full scale


def write_segments(path: Path, segments: list[Segment], num_samples: int) -> None:
    """Lines '<first sample> <the one after the last> <name>'."""
    borders = [(round(start * SAMPLE_RATE), min(round(end * SAMPLE_RATE), num_samples)) for start, end, _ in segments]
    path.write_text(
        "".join(f"{start} {end} {s.name}\n" for (start, end), s in zip(borders, segments, strict=True) if end > start)
    )


def read_out(stem: Path, text: str, speaker: Speaker, synthesiser: Synthesiser, rng: np.random.Generator) -> int:
    """Have a sentence read, and write what TIMIT has of each: <stem>.WAV, .TXT, .PHN and .WRD; returns its samples."""
    a, b, c, d = rng.standard_normal(4)  # a reader is never twice the same
    prosody = Prosody(rate=1 + 0.06 * a, pitch=4 * b, gain=2 * c, tilt=float(np.clip(0.2 * d, -0.5, 0.5)))
    speech = speak(synthesiser, speaker, text, prosody, rng)
    num_samples = len(speech.samples)
    write_wav(stem.with_suffix(".WAV"), speech.samples)
    stem.with_suffix(".TXT").write_text(f"0 {num_samples} {text}\n")
    write_segments(stem.with_suffix(".PHN"), speech.phones, num_samples)
    write_segments(stem.with_suffix(".WRD"), speech.words, num_samples)
    return num_samples


def make(folder: Path, seed: int, most: int, synthesiser: Synthesiser) -> str:
    sentences = read_sentences()
    names = {part: list(variants) for part, variants in SPEAKERS.items()}
    everyone = SPEAKERS["train"] | SPEAKERS["dev"] | SPEAKERS["test"]
    speakers = make_speakers(everyone, ACCENTS, NOISE, LEVEL, seed)
    regions = {name: i % 16 // 2 + 1 for i, name in enumerate(names["train"])}
    regions |= {name: i + 1 for i, name in enumerate(names["dev"] + names["test"])}
    rng = np.random.default_rng([seed, len(everyone)])
    count, seconds, first_number = 0, 0.0, 1
    for part, readers in names.items():
        for i, name in enumerate(readers):
            # Two speakers read each sentence of train, as several read TIMIT's compact ones (SX), and one those of dev
            # and test, as TIMIT's diverse ones (SI).
            shares = [i, (i + 5) % len(readers)] if part == "train" else [i]
            mine = [n for share in shares for n in range(share, len(sentences[part]), len(readers))]
            directory = folder / ("TRAIN" if part == "train" else "TEST") / f"DR{regions[name]}" / name
            for n in mine[:most]:
                stem = f"{'SX' if part == 'train' else 'SI'}{first_number + n}"
                num_samples = read_out(directory / stem, sentences[part][n], speakers[name], synthesiser, rng)
                count, seconds = count + 1, seconds + num_samples / SAMPLE_RATE
        first_number += len(sentences[part])
    for part in ("dev", "test"):
        (folder / f"{part}_spk.list").write_text("".join(f"{name.lower()}\n" for name in names[part]))
    return f"{count} recordings, {seconds / 60:.1f} minutes, {len(everyone)} speakers"


if __name__ == "__main__":
    make_corpus(__doc__.split("\n")[0], "TIMIT", make)
