"""Corpora for the recipes, small enough for a test."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

TONES = {"ang": 900, "hap": 600, "sad": 150, "neu": 300}  # Hz; what the network is to tell apart


def _write_tones(corpus: Path) -> None:
    """Ten speakers with two utterances of each emotion: half a second of tone between silences."""
    rng = np.random.default_rng(1)
    for n in range(1, 6):
        for gender in "FM":
            dialogue = f"Ses0{n}{gender}_impro01"
            labels = corpus / f"Session{n}/dialog/EmoEvaluation/{dialogue}.txt"
            wavs = corpus / f"Session{n}/sentences/wav/{dialogue}"
            labels.parent.mkdir(parents=True, exist_ok=True)
            wavs.mkdir(parents=True)
            lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"]
            for i, (category, pitch) in enumerate(list(TONES.items()) * 2):
                turn = f"{dialogue}_{gender}{i:03}"
                lines.append(
                    f"[{i}.0000 - {i}.5000]\t{turn}\t{category}\t[2.5000, 2.5000, 2.5000]\nC-E1:\tAnger;\t()\n\n"
                )
                tone = 0.2 * np.sin(2 * np.pi * pitch * (1 + 0.05 * rng.normal()) * np.arange(8000) / 16000)
                silence = np.zeros(2400)
                samples = np.concatenate([silence, tone, silence]) + 1e-4 * rng.normal(size=12800)
                soundfile.write(wavs / f"{turn}.wav", samples, 16000, subtype="PCM_16")
            labels.write_text("".join(lines))
    (corpus / "README.demo").write_text("made for a test\n")


@pytest.fixture(scope="session")
def tones(tmp_path_factory) -> Path:
    """A corpus of emotional tones, laid out as IEMOCAP."""
    corpus = tmp_path_factory.mktemp("tones")
    _write_tones(corpus)
    return corpus
