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


def test_files_of_another_editor_make_the_same_data_directory(data, tmp_path):
    """A mark of UTF-8, CRLF, tabs, and no newline at the end."""
    (data / "emotions").write_text("surprise\nneutral\nanger\n")
    (data / "corpus").write_text("Töne\n")
    assert prepare(data, tmp_path / "ser").returncode == 0
    expected = {path.name: path.read_bytes() for path in (tmp_path / "ser").glob("[!w]*")}
    for path in data.iterdir():
        text = path.read_text().replace(" ", "\t").replace("\n", "\r\n")
        path.write_bytes(text.removesuffix("\r\n").encode("utf-8-sig"))
    result = prepare(data, tmp_path / "ser")
    assert result.returncode == 0, result.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "ser").glob("[!w]*")} == expected


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_refused_with_file_and_line(data, tmp_path, encoding):
    (data / "utt2emotion").write_bytes("ann-1 ärger\nann-2 neutral\nbob-1 anger\n".encode(encoding))
    result = prepare(data, tmp_path / "ser")
    assert result.returncode == 1 and f"{data}/utt2emotion, line 1: " in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_segments_are_kept_and_only_recordings_that_need_it_are_converted(data, tmp_path):
    prepare(data, tmp_path / "ser")
    assert (tmp_path / "ser/segments").read_text() == (data / "segments").read_text()
    assert (tmp_path / "ser/wav.scp").read_text().splitlines() == [
        f"ann-tape {tmp_path}/ann-tape.wav",
        f"bob-1 {tmp_path}/ser/wav/bob-1.wav",
    ]
    assert soundfile.info(tmp_path / "ser/wav/bob-1.wav").samplerate == 16000


@pytest.mark.parametrize("marks", [["corpus"], ["corpus", "utt2original"]])
def test_the_own_corpus_is_not_written_over(data, marks):
    for name in marks:
        (data / name).write_text("mine\n")
    before = sorted(data.iterdir())
    result = prepare(data, data)
    assert result.returncode == 1 and "is where the recipe writes: move your corpus" in result.stderr.splitlines()[-1]
    assert sorted(data.iterdir()) == before


def test_nothing_half_written_is_left_of_a_recording_that_cannot_be_converted(data, tmp_path):
    loud = 4 * np.sin(np.arange(16000))
    soundfile.write(tmp_path / "bob-1.wav", loud, 16000, subtype="FLOAT")
    result = prepare(data, tmp_path / "ser")
    assert result.returncode == 1 and "samples are beyond 16 bits" in result.stderr.splitlines()[-1]
    assert not (tmp_path / "ser").exists() and not (tmp_path / "ser.tmp").exists()


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
    command = f"cat {tmp_path}/ann-tape.wav |"
    (data / "wav.scp").write_text(f"ann-tape {command}\nbob-1 {tmp_path}/bob-1.wav\n")
    assert prepare(data, tmp_path / "ser").returncode == 0
    assert f"ann-tape {command}\n" in (tmp_path / "ser/wav.scp").read_text()


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("utt2emotion", "ann-1 surprise\nann-2 neutral\n", "the first is bob-1"),
        ("utt2emotion", "ann-1 anger\nann-2 anger\nbob-1 anger\n", "at least two emotions are needed, found anger"),
        ("utt2emotion", "ann-1 silence\nann-2 anger\nbob-1 anger\n", "'silence' is the class of silent frames"),
        ("utt2emotion", "ann-1 all\nann-2 anger\nbob-1 anger\n", "ann-1: 'all' is what tables call all classes"),
        ("utt2emotion", "ann-1 \u00e4\nann-2 a\u0308\nbob-1 anger\n", "an emotion is a\\u0308 here and \\xe4 there"),
        ("utt2spk", "ann-1 ann\nann-2 ann\nbob-1 all\n", "bob-1 has the speaker 'all'"),
        ("utt2spk", "ann-1 ann\nann-2 a\u200bnn\nbob-1 bob\n", "line 2: an invisible character, U+200B"),
        ("segments", "ann-1 ann-tape 0.0 0.5\nann-2 ann-tape 0_0.0 1\nbob-1 bob-1 0.0 1.0\n", "'ann-tape 0_0.0 1' is"),
        ("utt2emotion", "ann-1\nann-2 anger\n", "utt2emotion, line 1: expected '<utterance> <emotion>', found 'ann-1'"),
        ("utt2spk", "ann-1 ann\nann-1 bob\n", "utt2spk, line 2: ann-1 is there a second time, after line 1"),
        ("wav.scp", "ann-tape /nowhere.wav\n", "ann-1: no audio, /nowhere.wav is missing"),
        ("segments", "ann-1 ann-tape 0.0 0.5\nbob-1 bob-1 0.0 1.0\n", "ann-2: no audio, its line in"),
        ("emotions", "anger\nneutral\n", "utt2emotion has surprise"),
        ("emotions", "anger\nneutral\nsurprise\njoy\n", "own/emotions has 'joy', which no utterance of "),
        ("emotions", "anger\nneutral\nsurprise\nanger\n", "emotions, line 4: anger is there a second time"),
        ("utt2emotion", "ann-1 very happy\nann-2 neutral\nbob-1 anger\n", "line 1: expected '<utterance> <emotion>'"),
        ("utt2emotion", "ann-1 sad,happy\nann-2 neutral\nbob-1 anger\n", "ann-1 has the emotion 'sad,happy'"),
        ("dev_speakers", "bob\nzoe\n", "own/dev_speakers names zoe, who speaks no utterance of utt2spk; the"),
        ("dev_speakers", "bob\nann\n", "own/dev_speakers names all 2 speakers, as ann: nobody is left to train on"),
        ("dev_speakers", "\n", "own/dev_speakers is empty"),
        ("emotions", "\n", "utt2emotion has anger, neutral, surprise, "),
        ("spk2session", "ann 1\n", "own/spk2session lacks bob, who speaks in utt2spk"),
        ("utt2sentence", "ann-1 s1\n", "own/utt2sentence lacks"),
        ("spk2gender", "bob m\n", "own/spk2gender lacks ann, who speaks in utt2spk"),
        ("spk2gender", "bob m\nann female\n", "own/spk2gender: ann is 'female', expected f or m"),
        ("utt2spk", "ann-1 ann\nann-2 ann\nbob-1 b/ob\n", "utt2spk: the speaker 'b/ob' of bob-1 has '/' in it"),
        ("utt2spk", "ann-1 ann\nann-2 ann\nbob-1 ..\n", "utt2spk: the speaker '..' of bob-1 cannot be"),
        ("utt2spk", "ann-1 ann\nann-2 ann\nbob-1 JOB1\n", "utt2spk: the speaker 'JOB1' of bob-1 has JOB in it"),
        ("utt2spk", "ann-1 ann\nann-2 ann\nbob-1 b$ob\n", "utt2spk: the speaker 'b$ob' of bob-1 has '$' in it"),
    ],
)
def test_bad_input_is_refused_with_one_line(data, tmp_path, file, text, said):
    (data / file).write_text(text)
    result = prepare(data, tmp_path / "ser")
    assert result.returncode == 1
    assert said in result.stderr.splitlines()[-1]
    assert not (tmp_path / "ser").exists()


@pytest.mark.parametrize("file", ["emotions", "dev_speakers", "spk2session", "spk2gender", "segments"])
def test_a_link_that_leads_nowhere_is_no_missing_file(data, tmp_path, file):
    (data / file).unlink(missing_ok=True)
    (data / file).symlink_to(tmp_path / "nowhere")
    result = prepare(data, tmp_path / "ser")
    assert result.returncode == 1
    assert f"cannot read {data / file}: No such file" in result.stderr.splitlines()[-1]


def test_what_is_said_of_nobody_and_of_nothing_is_told_when_it_is_left_out(data, tmp_path):
    (data / "spk2gender").write_text("ann f\nbob m\nzoe f\n")
    with open(data / "wav.scp", "a") as wav_scp:
        wav_scp.write(f"cid-1 {tmp_path}/cid.wav\n")
    result = prepare(data, tmp_path / "ser")
    assert result.returncode == 0
    assert "spk2gender has a speaker that utt2spk has not, ignored: zoe" in result.stderr
    assert "wav.scp has a recording that no utterance is of, ignored: cid-1" in result.stderr


@pytest.mark.parametrize(
    ("genders", "dev"), [("a m\nb f\nc m\nd f\ne f\n", ["c", "e"]), (None, ["d", "e"])]
)
def test_an_own_corpus_keeps_its_last_woman_and_last_man_for_dev(data, tmp_path, genders, dev):
    (data / "segments").write_text("".join(f"{s}-1 ann-tape 0.0 0.5\n" for s in "abcde"))
    (data / "utt2spk").write_text("".join(f"{s}-1 {s}\n" for s in "abcde"))
    (data / "utt2emotion").write_text("".join(f"{s}-1 {'anger' if s < 'c' else 'joy'}\n" for s in "abcde"))
    if genders:
        (data / "spk2gender").write_text(genders)
    assert prepare(data, tmp_path / "ser").returncode == 0
    assert (tmp_path / "ser/dev_speakers").read_text().split() == dev


def test_of_up_to_three_speakers_one_is_dev(data, tmp_path):
    assert prepare(data, tmp_path / "ser").returncode == 0
    assert (tmp_path / "ser/dev_speakers").read_text() == "bob\n"


def test_a_directory_without_emotions_is_refused(data, tmp_path):
    (data / "utt2emotion").unlink()
    assert "no " in prepare(data, tmp_path / "ser").stderr
    assert not (tmp_path / "ser").exists()


def test_a_command_that_gives_another_rate_or_fails_is_refused_before_the_work(data, tmp_path):
    for command, said in (
        (f"cat {tmp_path}/bob-1.wav |", "gives 8000 Hz, 1 channels, expected 16000 Hz"),
        ("cat /nowhere.wav |", "the command 'cat /nowhere.wav |' failed with status 1"),
        (f"head -c 20000 {tmp_path}/ann-tape.wav |", "truncated recording: its header announces 16000 samples, 9978"),
        (f"head -c 8000 {tmp_path}/ann-tape.wav | tail -c 7000 |", "not a recording that can be read"),
    ):
        (data / "wav.scp").write_text(f"ann-tape {command}\nbob-1 {tmp_path}/bob-1.wav\n")
        result = prepare(data, tmp_path / "ser")
        assert result.returncode == 1 and said in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ("0.5 1.6", "ann-2: from 0.5 to 1.6 s, but ann-tape has 1.00 s"),
        ("0.95 1.0", "ann-2: from 0.95 to 1.0 s is shorter than 0.1 s"),
        ("0.5 nan", "ann-2: from 0.5 to nan s"),
        ("0.5 1.0 1", "ann-2: 'ann-tape 0.5 1.0 1' is not '<recording> <start> <end>'"),
    ],
)
def test_a_segment_that_would_have_no_features_is_named_and_only_left_out_on_demand(data, tmp_path, span, said):
    (data / "segments").write_text(f"ann-1 ann-tape 0.0 0.5\nann-2 ann-tape {span}\nbob-1 bob-1 0.0 1.0\n")
    result = prepare(data, tmp_path / "ser")
    assert result.returncode == 1 and said in result.stderr.splitlines()[-1]
    assert prepare(data, tmp_path / "ser", "--allow-partial", "true").returncode == 0
    assert said in (tmp_path / "ser/left_out").read_text()
    assert (tmp_path / "ser/utt2spk").read_text() == "ann-1 ann\nbob-1 bob\n"


def test_a_broken_recording_is_in_no_list_of_the_data_directory(data, tmp_path):
    (data / "segments").unlink()
    names = [f"ann-{i:02}" for i in range(20)]
    for name in names:
        soundfile.write(tmp_path / f"{name}.wav", np.random.default_rng(1).normal(0, 0.1, 800), 16000, subtype="FLOAT")
    broken = tmp_path / "ann-07.wav"
    broken.write_bytes(broken.read_bytes()[:-400])
    (data / "wav.scp").write_text("".join(f"{name} {tmp_path}/{name}.wav\n" for name in names))
    (data / "utt2spk").write_text("".join(f"{name} ann\n" for name in names))
    (data / "utt2emotion").write_text("".join(f"{n} {'anger' if i % 2 else 'joy'}\n" for i, n in enumerate(names)))
    assert prepare(data, tmp_path / "ser").returncode == 1
    result = prepare(data, tmp_path / "ser", "--allow-partial", "true")
    assert result.returncode == 0
    assert f"left out: ann-07: {broken}: a truncated recording: its header announces 800 samples, 700" in result.stderr
    for name in ("wav.scp", "utt2spk", "utt2emotion", "utt2original"):
        assert len((tmp_path / "ser" / name).read_text().splitlines()) == 19
    assert "ann-07" not in (tmp_path / "ser/spk2utt").read_text()


def test_segments_of_what_a_command_gives_are_checked_too(data, tmp_path):
    (data / "wav.scp").write_text(f"ann-tape cat {tmp_path}/ann-tape.wav |\nbob-1 {tmp_path}/bob-1.wav\n")
    (data / "segments").write_text("ann-1 ann-tape 0.0 0.5\nann-2 ann-tape 1.0 2.0\nbob-1 bob-1 0.0 1.0\n")
    result = prepare(data, tmp_path / "ser")
    assert result.returncode == 1
    assert "ann-2: from 1.0 to 2.0 s, but ann-tape has 1.00 s" in result.stderr.splitlines()[-1]


def test_emotions_that_differ_in_case_only_are_said_to_be_two(data, tmp_path):
    (data / "utt2emotion").write_text("ann-1 surprise\nann-2 Anger\nbob-1 anger\n")
    result = prepare(data, tmp_path / "ser")
    assert result.returncode == 0
    assert "differ in case only, and are two emotions: Anger and anger\n" in result.stderr
