"""local/words_to_phones.sh: which of a word's pronunciations was spoken, and where there was silence."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 16000
VOWELS = {"a": 300, "o": 1000, "i": 3000}  # Hz of the tones that stand for phones
PRONUNCIATIONS = {"la": ["a"], "lo": ["o"], "li": ["i"], "either": ["a i", "i a"]}


def write_set(folder: Path, speakers: list[str], draw: random.Random) -> dict[str, str]:
    """Four utterances of each speaker; returns what was said in each: phones, and sil for the pauses."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(draw.randrange(1000))
    tables: dict[str, list[str]] = {"wav.scp": [], "text": [], "utt2spk": []}
    truth = {}
    for speaker in speakers:
        for n in range(4):
            words = draw.sample(["la", "lo", "li", "either", "either"], 5)
            spoken = ["sil"]
            for word in words:
                spoken += draw.choice(PRONUNCIATIONS[word]).split()
                spoken += ["sil"] if draw.random() < 0.3 else []
            spoken += ["sil"] if spoken[-1] != "sil" else []
            pieces = []
            for phone in spoken:
                time = np.arange(int(RATE * draw.uniform(0.10, 0.14))) / RATE
                pieces.append(0.2 * np.sin(2 * np.pi * VOWELS[phone] * time) if phone != "sil" else 0 * time)
            samples = np.concatenate(pieces)
            samples += 1e-3 * noise.normal(size=len(samples))
            utterance = f"{speaker}-{n}"
            soundfile.write(folder / f"{utterance}.wav", samples, RATE, subtype="PCM_16")
            tables["wav.scp"].append(f"{utterance} {folder / utterance}.wav")
            tables["text"].append(f"{utterance} {' '.join(words)}")
            tables["utt2spk"].append(f"{utterance} {speaker}")
            truth[utterance] = " ".join(spoken)
    for name, lines in tables.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    return truth


def table(file: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in file.read_text().splitlines())


@pytest.mark.parametrize(("order", "kaldi"), [(1, False), (-1, False), (1, True)])
def test_the_pronunciation_that_was_spoken_is_chosen_whichever_comes_first(root, tmp_path, order, kaldi, request):
    draw = random.Random(1)
    sets = {"train": ["s1", "s2", "s3", "s4"], "dev": ["s5"], "test": ["s6"]}
    truth = {name: write_set(tmp_path / "own" / name, speakers, draw) for name, speakers in sets.items()}
    lines = [f"{word} {phones}\n" for word, some in PRONUNCIATIONS.items() for phones in some[::order]]
    (tmp_path / "lexicon").write_text("".join(lines))
    environment = {**os.environ, "PYTHON": sys.executable}
    if kaldi:
        environment["KALDI_ROOT"] = str(request.getfixturevalue("kaldi_root"))

    def run(*command):
        done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(root / "local/asr_data.sh", "--lexicon", tmp_path / "lexicon", tmp_path / "own", tmp_path / "words")
    command = [root / "local/words_to_phones.sh", "--nj", "1", *(tmp_path / name for name in ("words", "exp", "asr"))]
    assert "dev: 4 utterances aligned" in run(*command)
    found = {name: table(tmp_path / "asr" / name / "text") for name in sets}
    assert found == truth
    assert table(tmp_path / "words/dev/text") == table(tmp_path / "own/dev/text")
    assert (tmp_path / "asr/phones").read_text().split() == ["a", "i", "o", "sil"]
    assert (tmp_path / "asr/corpus").read_text() == (
        "own corpus own (reference phones are those of the aligned pronunciations)\n"
    )
    # What is there is not made again
    model = (tmp_path / "exp/mono/final.mdl").stat().st_mtime_ns
    run(*command)
    assert (tmp_path / "exp/mono/final.mdl").stat().st_mtime_ns == model
    # … nor taken for that of other words
    text = tmp_path / "words/dev/text"
    text.write_text(text.read_text().replace(" ", " zoe ", 1))
    os.utime(text, (0, 0))
    refused = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    assert refused.returncode == 1 and f"{tmp_path}/exp was made of other words" in refused.stderr
