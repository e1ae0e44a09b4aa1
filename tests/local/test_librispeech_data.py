"""LibriSpeech's layout, of made-up audio, with traps."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

SCRIPT = Path(__file__).resolve().parents[2] / "local/librispeech_data.py"
READERS = {
    "train-clean-5": {"19": "F", "8": "M"},
    "dev-clean-2": {"84": "F", "841": "M", "174": "F", "2": "M"},
}


def write_reader(part: Path, reader: str, transcripts: list[str]) -> None:
    chapter = part / reader / "100"
    chapter.mkdir(parents=True)
    lines = [f"{reader}-100-{n:04} {words}\n" for n, words in enumerate(transcripts)]
    (chapter / f"{reader}-100.trans.txt").write_text("".join(lines))
    for n in range(len(transcripts)):
        soundfile.write(chapter / f"{reader}-100-{n:04}.flac", 0.1 * np.sin(np.arange(1600)), 16000)


@pytest.fixture
def corpus(tmp_path):
    root = tmp_path / "corpus/LibriSpeech"
    speakers = ";ID  |SEX| SUBSET | MINUTES | NAME\n"
    for part, readers in READERS.items():
        for reader, sex in readers.items():
            write_reader(root / part, reader, ["A CAT", "THE CAT"])
            speakers += f"{reader:5}| {sex} | {part:16} | 5.00 | Nobody | in particular\n"
    (root / "SPEAKERS.TXT").write_text(speakers)
    (root / "README.TXT").write_text("is not read")
    (root / "train-clean-5/19/100/._19-100-0000.flac").write_text("of a Mac")
    (tmp_path / "lexicon").write_text("A AH0\nA(2) EY1\nCAT K AE1 T\nTHE DH AH0\n")
    return tmp_path / "corpus"


def prepare(corpus: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, "--lexicon", corpus.parent / "lexicon", *options, corpus, corpus.parent / "out"]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def table(file: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in file.read_text().splitlines())


def test_readers_of_dev_are_split_between_dev_and_test_where_there_is_no_test(corpus):
    result = prepare(corpus)
    assert result.returncode == 0, result.stderr
    assert "no part of its own for test: the 4 readers of dev-clean-2 are split" in result.stdout
    out = corpus.parent / "out"
    genders = {name: table(out / name / "spk2gender") for name in ("train", "dev", "test")}
    assert genders["train"] == {"19": "f", "8": "m"}
    # 174 and 84 are women, 2 and 841 men, in the order of their names
    assert genders["dev"] == {"174": "f", "2": "m"} and genders["test"] == {"84": "f", "841": "m"}
    assert table(out / "dev/text") == {
        "174-100-0000": "A CAT", "174-100-0001": "THE CAT", "2-100-0000": "A CAT", "2-100-0001": "THE CAT",
    }  # fmt: skip
    assert (out / "lexiconp.txt").read_text() == "A 1 AH\nA 1 EY\nCAT 1 K AE T\nTHE 1 DH AH\n"
    assert (out / "phones").read_text().split() == ["AE", "AH", "DH", "EY", "K", "T"]
    assert (out / "corpus").read_text() == (
        "LibriSpeech train-clean-5 / dev-clean-2, readers split between dev and test\n"
    )
    # Both numbers, where there are not as many utterances as are offered
    assert "count: 4 utterances of train-clean-5 found, 1519 expected" in result.stderr
    assert (out / "expected").read_text() == "train 1519\n"
    assert soundfile.info(table(out / "train/wav.scp")["8-100-0000"]).format == "WAV"


def test_parts_can_be_named(corpus):
    write_reader(corpus / "LibriSpeech/test-clean", "5", ["A CAT"])
    write_reader(corpus / "LibriSpeech/test-other", "6", ["A CAT"])
    result = prepare(corpus, "--test-parts", "test-clean")
    assert result.returncode == 0, result.stderr
    assert table(corpus.parent / "out/test/utt2spk") == {"5-100-0000": "5"}
    assert "reader that SPEAKERS.TXT has not: 5" in result.stderr
    assert not (corpus.parent / "out/test/spk2gender").exists()
    result = prepare(corpus, "--train-parts", "train-clean-100")
    assert result.returncode == 1 and "has no part train-clean-100, for --train-parts; those there are" in result.stderr


def test_a_reader_in_two_parts_is_refused(corpus):
    write_reader(corpus / "LibriSpeech/test-clean", "19", ["A CAT"])
    result = prepare(corpus)
    assert result.returncode == 1 and "both in train and in test, the first is 19" in result.stderr


def test_recordings_and_transcripts_without_each_other_are_named_and_too_many_an_error(corpus):
    write_reader(corpus / "LibriSpeech/train-clean-5", "30", ["A CAT"] * 40)
    (corpus / "LibriSpeech/train-clean-5/30/100/30-100-0007.flac").unlink()
    result = prepare(corpus)
    assert result.returncode == 0 and "left out of train-clean-5: 30-100-0007: no recording" in result.stderr
    (corpus / "LibriSpeech/train-clean-5/30/100/30-100.trans.txt").write_text("30-100-0000 A CAT\n")
    result = prepare(corpus)
    assert result.returncode == 1
    assert "utterances cannot be used, the first is 30-100-0001: no transcript" in result.stderr


@pytest.mark.parametrize("place", ["8", "8/100/100", ""])
@pytest.mark.parametrize("name", ["8-100-0007.flac", "8-100.trans.txt"])
def test_what_lies_at_another_depth_is_refused(corpus, name, place):
    folder = corpus / "LibriSpeech/train-clean-5" / place
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"")
    result = prepare(corpus)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert f"{folder / name}: not where LibriSpeech has it" in result.stderr


def test_a_reader_of_two_sexes_is_refused(corpus):
    with (corpus / "LibriSpeech/SPEAKERS.TXT").open("a") as file:
        file.write("8 | F | train-clean-5 | 5.00 | Somebody\n")
    result = prepare(corpus)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert "SPEAKERS.TXT, line 8: reader 8 is F here, but not in a line before" in result.stderr


@pytest.mark.parametrize("phone", ["#0", "<eps>", "a b", ""])
def test_a_phone_of_silence_that_cannot_be_one_is_refused(corpus, phone):
    result = prepare(corpus, "--silence-phone", phone)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert f"--silence-phone '{phone}': expected one word" in result.stderr


def test_parts_are_names_of_folders(corpus):
    assert prepare(corpus, "--train-parts", "train-clean-5/").returncode == 0
    assert (corpus.parent / "out/expected").read_text() == "train 1519\n"
    result = prepare(corpus, "--train-parts", "../LibriSpeech/train-clean-5")
    assert result.returncode == 1 and "--train-parts: '../LibriSpeech/train-clean-5' is no part" in result.stderr


def test_the_corpus_is_not_written_over(corpus):
    root = corpus / "LibriSpeech"
    (root / "train-clean-5").rename(root / "train")
    command = [sys.executable, SCRIPT, "--lexicon", corpus.parent / "lexicon", root, root]
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert result.returncode == 1 and "is where the recipe writes: move your corpus" in result.stderr.splitlines()[-1]
    assert len([*root.rglob("[0-9]*.flac")]) == 12


@pytest.mark.parametrize(
    ("name", "said"),
    [("84-100-0001", "no name of LibriSpeech such as"), ("song", "no name of LibriSpeech such as")],
)
def test_a_recording_that_lies_in_the_wrong_place_is_refused(corpus, name, said):
    soundfile.write(corpus / f"LibriSpeech/train-clean-5/8/100/{name}.flac", np.zeros(1600), 16000)
    result = prepare(corpus)
    assert result.returncode == 1 and said in result.stderr and len(result.stderr.splitlines()) == 1


def test_a_folder_of_something_else_is_not_taken_for_it(tmp_path):
    (tmp_path / "corpus/train-clean-5").mkdir(parents=True)
    (tmp_path / "lexicon").write_text("A AH\n")
    result = prepare(tmp_path / "corpus")
    assert result.returncode == 1 and "is not LibriSpeech: no parts such as" in result.stderr


def test_capitals_other_rates_and_files_of_others_are_no_obstacle(corpus):
    root = corpus / "LibriSpeech"
    chapter = root / "train-clean-5/8/100"
    soundfile.write(chapter / "8-100-0001.WAV", np.tile(np.sin(np.arange(8820))[:, np.newaxis], 2) / 2, 44100)
    (chapter / "8-100-0001.flac").unlink()
    (chapter / "8-100.trans.txt").rename(chapter / "8-100.TRANS.TXT")
    (chapter / "notes.txt").write_text("not a transcript\n")
    (chapter / "8-100-0000.mp3").write_text("not read")
    (root / "SPEAKERS.TXT").rename(root / "Speakers.txt")
    (root / "train-clean-5").rename(root / "Train-Clean-5")
    (root / "intro").mkdir()
    result = prepare(corpus)
    assert result.returncode == 0, result.stderr
    out = corpus.parent / "out"
    assert list(table(out / "train/text")) == ["19-100-0000", "19-100-0001", "8-100-0000", "8-100-0001"]
    sound = soundfile.info(table(out / "train/wav.scp")["8-100-0001"])
    assert (sound.samplerate, sound.channels, sound.frames) == (16000, 1, 3200)
    assert table(out / "train/spk2gender") == {"19": "f", "8": "m"}


def test_a_test_part_alone_is_split_too_and_a_part_may_be_named_for_both(corpus):
    root = corpus / "LibriSpeech"
    (root / "dev-clean-2").rename(root / "test-clean")
    result = prepare(corpus)
    assert result.returncode == 0, result.stderr
    assert "no part of its own for dev: the 4 readers of test-clean are split" in result.stdout
    first = {name: table(corpus.parent / "out" / name / "spk2gender") for name in ("dev", "test")}
    assert first == {"test": {"174": "f", "2": "m"}, "dev": {"84": "f", "841": "m"}}
    (root / "test-clean").rename(root / "rest")
    assert "is not LibriSpeech: no parts" in prepare(corpus).stderr
    result = prepare(corpus, "--dev-parts", "rest", "--test-parts", "rest")
    assert result.returncode == 0, result.stderr
    assert "LibriSpeech train-clean-5 / rest, readers split" in (corpus.parent / "out/corpus").read_text()
    for reader in ("174", "2", "841"):
        shutil.rmtree(root / "rest" / reader)
    result = prepare(corpus, "--dev-parts", "rest", "--test-parts", "rest")
    assert result.returncode == 1 and "there is one speaker for dev and test, 84" in result.stderr
