"""Where an alignment has silence there is no speech."""

import gzip
import shutil
import subprocess
import sys

import pytest

from asrser_io.tables import read_table


@pytest.fixture
def work(golden, tmp_path):
    """An alignment of Kaldi's in two jobs, and the data directory of its utterances and of one more."""
    (tmp_path / "ali").mkdir()
    shutil.copy(golden / "mono/final.mdl", tmp_path / "ali")
    lines = (golden / "mono/ali.txt").read_text().splitlines(keepends=True)
    for job, some in enumerate((lines[:6], lines[6:]), 1):
        (tmp_path / f"ali/ali.{job}.gz").write_bytes(gzip.compress("".join(some).encode()))
    (tmp_path / "data/log").mkdir(parents=True)
    (tmp_path / "lang/phones").mkdir(parents=True)
    symbols = dict(line.split() for line in (golden / "lang/phones.txt").read_text().splitlines())
    (tmp_path / "lang/phones/silence.int").write_text(f"{symbols['sil']}\n")
    utterances = [line.split()[0] for line in lines] + ["zoe"]
    (tmp_path / "data/feats.scp").write_text("".join(f"{utt} feats.ark:{i}\n" for i, utt in enumerate(utterances)))
    return tmp_path


def mark(root, work):
    command = [sys.executable, root / "steps/ali_to_vad.py", *(work / name for name in ("lang", "data", "ali"))]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_frame_of_a_silence_phone_is_silent(root, golden, work):
    result = mark(root, work)
    assert result.returncode == 0, result.stderr
    silence = (work / "lang/phones/silence.int").read_text().split()
    phones = {line.split()[0]: line.split()[1:] for line in (golden / "mono/phones.txt").read_text().splitlines()}
    found = {utt: voiced.tolist() for utt, voiced in read_table(f"scp:{work}/data/vad.scp", "vector")}
    assert found == {utt: [float(phone not in silence) for phone in of] for utt, of in phones.items()}
    assert 0 < sum(map(sum, found.values())) < sum(map(len, found.values()))


def test_an_utterance_without_alignment_has_no_features_any_more(root, work):
    before = (work / "data/feats.scp").read_text()
    assert mark(root, work).returncode == 0
    assert (work / "data/feats.scp").read_text() == before.replace(f"zoe feats.ark:{before.count('ark') - 1}\n", "")


def test_alignments_of_other_utterances_are_refused(root, work):
    (work / "data/feats.scp").write_text("zoe feats.ark:1\n")
    result = mark(root, work)
    assert result.returncode == 1 and f"none of the 1 utterances of {work}/data is in {work}/ali" in result.stderr
    assert not (work / "data/vad.scp").exists()
