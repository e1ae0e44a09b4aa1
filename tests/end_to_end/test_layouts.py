"""The whole study on LibriSpeech's layout with CREMA-D's, on made-up audio and with tiny networks."""

import json
import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import soundfile

TINY = "--channels=2,3\n--hidden=8,8,8\n--max-epochs=1\n"
TONES = {"ANG": 900, "HAP": 600, "SAD": 150, "NEU": 300}  # Hz; what the network is to tell apart


def segments_in(file: Path) -> list[tuple[float, float, str]]:
    return [(int(a), int(b), name) for a, b, name in map(str.split, file.read_text().splitlines())]


def librispeech_of(timit: Path, corpus: Path, lexicon: Path, map_file: Path) -> None:
    """Lay out the demo's TIMIT as mini_librispeech: its TRAIN as train-clean-5, its TEST as dev-clean-2.

    The lexicon has what the synthesiser said for each word, often in several ways, as CMUdict would have it.
    """
    rows = [line.split() for line in map_file.read_text().splitlines() if line and line[0] != "#"]
    fold = {row[0]: row[2] for row in rows if len(row) == 3}
    pronunciations: dict[str, list[str]] = {}
    readers = sorted(folder for folder in timit.glob("T*/DR*/*") if folder.is_dir())
    sexes = []
    for i, folder in enumerate(readers):
        part = "train-clean-5" if "TRAIN" in folder.parts else "dev-clean-2"
        reader, chapter = str(7 + 31 * i), str(100 + i)  # 7, 38 … 100 …: of one to three digits
        sexes.append(f"{reader:5}| {folder.name[0]} | {part:16} | 0.50  | {folder.name}\n")
        target = corpus / part / reader / chapter
        target.mkdir(parents=True)
        lines = []
        for number, wav in enumerate(sorted(folder.glob("*.WAV"))):
            utterance = f"{reader}-{chapter}-{number:04}"
            samples, rate = soundfile.read(wav, dtype="int16")
            soundfile.write(target / f"{utterance}.flac", samples, rate)
            phones, words = segments_in(wav.with_suffix(".PHN")), segments_in(wav.with_suffix(".WRD"))
            for start, end, word in words:
                spoken = [fold.get(name, "sil") for a, b, name in phones if start <= (a + b) / 2 < end]
                said = " ".join(phone.upper() for phone in spoken if phone != "sil")
                if said and said not in pronunciations.setdefault(word.upper(), []):
                    pronunciations[word.upper()].append(said)
            lines.append(f"{utterance} {' '.join(word.upper() for _, _, word in words)}\n")
        (target / f"{reader}-{chapter}.trans.txt").write_text("".join(lines))
        (target / "._shadow.flac").write_text("of a Mac")
    (corpus / "SPEAKERS.TXT").write_text(";ID |SEX| SUBSET | MINUTES | NAME\n" + "".join(sexes))
    entries = [";;; made for a test\n"]
    for word, some in sorted(pronunciations.items()):
        for n, phones in enumerate(some, start=1):
            stressed = re.sub(r"\b(AA|AE|AH|EH|IH|IY)\b", r"\g<1>1", phones)
            entries.append(f"{word.lower()}{f'({n})' if n > 1 else ''} {stressed}{' # a comment' if n == 2 else ''}\n")
    lexicon.write_text("".join(entries))


def write_cremad(corpus: Path) -> None:
    """Four actors of CREMA-D's for training and test, two of its dev; two sentences, half a second of tone in each."""
    rng = np.random.default_rng(1)
    folder = corpus / "AudioWAV"
    folder.mkdir(parents=True)
    for actor, sentence, (emotion, pitch) in product(
        (1001, 1002, 1003, 1005, 1090, 1091), ("IEO", "TIE"), TONES.items()
    ):
        tone = 0.2 * np.sin(2 * np.pi * pitch * (1 + 0.05 * rng.normal()) * np.arange(8000) / 16000)
        silence = np.zeros(2400)
        samples = np.concatenate([silence, tone, silence]) + 1e-4 * rng.normal(size=12800)
        soundfile.write(folder / f"{actor}_{sentence}_{emotion}_XX.wav", samples, 16000, subtype="PCM_16")


def test_the_study_runs_on_words_with_a_lexicon_and_on_clips_of_actors(root, tmp_path):
    timit = tmp_path / "timit"
    command = [sys.executable, root / "local/demo_asr.py", "--sentences", "1", timit]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    librispeech, lexicon = tmp_path / "mini/LibriSpeech", tmp_path / "lexicon"
    librispeech_of(timit, librispeech, lexicon, root / "conf/phones.61-48-39.map")
    write_cremad(tmp_path / "cremad")
    for task in ("asr", "ser"):
        (tmp_path / f"{task}.conf").write_text(TINY)
    (tmp_path / "study.conf").write_text("--folds=1\n")
    work = tmp_path / "work"
    options = [
        *("--dir", work, "--conf", tmp_path, "--layers", "5", "--nj", "1", "--device", "cpu", "--threads", "1"),
        *("--asr-corpus", "librispeech", "--librispeech", tmp_path / "mini", "--lexicon", lexicon),
        *("--ser-corpus", "cremad", "--cremad", tmp_path / "cremad", "--allow-partial", "true", "--leave-out", "2"),
        *("--stage", "1"),
    ]
    environment = {**os.environ, "PYTHON": sys.executable}
    command = [str(word) for word in (root / "run.sh", *options)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr

    # Every phone of a transcript is of a pronunciation of one of its words, in their order, or silence.
    pronunciations = {}
    for line in (work / "data/words/lexiconp.txt").read_text().splitlines():
        word, _, *phones = line.split()
        pronunciations.setdefault(word, []).append(phones)
    text, words = (
        dict(line.split(" ", 1) for line in (work / f"data/{kind}/test/text").read_text().splitlines())
        for kind in ("asr", "words")
    )
    assert len(text) == 4

    def can_be(phones, words):
        if not words:
            return not phones
        return any(
            phones[: len(said)] == said and can_be(phones[len(said) :], words[1:]) for said in pronunciations[words[0]]
        )

    for utterance, phones in text.items():
        assert can_be([phone for phone in phones.split() if phone != "sil"], words[utterance].split())
    assert "reference phones are those of the aligned pronunciations" in (work / "exp/RESULTS").read_text()
    assert "aligned pronunciations" in (work / "exp/report/index.html").read_text()
    assert "1 of the 2 sentences" not in result.stdout
    assert "2 of the 2 sentences of test are in training" in result.stdout
    assert len((work / "exp/ser/folds/groups").read_text().splitlines()) == 4
    summary = json.loads((work / "exp/ser/summary.json").read_text())
    assert summary["test"]["utterances"]["total"] == 2 * 2 * 4
