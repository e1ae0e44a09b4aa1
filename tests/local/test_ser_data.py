"""A corpus of one's own: any emotions, any speakers, in a Kaldi data directory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two recordings of two speakers, one cut into two utterances, with emotions that the paper does not have."""
    data = tmp_path / "own"
    data.mkdir()
    for recording, rate in (("ann-tape", 16000), ("bob-1", 8000)):
        soundfile.write(
            tmp_path / f"{recording}.wav", np.random.default_rng(1).normal(0, 0.1, rate), rate, subtype="PCM_16"
        )
    (data / "wav.scp").write_text(f"ann-tape {tmp_path}/ann-tape.wav\nbob-1 {tmp_path}/bob-1.wav\n")
    (data / "segments").write_text("ann-1 ann-tape 0.0 0.5\nann-2 ann-tape 0.5 1.0\nbob-1 bob-1 0.0 1.0\n")
    (data / "utt2spk").write_text("ann-1 ann\nann-2 ann\nbob-1 bob\n")
    (data / "utt2emotion").write_text("ann-1 surprise\nann-2 neutral\nbob-1 anger\n")
    return data


def prepare(data: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).resolve().parents[2] / "local/ser_data.py"
    return subprocess.run([sys.executable, script, *options, data, out], capture_output=True, text=True)


def test_own_emotions_come_after_those_of_the_paper(data, tmp_path):
    assert prepare(data, tmp_path / "ser").returncode == 0
    assert (tmp_path / "ser/emotions").read_text().split() == ["anger", "neutral", "surprise"]
    assert (tmp_path / "ser/corpus").read_text() == "own corpus own\n"


def test_a_given_order_of_the_classes_is_kept(data, tmp_path):
    (data / "emotions").write_text("surprise\nneutral\nanger\n")
    prepare(data, tmp_path / "ser")
    assert (tmp_path / "ser/emotions").read_text().split() == ["surprise", "neutral", "anger"]


def test_segments_are_kept_and_only_recordings_that_need_it_are_converted(data, tmp_path):
    prepare(data, tmp_path / "ser")
    assert (tmp_path / "ser/segments").read_text() == (data / "segments").read_text()
    assert (tmp_path / "ser/wav.scp").read_text().splitlines() == [
        f"ann-tape {tmp_path}/ann-tape.wav",
        f"bob-1 {tmp_path}/ser/wav/bob-1.wav",
    ]
    assert soundfile.info(tmp_path / "ser/wav/bob-1.wav").samplerate == 16000


def test_the_speaker_is_put_in_front_of_the_utterance(data, tmp_path):
    (data / "utt2spk").write_text("ann-1 ann\nann-2 ann\nbob-1 robert\n")
    assert prepare(data, tmp_path / "ser").returncode == 0
    assert (tmp_path / "ser/utt2original").read_text().splitlines() == [
        "ann-ann-1 ann-1",
        "ann-ann-2 ann-2",
        "robert-bob-1 bob-1",
    ]
    assert "robert-bob-1 bob-1 0.0 1.0" in (tmp_path / "ser/segments").read_text()


def test_a_recording_that_comes_from_a_command_is_left_to_kaldi(data, tmp_path):
    command = f"sox {tmp_path}/ann-tape.wav -t wav - |"
    (data / "wav.scp").write_text(f"ann-tape {command}\nbob-1 {tmp_path}/bob-1.wav\n")
    assert prepare(data, tmp_path / "ser").returncode == 0
    assert f"ann-tape {command}\n" in (tmp_path / "ser/wav.scp").read_text()


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("utt2emotion", "ann-1 surprise\nann-2 neutral\n", "the first is bob-1"),
        ("utt2emotion", "ann-1 anger\nann-2 anger\nbob-1 anger\n", "at least two emotions are needed, found anger"),
        ("utt2emotion", "ann-1 silence\nann-2 anger\nbob-1 anger\n", "'silence' is the class of silent frames"),
        ("utt2emotion", "ann-1\nann-2 anger\nbob-1 anger\n", "utt2emotion:1: expected 'key value', found 'ann-1'"),
        ("utt2spk", "ann-1 ann\nann-1 bob\n", "utt2spk:2: ann-1 stands there for the second time"),
        ("wav.scp", "ann-tape /nowhere.wav\n", "ann-1 no audio, /nowhere.wav is missing"),
        ("segments", "ann-1 ann-tape 0.0 0.5\nbob-1 bob-1 0.0 1.0\n", "ann-2 no audio, its line in"),
        ("emotions", "anger\nneutral\n", "utt2emotion has surprise"),
    ],
)
def test_bad_input_is_refused_with_one_line(data, tmp_path, file, text, said):
    (data / file).write_text(text)
    result = prepare(data, tmp_path / "ser")
    assert result.returncode == 1
    assert said in result.stderr.splitlines()[-1]
    assert not (tmp_path / "ser").exists()


def test_a_directory_without_emotions_is_refused(data, tmp_path):
    (data / "utt2emotion").unlink()
    assert "no " in prepare(data, tmp_path / "ser").stderr
    assert not (tmp_path / "ser").exists()
