"""A tree laid out as IEMOCAP is on disk, with everything in it that has led other toolkits astray."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

LABEL = "[{start:.4f} - {end:.4f}]\t{turn}\t{category}\t[2.5000, 2.5000, 3.0000]\n"
RATERS = (
    "C-E2:\tNeutral;\t()\nC-E4:\tAnger; Frustration;\t()\nC-M1:\tSadness;\t(sad, I think)\n"
    "A-E3:\tval 3; act 2; dom  2;\t()\n\n"
)


def write_wav(path: Path, samples: int = 800, rate: int = 16000, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.name)).normal(0, 0.1, (samples, channels))
    soundfile.write(path, noise, rate, subtype="PCM_16")


def add_dialogue(corpus: Path, dialogue: str, categories: dict[str, str]) -> Path:
    """Write a dialogue's label file and audio; categories: last field of the turn -> category."""
    session = corpus / f"Session{dialogue[4]}"
    file = session / "dialog/EmoEvaluation" / f"{dialogue}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as labels:
        labels.write("% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n")
        for number, (turn, category) in enumerate(categories.items()):
            labels.write(
                LABEL.format(start=6.2901 + number, end=8.2357 + number, turn=f"{dialogue}_{turn}", category=category)
            )
            labels.write(RATERS)
            write_wav(session / f"sentences/wav/{dialogue}/{dialogue}_{turn}.wav")
    return file


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Five sessions, both speakers with the four emotions, and all the traps."""
    corpus = tmp_path / "IEMOCAP_full_release"
    for n in range(1, 6):
        four = {"F000": "neu", "F001": "ang", "F002": "exc", "F003": "sad", "M000": "hap", "M001": "fru"}
        add_dialogue(corpus, f"Ses0{n}F_impro01", four)
        add_dialogue(corpus, f"Ses0{n}M_script01_1b", {"M000": "neu", "M001": "ang", "M002": "sad", "F000": "xxx"})
        evaluation = corpus / f"Session{n}/dialog/EmoEvaluation"
        # What single raters said, in files that look like the ground truth.
        for folder in ("Attribute", "Categorical", "Self-evaluation"):
            (evaluation / folder).mkdir()
            (evaluation / folder / f"Ses0{n}F_impro01_e1.txt").write_text(f"Ses0{n}F_impro01_F000 :Anger; ()\n")
            (evaluation / folder / f"Ses0{n}F_impro01.txt").write_text(
                LABEL.format(start=1, end=2, turn=f"Ses0{n}F_impro01_F000", category="ang")
            )
        # Written by macOS beside each file that it copies to another file system.
        (evaluation / f"._Ses0{n}F_impro01.txt").write_bytes(b"\0\5\26\7\0\2\0\0[Mac OS X\xff")
        (corpus / f"Session{n}/sentences/wav/Ses0{n}F_impro01/._Ses0{n}F_impro01_F000.wav").write_bytes(b"\0\5\26\7")
        transcript = corpus / f"Session{n}/dialog/transcriptions/Ses0{n}F_impro01.txt"
        transcript.parent.mkdir()
        transcript.write_text(
            f"Ses0{n}F_impro01_F000 [006.2901-008.2357]: Excuse me.\nSes0{n}F_impro01_FXX0 [1-2]: Hm?\n"
        )
    add_dialogue(corpus, "Ses03M_impro05a", {"F012": "ang", "M013": "sur", "FXX0": "neu"})
    return corpus


def prepare(corpus: Path, out: Path, partial: bool = True) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).resolve().parents[2] / "local/iemocap_data.py"
    command = [sys.executable, script, "--allow-partial", str(partial).lower(), corpus, out]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def table(file: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in file.read_text().splitlines())


def assert_refused(result: subprocess.CompletedProcess[str], out: Path, *expected: str) -> None:
    """One clear line, the last one, and nothing half-written."""
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    for text in expected:
        assert text in result.stderr.splitlines()[-1]
    assert not out.exists()
    assert not out.with_name(out.name + ".tmp").exists()


def test_the_speaker_is_who_speaks_not_whom_the_recording_is_named_after(corpus, tmp_path):
    result = prepare(corpus, tmp_path / "ser")
    assert result.returncode == 0, result.stderr
    utt2spk = table(tmp_path / "ser/utt2spk")
    assert utt2spk["Ses03F-Ses03M_impro05a_F012"] == "Ses03F"
    assert utt2spk["Ses01M-Ses01F_impro01_M000"] == "Ses01M"
    assert utt2spk["Ses03F-Ses03M_impro05a_FXX0"] == "Ses03F"
    assert all(name.startswith(speaker + "-") for name, speaker in utt2spk.items())
    assert table(tmp_path / "ser/spk2gender")["Ses03F"] == "f"
    assert table(tmp_path / "ser/utt2original")["Ses03F-Ses03M_impro05a_F012"] == "Ses03M_impro05a_F012"


def test_excitement_is_happiness_and_other_categories_are_left_out(corpus, tmp_path):
    prepare(corpus, tmp_path / "ser")
    emotions = table(tmp_path / "ser/utt2emotion")
    assert emotions["Ses01F-Ses01F_impro01_F002"] == "happiness"  # exc
    assert emotions["Ses01M-Ses01F_impro01_M000"] == "happiness"  # hap
    assert "Ses01M-Ses01F_impro01_M001" not in emotions  # fru
    assert len(emotions) == 5 * 8 + 2
    assert (tmp_path / "ser/emotions").read_text().split() == ["anger", "happiness", "sadness", "neutral"]


def test_a_single_rater_does_not_overrule_the_ground_truth(corpus, tmp_path):
    prepare(corpus, tmp_path / "ser")
    assert table(tmp_path / "ser/utt2emotion")["Ses01F-Ses01F_impro01_F000"] == "neutral"


def test_the_data_directory_is_as_kaldi_wants_it(corpus, tmp_path):
    prepare(corpus, tmp_path / "ser")
    for name in ("wav.scp", "utt2spk", "spk2utt", "spk2gender", "utt2emotion"):
        keys = [line.split()[0] for line in (tmp_path / "ser" / name).read_text().splitlines()]
        assert keys == sorted(set(keys)), name
    spk2utt = {line.split()[0]: line.split()[1:] for line in (tmp_path / "ser/spk2utt").read_text().splitlines()}
    assert {utt: spk for spk, utts in spk2utt.items() for utt in utts} == table(tmp_path / "ser/utt2spk")
    assert all(Path(path).is_file() for path in table(tmp_path / "ser/wav.scp").values())


def test_a_part_of_the_corpus_is_refused_with_both_numbers_unless_it_is_wanted(corpus, tmp_path):
    assert_refused(
        prepare(corpus, tmp_path / "ser", partial=False), tmp_path / "ser", "found, 1103 expected", "--allow-partial"
    )
    result = prepare(corpus, tmp_path / "ser")
    assert "42 of utterances found, 5531 expected" in result.stderr
    assert (tmp_path / "ser/corpus").read_text() == "IEMOCAP, a part: 42 of 5531 utterances\n"


def test_a_corpus_with_the_published_counts_is_called_whole(tmp_path):
    categories = ["ang"] * 1103 + ["hap"] * 595 + ["exc"] * 1041 + ["neu"] * 1708 + ["sad"] * 1084
    by_speaker = {
        "1F": 528, "1M": 557, "2F": 481, "2M": 542, "3F": 522, "3M": 629, "4F": 528, "4M": 503, "5F": 590, "5M": 651,
    }  # fmt: skip
    write_wav(tmp_path / "one.wav")
    for (session, gender), count in by_speaker.items():
        evaluation = tmp_path / f"iemocap/Session{session}/dialog/EmoEvaluation"
        dialogue = f"Ses0{session}{gender}_impro01"
        wavs = tmp_path / f"iemocap/Session{session}/sentences/wav/{dialogue}"
        evaluation.mkdir(parents=True, exist_ok=True)
        wavs.mkdir(parents=True)
        lines = []
        for n in range(count):
            turn = f"{dialogue}_{gender}{n:03}"
            lines.append(LABEL.format(start=n, end=n + 1, turn=turn, category=categories.pop()))
            os.link(tmp_path / "one.wav", wavs / f"{turn}.wav")
        (evaluation / f"{dialogue}.txt").write_text("".join(lines))
    assert not categories
    result = prepare(tmp_path / "iemocap", tmp_path / "ser", partial=False)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "ser/corpus").read_text() == "IEMOCAP\n"
    assert "sessions 1-4: 4290, expected 4290" in result.stdout
    (wavs / "Ses05M_impro01_M000.wav").unlink()
    result = prepare(tmp_path / "iemocap", tmp_path / "again", partial=False)
    assert "650 of Ses05M found, 651 expected" in result.stderr
    assert not (tmp_path / "again").exists()


def test_the_demo_is_called_synthetic_and_not_counted(corpus, tmp_path):
    (corpus / "README.demo").write_text("made\n")
    result = prepare(corpus, tmp_path / "ser", partial=False)
    assert result.returncode == 0, result.stderr
    assert "expected" not in result.stdout + result.stderr
    assert (tmp_path / "ser/corpus").read_text() == "synthetic demo, no scientific meaning\n"


def test_audio_in_another_form_is_converted_once_and_said(corpus, tmp_path):
    wav = corpus / "Session1/sentences/wav/Ses01F_impro01"
    write_wav(wav / "Ses01F_impro01_F000.wav", samples=4410, rate=44100, channels=2)
    result = prepare(corpus, tmp_path / "ser")
    assert "1 of 42 recordings" in result.stderr and "converted" in result.stderr
    converted = tmp_path / "ser/wav/Ses01F-Ses01F_impro01_F000.wav"
    assert table(tmp_path / "ser/wav.scp")["Ses01F-Ses01F_impro01_F000"] == str(converted)
    info = soundfile.info(converted)
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (16000, 1, "PCM_16", 1600)


def test_audio_without_label_and_label_without_audio_are_named(corpus, tmp_path):
    wav = corpus / "Session2/sentences/wav/Ses02F_impro01"
    write_wav(wav / "Ses02F_impro01_F099.wav")
    (wav / "Ses02F_impro01_F001.wav").unlink()
    result = prepare(corpus, tmp_path / "ser")
    assert "audio without a label: Ses02F_impro01_F099" in result.stderr
    assert "Ses02F_impro01_F001: no audio" in result.stderr
    assert "Ses02F_impro01_F001: no audio" in (tmp_path / "ser/left_out").read_text()
    assert "Ses02F-Ses02F_impro01_F001" not in table(tmp_path / "ser/utt2spk")


@pytest.mark.parametrize(
    ("samples", "said"),
    [(399, "shorter than one window"), (0, "recording without samples"), (None, "empty file")],
    ids=["shorter than a window", "no samples", "zero bytes"],
)
def test_unusable_audio_is_named_and_left_out(corpus, tmp_path, samples, said):
    wav = corpus / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F003.wav"
    if samples is None:
        wav.write_bytes(b"")
    else:
        write_wav(wav, samples)
    result = prepare(corpus, tmp_path / "ser")
    assert result.returncode == 0
    assert [line for line in result.stderr.splitlines() if "Ses01F_impro01_F003" in line and said in line]
    assert "Ses01F-Ses01F_impro01_F003" not in table(tmp_path / "ser/wav.scp")
    assert "speaker Ses01F has no utterance of sadness" in result.stderr


def test_audio_of_exactly_one_window_is_used(corpus, tmp_path):
    write_wav(corpus / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F003.wav", 400)
    prepare(corpus, tmp_path / "ser")
    assert "Ses01F-Ses01F_impro01_F003" in table(tmp_path / "ser/wav.scp")


def test_a_wrong_folder_is_refused(tmp_path):
    (tmp_path / "music").mkdir()
    assert_refused(
        prepare(tmp_path / "music", tmp_path / "ser"), tmp_path / "ser", "is not the folder of IEMOCAP", "Session1"
    )


def test_a_missing_session_is_named(corpus, tmp_path):
    (corpus / "Session4").rename(corpus / "session_four")
    result = prepare(corpus, tmp_path / "ser", partial=False)
    assert_refused(result, tmp_path / "ser", "Session4 missing", "--allow-partial")
    result = prepare(corpus, tmp_path / "ser")
    assert result.returncode == 0 and "Session4 missing" in result.stderr


def test_a_label_file_cut_short_is_refused_with_its_line(corpus, tmp_path):
    file = corpus / "Session2/dialog/EmoEvaluation/Ses02F_impro01.txt"
    text = file.read_text()
    file.write_text(text[: text.index("Ses02F_impro01_F001") + 22])
    assert_refused(prepare(corpus, tmp_path / "ser"), tmp_path / "ser", "Ses02F_impro01.txt:9:", "cut short")


def test_one_turn_with_two_categories_is_refused(corpus, tmp_path):
    file = corpus / "Session2/dialog/EmoEvaluation/Ses02F_impro01.txt"
    with file.open("a") as labels:
        labels.write(LABEL.format(start=1, end=2, turn="Ses02F_impro01_F001", category="sad"))
    result = prepare(corpus, tmp_path / "ser")
    assert_refused(result, tmp_path / "ser", "Ses02F_impro01_F001 is labelled twice, 'ang' and 'sad'")


@pytest.mark.parametrize("turn", ["Ses02F_impro01_X001", "Ses02F_impro01", "Ses09F_impro01_F001", "impro01_F001"])
def test_a_turn_whose_name_does_not_parse_is_refused(corpus, tmp_path, turn):
    with (corpus / "Session2/dialog/EmoEvaluation/Ses02F_impro01.txt").open("a") as labels:
        labels.write(LABEL.format(start=1, end=2, turn=turn, category="sad"))
    assert_refused(prepare(corpus, tmp_path / "ser"), tmp_path / "ser", f"'{turn}' is no name of an IEMOCAP turn")


def test_an_unknown_category_is_refused(corpus, tmp_path):
    add_dialogue(corpus, "Ses01F_impro09", {"F000": "bored"})
    assert_refused(
        prepare(corpus, tmp_path / "ser"), tmp_path / "ser", "unknown category 'bored'", "Ses01F_impro09_F000"
    )


def test_a_folder_that_is_no_data_directory_is_not_overwritten(corpus, tmp_path):
    precious = tmp_path / "thesis"
    precious.mkdir()
    (precious / "chapter1.tex").write_text("…")
    result = prepare(corpus, precious)
    assert result.returncode == 1 and "remove it, or name another" in result.stderr
    assert (precious / "chapter1.tex").exists()


def test_audio_and_labels_in_capital_letters_are_read(corpus, tmp_path):
    expected = prepare(corpus, tmp_path / "lower")
    for file in [*corpus.glob("Session3/**/*.wav"), *corpus.glob("Session3/dialog/EmoEvaluation/*.txt")]:
        file.rename(file.with_suffix(file.suffix.upper()))
    result = prepare(corpus, tmp_path / "ser")
    assert result.returncode == expected.returncode == 0
    assert "42" in result.stdout
    assert table(tmp_path / "ser/utt2emotion") == table(tmp_path / "lower/utt2emotion")
    assert table(tmp_path / "ser/wav.scp")["Ses03F-Ses03F_impro01_F000"].endswith("/Ses03F_impro01_F000.WAV")


def test_two_recordings_of_a_turn_are_refused(corpus, tmp_path):
    folder = corpus / "Session3/sentences/wav"
    other = folder / "copy/Ses03F_impro01_F000.WAV"
    write_wav(other)
    original = folder / "Ses03F_impro01/Ses03F_impro01_F000.wav"
    assert_refused(prepare(corpus, tmp_path / "ser"), tmp_path / "ser", f"{original} and {other}: two files for one")


@pytest.mark.parametrize(
    ("encode", "said"),
    [
        (lambda text: text.encode("utf-16"), ", line 1: the file is in UTF-16; save it as UTF-8"),
        (lambda text: text.encode("utf-16-be"), ": not one line '[start - end]<TAB>turn"),
        (lambda _: b"", ": not one line '[start - end]<TAB>turn"),
        (lambda _: b"% [\n", ": not one line '[start - end]<TAB>turn"),
    ],
    ids=["UTF-16", "UTF-16 without a mark", "empty", "a header only"],
)
def test_a_label_file_without_a_label_is_refused_by_name(corpus, tmp_path, encode, said):
    file = corpus / "Session2/dialog/EmoEvaluation/Ses02F_impro01.txt"
    file.write_bytes(encode(file.read_text()))
    assert_refused(prepare(corpus, tmp_path / "ser"), tmp_path / "ser", f"{file}{said}")


def test_a_mark_of_utf_8_does_not_hide_the_first_label(corpus, tmp_path):
    expected = prepare(corpus, tmp_path / "expected").stdout
    file = corpus / "Session2/dialog/EmoEvaluation/Ses02F_impro01.txt"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().split(b"\n", 2)[2])  # the first line is a label now
    assert prepare(corpus, tmp_path / "ser").stdout.replace("/ser:", "/expected:") == expected


@pytest.mark.parametrize("change_case", [str.lower, str.upper])
def test_a_corpus_whose_names_were_changed_to_another_case_is_the_same(corpus, tmp_path, change_case):
    assert prepare(corpus, tmp_path / "as_it_is").returncode == 0
    for path in sorted(corpus.rglob("*"), key=lambda path: -len(path.parts)):
        path.rename(path.with_name(change_case(path.name)))
    result = prepare(corpus, tmp_path / "changed")
    assert result.returncode == 0, result.stderr
    for name in ("utt2spk", "utt2emotion", "utt2original"):
        assert (tmp_path / "changed" / name).read_text() == (tmp_path / "as_it_is" / name).read_text()
    wavs = [table(tmp_path / folder / "wav.scp") for folder in ("as_it_is", "changed")]
    assert [{utt: wav.lower() for utt, wav in wav_scp.items()} for wav_scp in wavs][0] == {
        utt: wav.lower() for utt, wav in wavs[1].items()
    }


def test_a_label_in_the_folder_of_another_session_or_dialogue_is_refused(corpus, tmp_path):
    folder = corpus / "Session2/dialog/EmoEvaluation"
    moved = folder / "Ses01F_impro01.txt"
    moved.write_text((corpus / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt").read_text())
    said = f"{moved}:3: Ses01F_impro01_F000 is no turn of session 2"
    assert_refused(prepare(corpus, tmp_path / "ser"), tmp_path / "ser", said)
    moved.rename(folder / "Ses01F.txt")  # the beginning of its turns' names, but not their dialogue
    said = "Ses01F_impro01_F000 is not a turn of the dialogue Ses01F"
    assert_refused(prepare(corpus, tmp_path / "ser"), tmp_path / "ser", said)


def test_recordings_much_longer_or_shorter_than_their_labels_say_are_counted_and_named(corpus, tmp_path):
    wav = corpus / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav"
    for file in corpus.rglob("Ses*.wav"):
        write_wav(file, samples=31129 if file != wav else 9600)  # all labels are of 1.9456 s
    result = prepare(corpus, tmp_path / "ser")
    assert result.returncode == 0
    said = f"than its label, and used as it is (1 of 42): {wav} has 0.60 s, its label says 1.95 s"
    assert said in result.stderr and result.stderr.count("its label says") == 1
