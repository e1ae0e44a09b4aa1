"""Folds: who trains, who stops the training, who is tested."""

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEAKERS = [f"Ses0{n}{gender}" for n in range(1, 6) for gender in "FM"]


def write_data(data: Path, speakers: list[str], **more: str) -> Path:
    """A data directory of two utterances a speaker, with nothing behind feats.scp and labels.scp."""
    data.mkdir()
    utterances = [(f"{speaker}-{n}", speaker) for speaker in speakers for n in (1, 2)]
    files = {
        "feats.scp": "".join(f"{utt} feats.ark:{i}\n" for i, (utt, _) in enumerate(utterances)),
        "labels.scp": "".join(f"{utt} labels.ark:{i}\n" for i, (utt, _) in enumerate(utterances)),
        "utt2spk": "".join(f"{utt} {speaker}\n" for utt, speaker in utterances),
        "utt2emotion": "".join(f"{utt} anger\n" for utt, _ in utterances),
        "classes": "anger\nsilence\n",
    }
    for name, text in (files | more).items():
        (data / name).write_text(text)
    return data


@pytest.fixture
def iemocap(tmp_path: Path) -> Path:
    sessions = "".join(f"{speaker} {speaker[:5]}\n" for speaker in SPEAKERS)
    return write_data(tmp_path / "ser", SPEAKERS, spk2session=sessions, dev_speakers="Ses05F\nSes05M\n")


def make_folds(data: Path, folds: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "local/make_folds.py", *options, data, folds]
    return subprocess.run(command, capture_output=True, text=True)


def speakers_of(part: Path) -> list[str]:
    return sorted({line.split()[1] for line in (part / "utt2spk").read_text().splitlines()})


def test_eight_folds_leave_out_each_speaker_of_sessions_1_to_4_and_session_5_is_always_dev(iemocap, tmp_path):
    assert make_folds(iemocap, tmp_path / "folds").returncode == 0
    folds = (tmp_path / "folds/list").read_text().split()
    assert folds == SPEAKERS[:8]
    for fold in folds:
        assert speakers_of(tmp_path / "folds" / fold / "test") == [fold]
        assert speakers_of(tmp_path / "folds" / fold / "dev") == ["Ses05F", "Ses05M"]
        assert speakers_of(tmp_path / "folds" / fold / "train") == [s for s in SPEAKERS[:8] if s != fold]


def test_no_utterance_stands_in_two_parts_and_none_is_lost(iemocap, tmp_path):
    make_folds(iemocap, tmp_path / "folds")
    for name in ("feats.scp", "labels.scp", "utt2spk", "utt2emotion"):
        lines = [
            set((tmp_path / "folds/Ses03M" / part / name).read_text().splitlines()) for part in ("train", "dev", "test")
        ]
        assert all(not one & other for one, other in combinations(lines, 2))
        assert set.union(*lines) == set((iemocap / name).read_text().splitlines())


def test_leaving_out_a_session_leaves_out_the_dialogue_partner_too(iemocap, tmp_path):
    make_folds(iemocap, tmp_path / "folds", "--leave-out", "session")
    assert (tmp_path / "folds/list").read_text().split() == ["Ses01", "Ses02", "Ses03", "Ses04"]
    assert speakers_of(tmp_path / "folds/Ses02/test") == ["Ses02F", "Ses02M"]
    assert speakers_of(tmp_path / "folds/Ses02/train") == ["Ses01F", "Ses01M", "Ses03F", "Ses03M", "Ses04F", "Ses04M"]


def test_the_first_folds_can_be_had_alone_and_the_others_later(iemocap, tmp_path):
    make_folds(iemocap, tmp_path / "folds", "--folds", "2")
    assert (tmp_path / "folds/list").read_text().split() == ["Ses01F", "Ses01M"]
    assert not (tmp_path / "folds/Ses02F").exists()
    before = (tmp_path / "folds/Ses01F").stat().st_ino
    assert make_folds(iemocap, tmp_path / "folds").returncode == 0
    assert (tmp_path / "folds/Ses01F").stat().st_ino == before
    assert len((tmp_path / "folds/list").read_text().split()) == 8


def test_folds_that_were_trained_on_are_not_changed_under_the_networks(iemocap, tmp_path):
    make_folds(iemocap, tmp_path / "folds")
    before = (tmp_path / "folds/Ses01F/dev/utt2spk").read_text()
    result = make_folds(iemocap, tmp_path / "folds", "--dev-speakers", "Ses04F Ses04M")
    assert result.returncode == 1
    assert "made of other data or with other options" in result.stderr
    assert (tmp_path / "folds/Ses01F/dev/utt2spk").read_text() == before


def test_an_own_corpus_keeps_its_last_woman_and_last_man_for_dev(tmp_path):
    data = write_data(tmp_path / "ser", ["a", "b", "c", "d", "e"], spk2gender="a m\nb f\nc m\nd f\ne f\n")
    make_folds(data, tmp_path / "folds")
    assert speakers_of(tmp_path / "folds/a/dev") == ["c", "e"]


def test_of_three_speakers_one_is_dev(tmp_path):
    make_folds(write_data(tmp_path / "ser", ["a", "b", "c"]), tmp_path / "folds")
    assert (tmp_path / "folds/list").read_text().split() == ["a", "b"]
    assert speakers_of(tmp_path / "folds/a/dev") == ["c"]


@pytest.mark.parametrize(
    ("speakers", "options", "said"),
    [
        (["a", "b"], [], "has 2 speakers; at least 3"),
        (["a", "b", "c"], ["--dev-speakers", "b c"], "nobody is left to train on"),
        (["a", "b", "c"], ["--dev-speakers", "zoe"], "dev speaker zoe has no utterance"),
        (["a", "b", "c"], ["--dev-speakers", ","], "the dev set is empty"),
        (["a", "b", "c"], ["--leave-out", "session"], "who was recorded together"),
    ],
)
def test_folds_that_cannot_be_are_refused(tmp_path, speakers, options, said):
    result = make_folds(write_data(tmp_path / "ser", speakers), tmp_path / "folds", *options)
    assert result.returncode == 1
    assert said in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "folds").exists()


def test_a_part_of_iemocap_without_session_5_has_no_dev_set(tmp_path):
    # local/iemocap_data.py --allow-partial true writes the dev speakers that are there: none.
    data = write_data(tmp_path / "ser", SPEAKERS[:8], dev_speakers="")
    result = make_folds(data, tmp_path / "folds")
    assert result.returncode == 1 and "the dev set is empty" in result.stderr
