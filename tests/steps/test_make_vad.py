"""The step that marks speech, against what Kaldi marked."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from asrser_io.tables import TableWriter, read_table


@pytest.fixture
def data(golden, tmp_path) -> Path:
    """Kaldi's data directory of 16 sentences with Kaldi's own MFCC and log-energy."""
    data = tmp_path / "dev"
    data.mkdir()
    for name in ("utt2spk", "spk2utt"):
        (data / name).write_text((golden / "data" / name).read_text())
    with TableWriter(f"ark,scp:{tmp_path}/mfcc.ark,{data}/feats.scp", "matrix") as writer:
        for utterance, feats in read_table(f"ark:{golden}/feats/mfcc_vad.ark", "matrix"):
            writer.write(utterance, feats)
    return data


def make_vad(root: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = ["bash", root / "steps/make_vad.sh", "--vad-config", root / "conf/vad.conf", *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def test_speech_is_marked_where_kaldi_marked_it(root, golden, data):
    result = make_vad(root, "--nj", 2, data)
    assert result.returncode == 0, result.stderr
    ours = dict(read_table(f"scp:{data}/vad.scp", "vector"))
    kaldis = dict(read_table(f"ark:{golden}/feats/vad.txt", "vector"))
    assert list(ours) == sorted(kaldis)
    assert all(np.array_equal(ours[utterance], kaldis[utterance]) for utterance in kaldis)


def test_filterbanks_are_refused(root, golden, data):
    with TableWriter(f"ark,scp:{data}/fbank.ark,{data}/feats.scp", "matrix") as writer:
        for utterance, feats in read_table(f"ark:{golden}/feats/fbank.ark", "matrix"):
            writer.write(utterance, feats)
    result = make_vad(root, data)
    assert result.returncode == 1
    assert "40 columns: these look like filterbanks" in result.stderr
    assert not (data / "vad.scp").exists()


def test_digital_silence_alone_is_an_error_and_leaves_no_vad(root, data):
    with TableWriter(f"ark,scp:{data}/silence.ark,{data}/feats.scp", "matrix") as writer:
        for line in (data / "utt2spk").read_text().splitlines():
            writer.write(line.split()[0], np.full((50, 13), -15.9, np.float32))
    result = make_vad(root, "--nj", 1, data)
    assert result.returncode == 1
    assert "No frames were judged voiced" in result.stderr
    assert not (data / "vad.scp").exists()
