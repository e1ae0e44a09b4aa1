"""A recording that breaks after the corpus was checked is in no count of what was used."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


@pytest.fixture
def data(tmp_path):
    """21 recordings of 0.1 s (8 frames) of two speakers, b having one only."""
    data = tmp_path / "data"
    data.mkdir()
    utterances = [f"a_{i:02}" for i in range(20)] + ["b_00"]
    rng = np.random.default_rng(1)
    for utt in utterances:
        soundfile.write(data / f"{utt}.wav", 0.1 * rng.normal(size=1600), 16000)
    (data / "wav.scp").write_text("".join(f"{utt} {data}/{utt}.wav\n" for utt in utterances))
    (data / "utt2spk").write_text("".join(f"{utt} {utt[0]}\n" for utt in utterances))
    (data / "spk2utt").write_text(f"a {' '.join(utterances[:-1])}\nb b_00\n")
    return data


@pytest.mark.parametrize("fault", ["cut off", "too short", "a pipe that fails"])
def test_it_is_named_and_neither_features_nor_lists_nor_the_split_have_it(root, data, tmp_path, fault):
    wav = data / "b_00.wav"
    if fault == "cut off":
        wav.write_bytes(wav.read_bytes()[:-1000])
    elif fault == "too short":
        soundfile.write(wav, np.zeros(399), 16000)
    else:
        (data / "wav.scp").write_text((data / "wav.scp").read_text().replace(str(wav), "false |"))
    made = run(root / "steps/make_mfcc.sh", "--nj", "1", "--mfcc-config", root / "conf/mfcc.conf", data)
    assert made.returncode == 0, made.stderr
    assert f"features of 20 of 21 utterances in {data}; lost: b_00" in made.stderr
    kept = run(root / "utils/keep_with_features.sh", data)
    assert f"20 of 21 utterances of {data} have features and are kept; lost: b_00; see" in kept.stderr
    for name in ("wav.scp", "utt2spk", "feats.scp", "utt2num_frames"):
        assert len((data / name).read_text().splitlines()) == 20, name
    assert (data / "spk2utt").read_text().split()[0] == "a" and "b_00" not in (data / "spk2utt").read_text()
    dev = tmp_path / "dev"
    dev.mkdir()
    (dev / "utt2spk").write_text("c_00 c\n")
    audit = run(sys.executable, root / "utils/audit_split.py", data, dev)
    assert " ".join(audit.stdout.split()).startswith("train 1 speakers 20 utterances 160 frames")


def test_two_of_21_are_more_than_5_per_cent_and_an_error(root, data):
    for utt in ("a_03", "b_00"):
        (data / f"{utt}.wav").write_bytes(b"RIFF")
    made = run(root / "steps/make_mfcc.sh", "--nj", "1", "--mfcc-config", root / "conf/mfcc.conf", data)
    assert made.returncode == 1
    assert f"features of 19 of 21 utterances in {data}; lost: a_03 b_00" in made.stderr.splitlines()[-1]
    assert not (data / "feats.scp").exists()
