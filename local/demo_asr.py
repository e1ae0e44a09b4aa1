"""Make a small corpus of read speech by a synthesiser, laid out as TIMIT: a demo without scientific meaning.

24 speakers of three accents, 16 to train, 4 for dev and 4 for test, each part with sentences of its own.
"""

from pathlib import Path

import numpy as np
from demo_speech import (
    SAMPLE_RATE,
    Prosody,
    Segment,
    Synthesiser,
    make_corpus,
    make_speakers,
    read_sentences,
    speak,
    write_wav,
)

VARIANTS = {
    "F": "f1 f2 f3 f4 f5 linda steph belinda aunty Alicia Andrea Annie",
    "M": "m1 m2 m3 m4 m5 m6 m7 m8 Gene Michael robert ed",
}
ACCENTS = ["en-us", "en-us", "en-us", "en-gb", "en-us", "en-gb-scotland"]
# As in TIMIT: F or M, three letters, a digit. Two of TRAIN in each dialect region; one of TEST, first dev, then test.
SPEAKERS = {
    "train": "FABC0 MACK0 FBEN0 MBAR0 FCHO0 MCOL0 FDEW0 MDUN0 FELM0 MEND0 FFOX0 MFIR0 FGAL0 MGUS0 FHOB0 MHUT0",
    "dev": "FIVY0 MIRA0 FJOT0 MJAY0",
    "test": "FKIT0 MKEN0 FLOW0 MLEE0",
}
NOISE = (12, 28)  # dB below the speech
LEVEL = (-32, -22)  # dB below full scale


def write_segments(path: Path, segments: list[Segment], num_samples: int) -> None:
    """Lines '<first sample> <the one after the last> <name>'."""
    borders = [(round(start * SAMPLE_RATE), min(round(end * SAMPLE_RATE), num_samples)) for start, end, _ in segments]
    path.write_text(
        "".join(f"{start} {end} {s.name}\n" for (start, end), s in zip(borders, segments, strict=True) if end > start)
    )


def make(folder: Path, seed: int, most: int, synthesiser: Synthesiser) -> str:
    sentences = read_sentences()
    names = {part: speakers.split() for part, speakers in SPEAKERS.items()}
    everyone = [name for part in names.values() for name in part]
    speakers = {s.name: s for s in make_speakers(everyone, VARIANTS, ACCENTS, NOISE, LEVEL, seed)}
    regions = {name: i % 16 // 2 + 1 for i, name in enumerate(names["train"])}
    regions |= {name: i + 1 for i, name in enumerate(names["dev"] + names["test"])}
    rng = np.random.default_rng([seed, len(everyone)])
    number, seconds = 0, 0.0
    for part in names:
        for i, name in enumerate(names[part]):
            for k, text in enumerate(sentences[part][i :: len(names[part])][:most]):
                number += 1
                # A reader is never twice the same.
                change = rng.standard_normal(3)
                prosody = Prosody(rate=1 + 0.06 * change[0], pitch=3 * change[1], gain=1.5 * change[2])
                speech = speak(synthesiser, speakers[name], text, prosody, rng)
                directory = folder / ("TRAIN" if part == "train" else "TEST") / f"DR{regions[name]}" / name
                # TIMIT's speakers read five compact sentences (SX) and three diverse ones (SI).
                stem = f"{'SX' if k % 8 < 5 else 'SI'}{number}"
                write_wav(directory / f"{stem}.WAV", speech.samples)
                num_samples = len(speech.samples)
                seconds += num_samples / SAMPLE_RATE
                (directory / f"{stem}.TXT").write_text(f"0 {num_samples} {text}\n")
                write_segments(directory / f"{stem}.PHN", speech.phones, num_samples)
                write_segments(directory / f"{stem}.WRD", speech.words, num_samples)
    for part in ("dev", "test"):
        (folder / f"{part}_spk.list").write_text("".join(f"{name.lower()}\n" for name in names[part]))
    return f"{number} sentences, {seconds / 60:.1f} minutes, {len(everyone)} speakers"


if __name__ == "__main__":
    make_corpus(__doc__.split("\n")[0], "TIMIT", make)
