"""CREMA-D, RAVDESS, SAVEE and EMOVO: whole trees in their layouts, of made-up audio, and what stands in the way."""

import subprocess
import sys
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile

LOCAL = Path(__file__).resolve().parents[2] / "local"


def prepare(name: str, corpus: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    script = LOCAL / f"{name}_data.py"
    return subprocess.run([sys.executable, script, *options, corpus, out], capture_output=True, text=True)


def table(file: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in file.read_text().splitlines())


def tone(file: Path, rate: int = 16000, channels: int = 1, seconds: float = 0.05) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.1 * np.sin(np.arange(round(seconds * rate)) * 2000 / rate)
    soundfile.write(file, np.tile(wave[:, np.newaxis], channels), rate, subtype="PCM_16", format="WAV")
    return file


def cremad() -> list[str]:
    sentences = ["IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI"]
    names = []
    for actor, sentence, emotion in product(range(1001, 1092), sentences, ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")):
        levels = ("LO", "MD", "HI") if sentence == "IEO" and emotion != "NEU" else ("XX",)
        names += [f"AudioWAV/{actor}_{sentence}_{emotion}_{level}.wav" for level in levels]
    # As published: two actors without one neutral clip, three without a sentence in any emotion.
    gone = {f"AudioWAV/{actor}_MTI_NEU_XX.wav" for actor in (1002, 1076)}
    gone |= {name for name in names if name[9:17] in ("1008_ITH", "1009_MTI", "1019_WSI")}
    return [name for name in names if name not in gone]


def ravdess() -> list[str]:
    return [
        f"Actor_{actor:02}/03-01-{emotion:02}-{level:02}-{statement:02}-{again:02}-{actor:02}.wav"
        for actor, emotion, level, statement, again in product(range(1, 25), range(1, 9), (1, 2), (1, 2), (1, 2))
        if not (emotion == 1 and level == 2)
    ]


def savee() -> list[str]:
    counts = {"a": 15, "d": 15, "f": 15, "h": 15, "n": 30, "sa": 15, "su": 15}
    return [
        f"AudioData/{speaker}/{emotion}{number:02}.wav"
        for speaker in ("DC", "JE", "JK", "KL")
        for emotion, count in counts.items()
        for number in range(1, count + 1)
    ]


def emovo() -> list[str]:
    sentences = ["b1", "b2", "b3", "d1", "d2", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5"]
    emotions = ["dis", "gio", "neu", "pau", "rab", "sor", "tri"]
    speakers = ["f1", "f2", "f3", "m1", "m2", "m3"]
    return [f"{s}/{e}-{s}-{sentence}.wav" for s, e, sentence in product(speakers, emotions, sentences)]


CORPORA = {"cremad": cremad, "ravdess": ravdess, "savee": savee, "emovo": emovo}


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """The whole corpora; every recording is the same short tone."""
    folder = tmp_path_factory.mktemp("corpora")
    sound = tone(folder / "tone.wav")
    for corpus, names in CORPORA.items():
        for name in names():
            (folder / corpus / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / corpus / name).symlink_to(sound)
        (folder / corpus / "README.txt").write_text("is not read")
        (folder / corpus / names()[0]).with_name("._shadow.wav").write_text("of a Mac")
    return folder


@pytest.mark.parametrize(
    ("corpus", "counts", "num_files", "women", "men"),
    [
        ("cremad", {"anger": 1271, "happiness": 1271, "sadness": 1271, "neutral": 1087}, 7442, 43, 48),
        ("ravdess", {"anger": 192, "happiness": 192, "sadness": 192, "neutral": 96}, 1440, 12, 12),
        ("savee", {"anger": 60, "happiness": 60, "sadness": 60, "neutral": 120}, 480, 0, 4),
        ("emovo", {"anger": 84, "happiness": 84, "sadness": 84, "neutral": 84}, 588, 3, 3),
    ],
)
def test_the_papers_emotions_of_a_whole_corpus_are_as_many_as_published(
    trees, tmp_path, corpus, counts, num_files, women, men
):
    assert len(CORPORA[corpus]()) == num_files
    result = prepare(corpus, trees / corpus, tmp_path / "ser")
    assert result.returncode == 0, result.stderr
    assert Counter(table(tmp_path / "ser/utt2emotion").values()) == counts
    genders = table(tmp_path / "ser/spk2gender").values()
    assert Counter(genders) == Counter({"f": women, "m": men})
    total = sum(counts.values())
    assert f"({total} of {total} utterances of four emotions)" in (tmp_path / "ser/corpus").read_text()
    # Kaldi's order: of utterances, and of their speakers with them
    speakers = table(tmp_path / "ser/utt2spk")
    assert list(speakers) == sorted(speakers) and list(speakers.values()) == sorted(speakers.values())


@pytest.mark.parametrize(("corpus", "num_emotions"), [("cremad", 6), ("ravdess", 8), ("savee", 7), ("emovo", 7)])
def test_all_emotions_are_used_where_asked_for(trees, tmp_path, corpus, num_emotions):
    result = prepare(corpus, trees / corpus, tmp_path / "ser", "--emotions", "all")
    assert result.returncode == 0, result.stderr
    assert len(table(tmp_path / "ser/utt2emotion")) == len(CORPORA[corpus]())
    emotions = (tmp_path / "ser/emotions").read_text().split()
    assert len(emotions) == num_emotions and emotions[:4] == ["anger", "happiness", "sadness", "neutral"]
    assert "not used" not in result.stdout


def test_calm_is_neutral_only_where_asked_for(trees, tmp_path):
    result = prepare("ravdess", trees / "ravdess", tmp_path / "four")
    assert "not used: calm 192, disgust 192, fearful 192, surprised 192" in result.stdout
    assert prepare("ravdess", trees / "ravdess", tmp_path / "five", "--emotions", "paper+calm").returncode == 0
    assert Counter(table(tmp_path / "five/utt2emotion").values())["neutral"] == 96 + 192
    assert "calm as neutral" in (tmp_path / "five/corpus").read_text()
    assert prepare("emovo", trees / "emovo", tmp_path / "none", "--emotions", "paper+calm").returncode == 2


def test_what_the_names_of_ravdess_say(trees, tmp_path):
    assert prepare("ravdess", trees / "ravdess", tmp_path / "ser").returncode == 0
    name = "Actor_12-03-01-04-01-02-01-12"  # sad, normal, "Dogs are sitting by the door", first time, actor 12
    assert table(tmp_path / "ser/utt2emotion")[name] == "sadness"
    assert table(tmp_path / "ser/utt2sentence")[name] == "02"
    genders = table(tmp_path / "ser/spk2gender")
    assert (genders["Actor_12"], genders["Actor_11"]) == ("f", "m")
    assert (tmp_path / "ser/dev_speakers").read_text().split() == ["Actor_21", "Actor_22", "Actor_23", "Actor_24"]


def test_songs_and_videos_are_counted_and_not_used(tmp_path):
    for name in ("03-01-03-01-01-01-01", "03-02-03-01-01-01-01", "01-01-03-01-01-01-01", "03-01-05-01-01-01-01"):
        tone(tmp_path / f"ravdess/Actor_01/{name}.wav")
    result = prepare("ravdess", tmp_path / "ravdess", tmp_path / "ser", "--allow-partial", "true")
    assert "not used: song 1, sound of a video 1" in result.stdout
    assert set(table(tmp_path / "ser/utt2emotion").values()) == {"happiness", "anger"}


def test_a_clip_of_another_actor_in_a_folder_is_refused(tmp_path):
    tone(tmp_path / "ravdess/Actor_01/03-01-03-01-01-01-02.wav")
    result = prepare("ravdess", tmp_path / "ravdess", tmp_path / "ser", "--allow-partial", "true")
    assert result.returncode == 1
    assert "'03-01-03-01-01-01-02' is no name of a RAVDESS recording, at least in this folder" in result.stderr


@pytest.mark.parametrize("corpus", CORPORA)
def test_missing_clips_are_an_error_that_shows_both_numbers(trees, tmp_path, corpus):
    names = [name for name in CORPORA[corpus]() if "NEU" not in name]
    gone = next(name for name in names if any(code in name for code in ("ANG", "-05-", "/a", "rab")))
    for name in CORPORA[corpus]():
        if name != gone:
            (tmp_path / corpus / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / corpus / name).symlink_to(trees / "tone.wav")
    result = prepare(corpus, tmp_path / corpus, tmp_path / "ser")
    anger = {"cremad": 1271, "ravdess": 192, "savee": 60, "emovo": 84}[corpus]
    assert result.returncode == 1 and f"{anger - 1} of anger found, {anger} expected" in result.stderr
    assert not (tmp_path / "ser").exists()
    result = prepare(corpus, tmp_path / corpus, tmp_path / "ser", "--allow-partial", "true")
    assert result.returncode == 0, result.stderr


def test_the_recording_of_cremad_that_is_empty_for_everyone_is_left_out_and_said(trees, tmp_path):
    (tmp_path / "CREMA-D").mkdir()
    (tmp_path / "CREMA-D/AudioWAV").mkdir()
    for name in cremad():
        (tmp_path / "CREMA-D" / name).symlink_to(trees / "tone.wav")
    empty = tmp_path / "CREMA-D/AudioWAV/1076_MTI_SAD_XX.wav"
    empty.unlink()
    tone(empty, seconds=0.01)
    result = prepare("cremad", tmp_path / "CREMA-D", tmp_path / "ser")
    assert result.returncode == 0, result.stderr
    assert "left out: 1076_MTI_SAD_XX" in result.stderr
    assert "(4899 of 4900 utterances of four emotions)" in (tmp_path / "ser/corpus").read_text()
    # Another one that is empty makes the corpus a part of itself.
    (tmp_path / "CREMA-D/AudioWAV/1001_MTI_SAD_XX.wav").unlink()
    tone(tmp_path / "CREMA-D/AudioWAV/1001_MTI_SAD_XX.wav", seconds=0.01)
    result = prepare("cremad", tmp_path / "CREMA-D", tmp_path / "ser")
    assert result.returncode == 1 and "53 of 1001 found, 54 expected" in result.stderr


def test_other_cases_rates_and_channels_are_read_and_converted_once(tmp_path):
    tone(tmp_path / "cremad/audiowav/1001_dfa_ang_xx.WAV", rate=44100)
    tone(tmp_path / "cremad/audiowav/1091_IEO_NEU_XX.wav", rate=16000)
    tone(tmp_path / "emovo/EMOVO/F1/RAB-F1-B1.WAV", rate=48000, channels=2)
    tone(tmp_path / "savee/DC_sa01.wav", rate=44100)
    tone(tmp_path / "savee/KL_n30.wav", rate=44100)
    for corpus, name in (("cremad", "1001_DFA_ANG_XX"), ("emovo", "f1-rab-f1-b1"), ("savee", "DC_sa01")):
        result = prepare(corpus, tmp_path / corpus, tmp_path / f"{corpus}-ser", "--allow-partial", "true")
        assert result.returncode == 0, result.stderr
        converted = table(tmp_path / f"{corpus}-ser/wav.scp")[name]
        assert converted == f"{tmp_path}/{corpus}-ser/wav/{name}.wav"
        assert (soundfile.info(converted).samplerate, soundfile.info(converted).channels) == (16000, 1)
    assert table(tmp_path / "savee-ser/utt2emotion") == {"DC_sa01": "sadness", "KL_n30": "neutral"}
    assert (
        "speaker 1091 has no utterance of anger, happiness, sadness"
        in prepare("cremad", tmp_path / "cremad", tmp_path / "cremad-ser", "--allow-partial", "true").stderr
    )


def test_files_in_whose_place_git_lfs_left_pointers_are_told_from_audio(tmp_path):
    (tmp_path / "AudioWAV").mkdir()
    (tmp_path / "AudioWAV/1001_DFA_ANG_XX.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    result = prepare("cremad", tmp_path, tmp_path / "ser")
    assert result.returncode == 1 and "run 'git lfs pull'" in result.stderr


@pytest.mark.parametrize("corpus", CORPORA)
def test_a_folder_of_something_else_is_not_taken_for_the_corpus(tmp_path, corpus):
    (tmp_path / "empty").mkdir()
    result = prepare(corpus, tmp_path / "empty", tmp_path / "ser")
    assert result.returncode == 1 and "empty is not the folder of" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("corpus", "name"),
    [
        ("cremad", "AudioWAV/1001_DFA_JOY_XX.wav"),
        ("ravdess", "Actor_01/03-01-09-01-01-01-01.wav"),
        ("savee", "AudioData/DC/b01.wav"),
        ("savee", "AudioData/DC/JE_a01.wav"),
        ("savee", "AudioData/ZZ/JE_a01.wav"),
        ("savee", "AudioData/DC/a16.wav"),
        ("savee", "AudioData/DC/n00.wav"),
        ("ravdess", "Actor_01/03-01-01-02-01-01-01.wav"),
        ("cremad", "AudioWAV/1001_DFA_NEU_HI.wav"),
        ("emovo", "f1/rab-m1-b1.wav"),
    ],
)
def test_a_name_that_does_not_parse_is_refused(tmp_path, corpus, name):
    tone(tmp_path / corpus / name)
    result = prepare(corpus, tmp_path / corpus, tmp_path / "ser", "--allow-partial", "true")
    assert result.returncode == 1
    assert f"'{Path(name).stem}' is no name of a" in result.stderr


def test_a_clip_that_is_there_twice_is_refused_before_anything_is_counted(tmp_path):
    for name in ("1001_DFA_ANG_XX", "1001_DFA_ANG_X"):
        tone(tmp_path / f"AudioWAV/{name}.wav")
    result = prepare("cremad", tmp_path, tmp_path / "ser", "--allow-partial", "true")
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert "utterance 1001_DFA_ANG_XX stands more than once" in result.stderr


def test_more_than_the_whole_corpus_is_an_error_even_for_those_who_hold_a_part(tmp_path):
    for sentence in ("b1", "b2", "b3", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5", "d1", "d2", "d3"):
        tone(tmp_path / f"f1/rab-f1-{sentence}.wav")
    for part in ("f2", "m1", "m2"):
        tone(tmp_path / f"{part}/gio-{part}-b1.wav")
    result = prepare("emovo", tmp_path, tmp_path / "ser", "--allow-partial", "true")
    assert result.returncode == 0, result.stderr  # f1 has 56 clips in all
    for sentence in range(10):
        for emotion in ("gio", "tri", "neu", "rab"):
            for letter in "bx":
                tone(tmp_path / f"f1/{emotion}-f1-{letter}{sentence}.wav")
    result = prepare("emovo", tmp_path, tmp_path / "ser2", "--allow-partial", "true")
    assert result.returncode == 1 and not (tmp_path / "ser2").exists()
    assert "this is more than the whole corpus: " in result.stderr and "of f1 found, 56 expected" in result.stderr


@pytest.mark.parametrize(
    ("corpus", "name", "said"),
    [
        ("cremad", "AudioWAV/1092_DFA_ANG_XX.wav", "'1092' is no speaker of CREMA-D; expected 1001, 1002"),
        ("savee", "AudioData/ZZ/a01.wav", "'ZZ' is no speaker of SAVEE; expected DC, JE, JK, KL"),
        ("emovo", "f4/rab-f4-b1.wav", "'f4' is no speaker of EMOVO; expected f1, f2, f3, m1, m2 and 1 more"),
    ],
)
def test_a_speaker_whom_the_corpus_has_not_is_refused(tmp_path, corpus, name, said):
    tone(tmp_path / corpus / name)
    result = prepare(corpus, tmp_path / corpus, tmp_path / "ser", "--allow-partial", "true")
    assert result.returncode == 1 and f"{name}: {said}" in result.stderr
