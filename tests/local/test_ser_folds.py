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


@pytest.mark.parametrize(
    ("speakers", "options", "said"),
    [
        (["a", "b"], [], "has 2 speakers; at least 3"),
        (["a", "b", "c"], ["--dev-speakers", "b c"], "nobody is left to train on: of 3 speakers, b c are dev and a"),
        (["a", "b", "c"], ["--dev-speakers", "a b c"], "a b c are dev and none are left out"),
        (["a", "b", "c"], ["--dev-speakers", "zoe"], "--dev-speakers names zoe, who has no utterance in "),
        (["a", "b", "c"], ["--dev-speakers", ","], "--dev-speakers names nobody"),
        (["a", "b", "c"], [], "ser/dev_speakers says who decides when training stops: name the speakers"),
        (["a", "b", "c"], ["--leave-out", "session", "--dev-speakers", "a"], "who was recorded together"),
        (["a", "b", "c", "d"], ["--dev-speakers", "d", "--folds", "4"], "--folds 4: there are 3 folds, a b c"),
        (["a", "b", "c", "d"], ["--dev-speakers", "d", "--folds", "-1"], "--folds -1: there are 3 folds"),
        (["a", "b", "c/d", "e"], ["--dev-speakers", "a"], "utt2spk: 'c/d' has '/' in it"),
        (["a", "b", "list"], ["--dev-speakers", "a"], "utt2spk: 'list' cannot be the name of a folder"),
    ],
)
@pytest.mark.parametrize("first", [["--dry-run"], []])
def test_folds_that_cannot_be_are_refused(tmp_path, speakers, options, said, first):
    result = make_folds(write_data(tmp_path / "ser", speakers), tmp_path / "folds", *options, *first)
    assert result.returncode == 1
    assert said in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "folds").exists()


def test_a_list_of_dev_speakers_is_refused_by_its_file_and_name(tmp_path):
    data = write_data(tmp_path / "ser", ["a", "b", "c"], dev_speakers="c\nann\n")
    result = make_folds(data, tmp_path / "folds")
    assert f"{data}/dev_speakers names ann, who has no utterance in {data}/utt2spk" in result.stderr


@pytest.mark.parametrize(
    ("spk2session", "said"),
    [("a s1\nb s2\nd s3\n", "lacks c, who speaks"), ("a x\nb y:1\nc z\nd z\n", "'y:1' has ':'")],
)
def test_a_session_is_known_of_every_speaker_and_can_be_a_folder(tmp_path, spk2session, said):
    data = write_data(tmp_path / "ser", list("abcd"), spk2session=spk2session, dev_speakers="d\n")
    result = make_folds(data, tmp_path / "folds", "--leave-out", "session")
    assert result.returncode == 1 and f"{data}/spk2session" in result.stderr and said in result.stderr
    assert len(result.stderr.splitlines()) == 1 and not (tmp_path / "folds").exists()


def test_the_order_and_the_separators_of_dev_speakers_do_not_matter(tmp_path):
    data = write_data(tmp_path / "ser", list("abcde"), dev_speakers="d\ne\n")
    for options in ([], ["--dev-speakers", "e,d"], ["--dev-speakers", "d e d"]):
        assert make_folds(data, tmp_path / "folds", *options).returncode == 0


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_an_emotion_without_an_utterance_is_refused(tmp_path, options):
    data = write_data(tmp_path / "ser", ["a", "b", "c"], emotions="anger\nboredom\nfear\n")
    result = make_folds(data, tmp_path / "folds", *options, "--dev-speakers", "c")
    assert result.returncode == 1 and "has no utterance of boredom, fear" in result.stderr
    assert len(result.stderr.splitlines()) == 1 and not (tmp_path / "folds").exists()


def test_a_dry_run_writes_nothing(tmp_path):
    data = write_data(tmp_path / "ser", list("abcde"), dev_speakers="d\ne\n")
    result = make_folds(data, tmp_path / "folds", "--dry-run", "--folds", "2")
    assert result.returncode == 0 and result.stdout == "a\nb\n" and not (tmp_path / "folds").exists()


# ---- Groups of speakers and halves of the sentences


def table(file: Path) -> dict[str, str]:
    return dict(line.split() for line in file.read_text().splitlines())


def many(tmp_path: Path, women: int, men: int) -> Path:
    """Four speakers more, who are dev; two utterances a speaker, of the sentences s1 and s2."""
    speakers = sorted([f"w{n:02}" for n in range(women + 2)] + [f"m{n:02}" for n in range(men + 2)])
    genders = "".join(f"{speaker} {'f' if speaker[0] == 'w' else 'm'}\n" for speaker in speakers)
    sentences = "".join(f"{speaker}-{n} s{n}\n" for speaker in speakers for n in (1, 2))
    dev = f"m{men:02} m{men + 1:02} w{women:02} w{women + 1:02}".replace(" ", "\n") + "\n"
    return write_data(tmp_path / "ser", speakers, spk2gender=genders, utt2sentence=sentences, dev_speakers=dev)


@pytest.mark.parametrize(
    ("women", "men", "size", "of_sex"),
    [
        (6, 6, 4, [(2, 2), (2, 2), (2, 2)]),
        (7, 4, 4, [(2, 2), (2, 1), (3, 1)]),  # 11 speakers: groups of 4, 4 and 3
        (5, 0, 3, [(2, 0), (3, 0)]),
    ],
)
def test_groups_are_as_equal_in_size_and_sex_as_can_be(tmp_path, women, men, size, of_sex):
    data = many(tmp_path, women, men)
    result = make_folds(data, tmp_path / "folds", "--leave-out", str(size))
    assert result.returncode == 0, result.stderr
    folds = (tmp_path / "folds/list").read_text().split()
    tests = [speakers_of(tmp_path / "folds" / fold / "test") for fold in folds]
    counts = sorted((sum(s[0] == "w" for s in test), sum(s[0] == "m" for s in test)) for test in tests)
    assert counts == sorted(of_sex)
    everyone = sorted(speaker for test in tests for speaker in test)
    dev = (data / "dev_speakers").read_text().split()
    assert everyone == sorted(set(speakers_of(data)) - set(dev))
    for fold, test in zip(folds, tests, strict=True):
        assert speakers_of(tmp_path / "folds" / fold / "train") == sorted(set(everyone) - set(test))
        assert speakers_of(tmp_path / "folds" / fold / "dev") == sorted(dev)
    groups = table(tmp_path / "folds/groups")
    assert {fold: sorted(s for s in groups if groups[s] == fold) for fold in folds} == dict(
        zip(folds, tests, strict=True)
    )


def test_the_draw_decides_who_is_in_a_group(tmp_path):
    data = many(tmp_path, 6, 6)
    for folder, draw in (("one", "1"), ("again", "1"), ("two", "2")):
        assert make_folds(data, tmp_path / folder, "--leave-out", "4", "--draw", draw).returncode == 0
    assert table(tmp_path / "one/groups") == table(tmp_path / "again/groups") != table(tmp_path / "two/groups")


def test_leaving_out_sentences_tests_what_nobody_in_training_said(tmp_path):
    data = many(tmp_path, 2, 2)
    result = make_folds(data, tmp_path / "folds", "--leave-out", "sentence")
    assert result.returncode == 0, result.stderr
    folds = (tmp_path / "folds/list").read_text().split()
    assert folds == [f"{speaker}_{half}" for speaker in ("m00", "m01", "w00", "w01") for half in "ab"]
    half_of = table(tmp_path / "folds/sentences")
    for fold in folds:
        speaker, half = fold.split("_")
        said = {part: table(tmp_path / "folds" / fold / part / "utt2sentence") for part in ("train", "dev", "test")}
        assert {half_of[s] for s in said["train"].values()} == {"a" if half == "b" else "b"}
        assert {half_of[s] for s in said["test"].values()} == {half_of[s] for s in said["dev"].values()} == {half}
        assert speakers_of(tmp_path / "folds" / fold / "test") == [speaker] and len(said["test"]) == 1
        assert len(said["train"]) == 3 and len(said["dev"]) == 4
    # 3 + 4 + 1 of 8 speakers' two
    assert "fold m00_a has 8 of 16 utterances" in result.stdout


def test_groups_and_sentences_can_be_crossed(tmp_path):
    result = make_folds(many(tmp_path, 2, 2), tmp_path / "folds", "--leave-out", "2,sentence")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "folds/list").read_text().split() == ["group1_a", "group1_b", "group2_a", "group2_b"]
    assert len(speakers_of(tmp_path / "folds/group1_a/test")) == 2


@pytest.mark.parametrize(
    ("leave_out", "said"),
    [
        ("0", "--leave-out is speaker, session or a number"),
        ("sentences", "--leave-out is speaker, session or a number"),
        ("speaker,", "--leave-out is speaker, session or a number"),
        ("sentence,sentence", "--leave-out is speaker, session or a number"),
        ("4", "only 4 speakers are not dev: nobody is left to train on"),
        ("session,sentence", "no {data}/spk2session says"),
    ],
)
def test_what_cannot_be_left_out_is_refused(tmp_path, leave_out, said):
    data = many(tmp_path, 2, 2)
    result = make_folds(data, tmp_path / "folds", "--leave-out", leave_out)
    assert result.returncode == 1 and said.format(data=data) in result.stderr
    assert len(result.stderr.splitlines()) == 1 and not (tmp_path / "folds").exists()


def test_sentences_that_nobody_knows_or_that_are_one_cannot_be_left_out(tmp_path):
    data = many(tmp_path, 2, 2)
    (data / "utt2sentence").write_text("".join(f"{utt} s1\n" for utt in table(data / "utt2spk")))
    assert "reads the same sentence" in make_folds(data, tmp_path / "folds", "--leave-out", "sentence").stderr
    (data / "utt2sentence").write_text("m00-1 s1\n")
    assert "utt2sentence lacks m00-2" in make_folds(data, tmp_path / "folds", "--leave-out", "sentence").stderr
    (data / "utt2sentence").unlink()
    assert "says who reads which sentence" in make_folds(data, tmp_path / "folds", "--leave-out", "sentence").stderr


def test_data_with_a_test_set_of_their_own_have_one_fold_whatever_the_options_say(tmp_path):
    data = write_data(tmp_path / "data", SPEAKERS, dev_speakers="Ses05F\n", test_speakers="Ses01F\nSes02M\n")
    options = ["--leave-out", "3", "--folds", "2", "--dev-speakers", "Ses04F"]
    for more in ([], options):
        result = make_folds(data, tmp_path / "folds", *more)
        assert result.returncode == 0, result.stderr
    assert (tmp_path / "folds/list").read_text() == "split\n" and not (tmp_path / "folds/groups").exists()
    assert speakers_of(tmp_path / "folds/split/test") == ["Ses01F", "Ses02M"]
    assert speakers_of(tmp_path / "folds/split/dev") == ["Ses05F"]
    assert len(speakers_of(tmp_path / "folds/split/train")) == len(SPEAKERS) - 3


@pytest.mark.parametrize(
    ("test_speakers", "said"),
    [
        ("Ses05F\n", "names Ses05F, who stands in dev_speakers, too"),
        ("zoe\n", "names zoe, who has no utterance in utt2spk"),
        ("", "leaves nobody to test"),
        ("".join(f"{speaker}\n" for speaker in SPEAKERS if speaker != "Ses05F"), "leaves nobody to train on"),
    ],
)
def test_a_test_set_that_cannot_be_is_refused(test_speakers, said, tmp_path):
    data = write_data(tmp_path / "data", SPEAKERS, dev_speakers="Ses05F\n", test_speakers=test_speakers)
    result = make_folds(data, tmp_path / "folds")
    assert result.returncode == 1 and f"{data}/test_speakers {said}" in result.stderr
    assert not (tmp_path / "folds").exists()
