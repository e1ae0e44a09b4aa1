"""A corpus of one's own for ASR: any phones, in Kaldi data directories."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]
SILENCE = "sil m ä sil"


def write(data: Path, name: str, *lines: str) -> None:
    (data / name).write_text("".join(f"{line}\n" for line in lines))


def tone(path: Path, rate: int = 16000, channels: int = 1, seconds: float = 1.0, **form: str) -> Path:
    samples = np.sin(2 * np.pi * 440 / rate * np.arange(int(seconds * rate)))
    soundfile.write(path, 0.5 * np.tile(samples[:, np.newaxis], channels), rate, **form)
    return path


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A speaker in each set: train has a recording of two utterances, dev and test one utterance a recording."""
    own = tmp_path / "finnish"
    for part, speaker in (("train", "aino"), ("dev", "eero"), ("test", "iida")):
        (own / part).mkdir(parents=True)
        write(own / part, "wav.scp", f"{speaker}_1 {tone(tmp_path / f'{speaker}.wav')}")
        write(own / part, "utt2spk", f"{speaker}_1 {speaker}")
        write(own / part, "text", f"{speaker}_1 {SILENCE}")
    tape = tone(tmp_path / "tape.flac", rate=22050, channels=2, seconds=2)
    write(own / "train", "wav.scp", f"tape {tape}", "unused /nowhere.wav")
    write(own / "train", "segments", "aino_2 tape 1.0 -1", "aino_1 tape 0.0\t0.5")  # neither in Kaldi's order
    write(own / "train", "utt2spk", "aino_2 aino", "aino_1 aino")
    write(own / "train", "text", f"aino_2\t{SILENCE}", f"aino_1   {SILENCE} ")
    return own


@pytest.fixture
def prepare(own: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    command = [ROOT / "local/asr_data.sh"]
    return lambda *options: subprocess.run(
        [*command, *options, own, tmp_path / "asr"], capture_output=True, text=True, cwd=tmp_path
    )


def test_data_directories_are_sorted_and_the_phones_listed(prepare, tmp_path):
    result = prepare()
    assert result.returncode == 0, result.stderr
    train = tmp_path / "asr/train"
    assert (train / "text").read_text() == f"aino_1 {SILENCE}\naino_2 {SILENCE}\n"
    assert (train / "segments").read_text() == "aino_1 tape 0.0 0.5\naino_2 tape 1.0 -1\n"
    assert (train / "spk2utt").read_text() == "aino aino_1 aino_2\n"
    assert (tmp_path / "asr/phones").read_text() == "m\nsil\nä\n"
    assert (tmp_path / "asr/corpus").read_text() == "own corpus finnish\n"
    assert "own corpus finnish: train: 2 utterances of 1 speakers, 8 phones" in result.stdout
    assert not (tmp_path / "asr.tmp").exists()


def prepared(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_files_of_another_editor_make_the_same_data_directories(prepare, own, tmp_path):
    """A mark of UTF-8, CRLF, tabs, and no newline at the end."""
    assert prepare().returncode == 0
    expected = prepared(tmp_path / "asr")
    for path in own.glob("*/*"):
        lines = path.read_text().replace(" ", "\t", 1).replace("\n", "\r\n")
        path.write_bytes(lines.removesuffix("\r\n").encode("utf-8-sig"))
    result = prepare()
    assert result.returncode == 0, result.stderr
    assert prepared(tmp_path / "asr") == expected
    assert b"\r" not in (tmp_path / "asr/train/segments").read_bytes()


@pytest.mark.parametrize(
    "encoding, message",
    [
        ("latin-1", "{}/train/text, line 1: byte 0xE4 is not UTF-8"),
        ("utf-16", "{}/train/text, line 1: the file is in UTF-16; save it as UTF-8"),
    ],
)
def test_another_encoding_is_refused_with_file_and_line(prepare, own, tmp_path, encoding, message):
    path = own / "train/text"
    path.write_bytes(path.read_text().encode(encoding))
    result = prepare()
    assert result.returncode == 1 and message.format(own) in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "asr").exists()


def test_only_audio_that_needs_it_is_converted(prepare, tmp_path):
    result = prepare()
    assert "1 of 1 recordings are not 16 kHz mono 16-bit WAV: converted once" in result.stderr
    converted = tmp_path / "asr/train/wav/tape.wav"
    assert (tmp_path / "asr/train/wav.scp").read_text() == f"tape {converted}\n"
    samples, rate = soundfile.read(converted)
    assert rate == 16000 and samples.shape == (32000,)
    assert np.abs(np.fft.rfft(samples)).argmax() == 880  # 440 Hz in two seconds
    assert (tmp_path / "asr/dev/wav.scp").read_text() == f"eero_1 {tmp_path}/eero.wav\n"


def test_relative_paths_are_made_absolute(prepare, own, tmp_path):
    write(own / "dev", "wav.scp", "eero_1 eero.wav")
    assert prepare().returncode == 0
    assert (tmp_path / "asr/dev/wav.scp").read_text() == f"eero_1 {tmp_path}/eero.wav\n"


def test_a_command_in_wav_scp_stays_a_command(prepare, own, tmp_path):
    write(own / "dev", "wav.scp", f"eero_1 cat {tmp_path}/eero.wav |")
    result = prepare()
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "asr/dev/wav.scp").read_text() == f"eero_1 cat {tmp_path}/eero.wav |\n"


def test_a_segment_may_last_to_the_end_of_what_a_command_gives(prepare, own, tmp_path):
    write(own / "dev", "wav.scp", f"tape cat {tmp_path}/eero.wav |")
    write(own / "dev", "segments", "eero_1 tape 0.5 -1")
    result = prepare()
    assert result.returncode == 0, result.stderr


def test_a_corpus_is_not_written_over(own):
    result = subprocess.run([ROOT / "local/asr_data.sh", own, own], capture_output=True, text=True)
    assert result.returncode == 1 and "is where the recipe writes: move your corpus" in result.stderr


def test_name_and_gender_are_taken_over(prepare, own, tmp_path):
    write(own, "corpus", "Finnish readers")
    write(own / "test", "spk2gender", "iida f")
    assert prepare().returncode == 0
    assert (tmp_path / "asr/corpus").read_text() == "Finnish readers\n"
    assert (tmp_path / "asr/test/spk2gender").read_text() == "iida f\n"


def test_the_speaker_is_put_in_front_of_utterances_and_their_recordings(prepare, own, tmp_path):
    write(own / "dev", "utt2spk", "eero_1 spk7")
    result = prepare()
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "asr/dev/text").read_text() == f"spk7-eero_1 {SILENCE}\n"
    assert (tmp_path / "asr/dev/wav.scp").read_text().startswith("spk7-eero_1 ")


@pytest.mark.parametrize(
    ("speakers", "separator", "names"),
    [
        (["s1", "s10"], "_", ["s1-s1_0", "s10-s10_0"]),  # _ comes after 0: s10_0 would stand before s1_0
        (["s1", "s10"], "-", ["s1-0", "s10-0"]),  # in order as they are
        (["s1", "s10"], ".", ["s1.0", "s10.0"]),
        (["s1", "s1-a"], "-", ["s1+s1-0", "s1-a+s1-a-0"]),  # s1-a-0 comes after s1-0, but s1-b after s1-a-0
        (["ä", "äb"], "_", ["ä_0", "äb_0"]),  # _ comes before b
        (["ä", "äB"], "_", ["ä-ä_0", "äB-äB_0"]),  # but after B
    ],
)
def test_utterances_get_names_in_the_order_of_their_speakers(prepare, own, tmp_path, speakers, separator, names):
    utts = {f"{speaker}{separator}{i}": speaker for speaker in speakers for i in ("0", "z")}
    write(own / "train", "segments", *(f"{utt} tape {i / 4} {i / 4 + 0.2}" for i, utt in enumerate(utts)))
    write(own / "train", "utt2spk", *(f"{utt} {speaker}" for utt, speaker in utts.items()))
    write(own / "train", "text", *(f"{utt} {SILENCE}" for utt in utts))
    result = prepare()
    assert result.returncode == 0, result.stderr
    lines = [line.split() for line in (tmp_path / "asr/train/utt2spk").read_text().splitlines()]
    assert [utt for utt, _ in lines if utt.endswith("0")] == names
    assert [speaker for _, speaker in lines] == [speakers[0]] * 2 + [speakers[1]] * 2
    assert ("utterances are called <speaker>" in result.stderr) == (names[0] not in utts)


def test_speakers_for_whom_no_names_are_in_order_are_refused(prepare, own):
    write(own / "train", "utt2spk", "aino_1 aino", "aino_2 aino!")
    result = prepare()
    assert result.returncode == 1
    assert f"{own}/train/utt2spk: no order of utterances is that of their speakers, as speaker aino! " in result.stderr


def test_a_folder_of_somebody_else_is_not_replaced(prepare, tmp_path):
    (tmp_path / "asr/train").mkdir(parents=True)
    (tmp_path / "asr/train/thesis").write_text("all of it")
    result = prepare()
    assert result.returncode == 1 and f"{tmp_path}/asr/train is there, but not from here" in result.stderr
    assert (tmp_path / "asr/train/thesis").read_text() == "all of it" and not (tmp_path / "asr.tmp").exists()


def test_what_a_killed_run_left_is_replaced(prepare, tmp_path):
    assert prepare().returncode == 0
    (tmp_path / "asr/corpus").unlink()
    (tmp_path / "asr/test/text").write_text("")
    assert prepare().returncode == 0 and (tmp_path / "asr/test/text").read_text()


def test_recordings_that_lie_where_the_recipe_writes_are_safe(prepare, own, tmp_path):
    (tmp_path / "asr/train/wav").mkdir(parents=True)
    (tmp_path / "asr/corpus").write_text("of an earlier run\n")
    audio = tone(tmp_path / "asr/train/wav/tape.wav", seconds=2)
    write(own / "train", "wav.scp", f"tape cat '{audio}' |")
    result = prepare()
    assert result.returncode == 1 and audio.exists()
    assert f"{tmp_path}/asr/train/wav is where the recipe writes: move your corpus" in result.stderr.splitlines()[-1]


def write_utterances(part: Path, speaker_of: dict[str, str]) -> None:
    """A recording and a transcript of its own for each."""
    (part / "segments").unlink()
    write(part, "wav.scp", *(f"{utt} {tone(part / f'{i}.wav')}" for i, utt in enumerate(speaker_of)))
    write(part, "utt2spk", *(f"{utt} {speaker}" for utt, speaker in speaker_of.items()))
    write(part, "text", *(f"{utt} sil m{' ä' * i} sil" for i, utt in enumerate(speaker_of)))


def test_no_two_utterances_get_the_same_name(prepare, own, tmp_path):
    write_utterances(own / "train", {"1-1": "s1", "2-1": "s1", "1": "s1-2"})  # with a hyphen both were s1-2-1
    result = prepare()
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "asr/train/text").read_text() == "s1+1-1 sil m sil\ns1+2-1 sil m ä sil\ns1-2+1 sil m ä ä sil\n"
    audio = [f"{utt} {own}/train/{i}.wav\n" for i, utt in enumerate(("s1+1-1", "s1+2-1", "s1-2+1"))]
    assert (tmp_path / "asr/train/wav.scp").read_text() == "".join(audio)


def test_utterances_that_would_have_one_name_are_refused(prepare, own, tmp_path):
    write_utterances(own / "train", {"a+1": "s", "1": "s+a"})
    result = prepare()
    assert result.returncode == 1 and not (tmp_path / "asr").exists()
    assert "utterance a+1 of speaker s and 1 of s+a would both be called s+a+1" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("jose\u0301", "/utt2spk: a speaker is jose\\u0301 here and jos\\xe9 there, which look the same"),
        ("jos\u200bé", "/test/utt2spk, line 1: an invisible character, U+200B: remove it"),
    ],
)
def test_a_speaker_who_looks_like_another_is_refused(prepare, own, name, said):
    write(own / "train", "utt2spk", "aino_1 josé", "aino_2 josé")
    write(own / "test", "utt2spk", f"iida_1 {name}")
    result = prepare()
    assert result.returncode == 1 and not (own.parent / "asr").exists()
    assert said in result.stderr.splitlines()[-1]


def test_phones_that_look_alike_are_refused(prepare, own):
    write(own / "train", "text", f"aino_1 {SILENCE}", "aino_2 sil m a\u0308 sil")
    result = prepare()
    assert result.returncode == 1
    assert f"{own}/train/text: a phone is a\\u0308 here and \\xe4 there" in result.stderr.splitlines()[-1]


def test_a_channel_is_not_lost_in_the_mean_of_all(prepare, own, tmp_path):
    result = prepare()
    assert "of 1 with several channels the mean is taken" in result.stderr
    (tmp_path / "asr/corpus").unlink()
    write(own / "train", "reco2file_and_channel", "tape tape A")
    result = prepare()
    assert result.returncode == 1
    assert f"{own}/train/reco2file_and_channel names a channel of tape, which has 2" in result.stderr.splitlines()[-1]


def test_silence_of_another_name_has_to_be_named(prepare, own, tmp_path):
    for part in ("train", "dev", "test"):
        text = own / part / "text"
        text.write_text(text.read_text().replace("sil", "SP"))
    result = prepare()
    assert result.returncode == 0
    assert "no phone 'sil'" in result.stderr and "name it with --silence-phone: SP m ä" in result.stderr
    (tmp_path / "asr/corpus").unlink()
    assert "--silence-phone" not in prepare("--silence-phone", "SP").stderr


def test_a_phone_like_silence_in_another_case_is_named(prepare, own):
    assert "are they one?" not in prepare().stderr
    write(own / "train", "text", f"aino_2 {SILENCE} SIL", f"aino_1 {SILENCE}")
    assert "train/text: SIL is a phone as others are, silence is 'sil'; are they one?" in prepare().stderr


def test_transcripts_without_the_silence_around_them_are_counted(prepare, own):
    write(own / "test", "text", "iida_1 m sil ä")
    assert "1 of 4 transcripts neither begin nor end with 'sil'" in prepare().stderr


BAD = {
    "a set is missing": (lambda own: (own / "dev").rename(own / "devel"), "no folder {own}/dev: "),
    "no transcripts": (lambda own: (own / "dev/text").unlink(), "no {own}/dev/text: ASR needs "),
    "no-break space": (
        lambda own: write(own / "dev", "text", "eero_1 sil\u00a0m ä sil"),
        "{own}/dev/text: eero_1 has 'sil\\xa0m', with a space that is a letter for Kaldi's tools",
    ),
    "no words": (
        lambda own: write(own / "dev", "text", "eero_1"),
        "{own}/dev/text, line 1: expected '<utterance> <word> …', found 'eero_1'",
    ),
    "an utterance twice": (
        lambda own: write(own / "dev", "text", "eero_1 m", "eero_1 m"),
        "{own}/dev/text, line 2: eero_1 is there a second time, after line 1",
    ),
    "transcripts of others": (
        lambda own: write(own / "dev", "text", "eero_1 m", "eero_2 m"),
        "{own}/dev/utt2spk and {own}/dev/text differ in 1 keys, the first is eero_2, not in {own}/dev/utt2spk",
    ),
    "a recording that lacks": (
        lambda own: write(own / "dev", "wav.scp", "eero_2 x.wav"),
        "{own}/dev/wav.scp and {own}/dev/text differ in 2 keys, the first is eero_1, not in {own}/dev/wav.scp",
    ),
    "no such audio": (
        lambda own: write(own / "dev", "wav.scp", "eero_1 x.wav"),
        "{own}/dev/wav.scp: eero_1: no audio, x.wav is missing",
    ),
    "no audio": (
        lambda own: write(own / "dev", "wav.scp", f"eero_1 {own}/dev/text"),
        "{own}/dev/text: not a recording that can be read",
    ),
    "too short": (
        lambda own: write(own / "dev", "wav.scp", f"eero_1 {tone(own / 'short.wav', seconds=0.02)}"),
        "is 20.000 ms long, shorter than one window",
    ),
    "a truncated FLAC": (
        lambda own: write(own / "dev", "wav.scp", f"eero_1 {cut(tone(own / 'cut.flac'))}"),
        "cut.flac: not a recording that can be read to its end, damaged or truncated",
    ),
    "a command of another rate": (
        lambda own: write(own / "dev", "wav.scp", f"eero_1 cat {tone(own / 'phone.wav', rate=8000)} |"),
        "phone.wav |' gives 8000 Hz, 1 channels, expected 16000 Hz, 1 channel",
    ),
    "a command that fails": (
        lambda own: write(own / "dev", "wav.scp", "eero_1 cat /nowhere.wav |"),
        "{own}/dev/wav.scp: ",
    ),
    "a segment of an unknown recording": (
        lambda own: write(own / "train", "segments", "aino_1 cd 0.0 0.5", "aino_2 tape 1.0 2.0"),
        "{own}/train/segments: aino_1: its recording cd is not in wav.scp",
    ),
    "a segment beyond its recording": (
        lambda own: write(own / "train", "segments", "aino_1 tape 0.0 0.5", "aino_2 tape 1.0 2.6"),
        "{own}/train/segments: aino_2: from 1.0 to 2.6 s, but tape has 2.00 s",
    ),
    "a short segment": (
        lambda own: write(own / "train", "segments", "aino_1 tape 0.5 0.5", "aino_2 tape 1.0 2.0"),
        "{own}/train/segments: aino_1: from 0.5 to 0.5 s is shorter than 0.1 s",
    ),
    "a segment with a channel": (
        lambda own: write(own / "train", "segments", "aino_1 tape 0.0 0.5 1", "aino_2 tape 1.0 2.0 1"),
        "give each channel a recording of its own",
    ),
    "a phone that train has not": (
        lambda own: write(own / "test", "text", "iida_1 sil m y sil"),
        "{own}/test/text: iida_1 has the phone 'y', which no transcript of {own}/train has",
    ),
    "a speaker in two sets": (
        lambda own: write(own / "dev", "utt2spk", "eero_1 aino"),
        "{own}: 1 speakers are both in train and in dev, the first is aino",
    ),
    "another word for a gender": (
        lambda own: write(own / "dev", "spk2gender", "eero female"),
        "{own}/dev/spk2gender: eero is 'female', expected f or m",
    ),
    "a phone that is a name of Kaldi's": (
        lambda own: write(own / "dev", "text", "eero_1 #1 m"),
        "{own}/dev/text: eero_1 has '#1', a name that Kaldi keeps for itself: rename this phone",
    ),
    "gender of others": (
        lambda own: write(own / "dev", "spk2gender", "eeva f"),
        "{own}/dev/spk2gender and {own}/dev/utt2spk differ in 2 keys",
    ),
}


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:2000])
    return path


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD)
def test_a_corpus_that_cannot_be_used_is_refused_in_one_line(change, message, prepare, own, tmp_path):
    change(own)
    result = prepare()
    assert result.returncode == 1
    assert message.format(own=own) in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "asr").exists() and not (tmp_path / "asr.tmp").exists()


FORMS = {  # soundfile's format and subtype; all take the same signal
    "24-bit": ("WAV", "PCM_24"), "float": ("WAV", "FLOAT"), "mu-law": ("WAV", "ULAW"), "A-law": ("WAV", "ALAW"),
    "8-bit": ("WAV", "PCM_U8"), "extensible": ("WAVEX", "PCM_24"), "AIFF": ("AIFF", "PCM_16"), "AU": ("AU", "PCM_16"),
    "W64": ("W64", "PCM_16"), "SPHERE": ("NIST", "PCM_16"), "FLAC": ("FLAC", "PCM_16"), "OGG": ("OGG", "VORBIS"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_recording_of_any_form_is_taken_whole_or_refused(form, prepare, own, tmp_path):
    file_format, subtype = FORMS[form]
    wav = tone(tmp_path / "eero.wav", format=file_format, subtype=subtype)
    assert prepare().returncode == 0
    samples, rate = soundfile.read(tmp_path / "asr/dev/wav/eero_1.wav")
    assert (rate, len(samples)) == (16000, 16000)  # 98 frames, never 29
    expected, _ = soundfile.read(wav)
    np.testing.assert_allclose(samples, expected, atol=0.51 / 32768)  # of 16 bits as they are, else rounded

    wav.write_bytes(wav.read_bytes()[: wav.stat().st_size * 3 // 10])
    result = prepare()
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert f"{own}/dev/wav.scp: eero_1: {wav}: " in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda samples: np.where(samples > 0.49, np.nan, samples), "samples that are not finite numbers"),
        (lambda samples: np.where(samples > 0.49, np.inf, samples), "samples that are not finite numbers"),
        (lambda samples: 32768 * samples, "of up to 16384: a false scale"),
        (lambda samples: samples / 32768, "less than one step of 16 bits"),
        (lambda samples: 4 * samples, "samples are beyond 16 bits"),
    ],
    ids=["nan", "inf", "scale of 16 bits", "divided twice", "too loud"],
)
def test_floats_that_would_be_changed_are_refused(spoil, message, prepare, own, tmp_path):
    samples, rate = soundfile.read(tmp_path / "eero.wav")
    soundfile.write(tmp_path / "eero.wav", spoil(samples), rate, subtype="FLOAT")
    result = prepare()
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert f"{tmp_path}/eero.wav: " in result.stderr.splitlines()[-1] and message in result.stderr.splitlines()[-1]
    assert not (tmp_path / "asr").exists()


def test_a_few_clipped_samples_are_counted_and_named(prepare, own, tmp_path):
    samples, rate = soundfile.read(tmp_path / "eero.wav")
    samples[[100, 200, 300]] = 1.25, -1.5, 1.0
    soundfile.write(tmp_path / "eero.wav", samples, rate, subtype="FLOAT")
    result = prepare()
    assert result.returncode == 0
    assert f"warning: {tmp_path}/eero.wav: 3 of 16000 samples clipped to 16 bits" in result.stderr
    converted, _ = soundfile.read(tmp_path / "asr/dev/wav/eero_1.wav", dtype="int16")
    assert converted[[100, 200, 300]].tolist() == [32767, -32768, 32767]


def test_channels_that_cancel_each_other_are_warned_of(prepare, own, tmp_path):
    samples, rate = soundfile.read(tmp_path / "eero.wav")
    soundfile.write(tmp_path / "eero.wav", np.stack([samples, -0.99 * samples], axis=1), rate)
    result = prepare()
    assert result.returncode == 0
    assert f"warning: {tmp_path}/eero.wav: its 2 channels cancel each other" in result.stderr


def test_every_command_is_tried_and_not_only_the_first(prepare, own, tmp_path):
    write(own / "train", "wav.scp", f"tape cat {tone(tmp_path / 'tape.wav', seconds=2)} |", "unused false |")
    assert prepare().returncode == 0
    for fault, said in (
        (f"cat {tone(tmp_path / 'slow.wav', rate=8000)} |", "slow.wav |' gives 8000 Hz, 1 channels, expected 16000 Hz"),
        ("false |", "the command 'false |' failed with status 1"),
        (f"head -c 700 {tmp_path / 'tape.wav'} |", "a truncated recording: its header announces 32000 samples, 328"),
        (f"cat {tone(tmp_path / 'short.wav', seconds=0.02)} |", "20.000 ms long, shorter than one window of 25 ms"),
    ):
        (own / "train/segments").unlink(missing_ok=True)
        write(own / "train", "wav.scp", f"aino_1 cat {tmp_path / 'tape.wav'} |", f"aino_2 {fault}")
        result = prepare()
        assert result.returncode == 1 and "Traceback" not in result.stderr
        assert f"{own}/train/wav.scp: aino_2: " in result.stderr.splitlines()[-1]
        assert said in result.stderr.splitlines()[-1]


def test_a_name_that_would_write_elsewhere_is_refused(prepare, own, tmp_path):
    wav = tone(tmp_path / "eero.wav", rate=8000)
    for name in ("wav.scp", "utt2spk", "text"):
        write(own / "dev", name, (own / "dev" / name).read_text().strip().replace("eero_1", "eero/../../1"))
    result = prepare()
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert f"{wav} has to be converted, and its name in wav.scp, eero/../../1, cannot be" in result.stderr
