"""A small corpus made on the spot: three phones that sound different, so that a few iterations align them."""

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 16000
TRANSCRIPT = "sil a m sil"


def sound(phone: str, random: np.random.Generator) -> np.ndarray:
    """A quarter of a second of silence, a buzz or a hiss."""
    time = np.arange(RATE // 4) / RATE
    noise = random.normal(0, 1, len(time))
    if phone == "a":
        return 0.2 * np.sign(np.sin(2 * np.pi * 200 * time)) + 0.01 * noise
    return (0.2 if phone == "m" else 0.002) * noise


@pytest.fixture(scope="session")
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    return lambda *words: subprocess.run([str(word) for word in words], capture_output=True, text=True)


@pytest.fixture(scope="session")
def succeed(run) -> Callable[..., subprocess.CompletedProcess[str]]:
    def succeed(*words: object) -> subprocess.CompletedProcess[str]:
        result = run(*words)
        assert result.returncode == 0, result.stdout + result.stderr
        return result

    return succeed


@pytest.fixture(scope="session")
def make_corpus() -> Callable[[Path, Iterable[str], str], list[str]]:
    def make_corpus(data: Path, speakers: Iterable[str], separator: str = "-") -> list[str]:
        """Two sentences of each speaker as a data directory without features; returns the utterances in order."""
        data.mkdir(parents=True)
        speaker_of = {f"{speaker}{separator}u{i}": speaker for speaker in speakers for i in range(2)}
        utts = sorted(speaker_of)
        random = np.random.default_rng(1)
        for number in range(len(utts)):
            samples = np.concatenate([sound(phone, random) for phone in TRANSCRIPT.split()])
            soundfile.write(data / f"{number}.wav", samples, RATE, subtype="PCM_16")
        files = {
            "wav.scp": [f"{utt} {data}/{number}.wav" for number, utt in enumerate(utts)],
            "utt2spk": [f"{utt} {speaker_of[utt]}" for utt in utts],
            "spk2utt": [" ".join([s, *(utt for utt in utts if speaker_of[utt] == s)]) for s in sorted(set(speakers))],
            "text": [f"{utt} {TRANSCRIPT}" for utt in utts],
        }
        for name, lines in files.items():
            (data / name).write_text("".join(f"{line}\n" for line in lines))
        return utts

    return make_corpus
