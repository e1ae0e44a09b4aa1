"""The Berlin database of emotional speech, the real one, and folders that only look like it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile


def prepare(corpus: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).resolve().parents[2] / "local/emodb_data.py"
    return subprocess.run([sys.executable, script, *options, corpus, out], capture_output=True, text=True)


def table(file: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in file.read_text().splitlines())


def test_the_339_recordings_are_read_as_their_names_say(emodb, tmp_path):
    result = prepare(emodb, tmp_path / "ser")
    assert result.returncode == 0, result.stderr
    emotions, speakers = table(tmp_path / "ser/utt2emotion"), table(tmp_path / "ser/utt2spk")
    assert len(emotions) == 339
    assert (emotions["03a01Wa"], speakers["03a01Wa"]) == ("anger", "03")  # W for Wut
    assert (emotions["16b10Td"], speakers["16b10Td"]) == ("sadness", "16")  # T for Trauer
    assert table(tmp_path / "ser/spk2gender") == {
        s: "f" if s in ["08", "09", "13", "14", "16"] else "m" for s in speakers.values()
    }
    assert (tmp_path / "ser/dev_speakers").read_text().split() == ["15", "16"]


def test_a_lost_recording_is_an_error_that_names_the_speaker(emodb, tmp_path):
    (tmp_path / "emodb").mkdir()
    (tmp_path / "emodb/wav").mkdir()
    for wav in (emodb / "wav").glob("*.wav"):
        if wav.stem != "16b10Td":
            (tmp_path / "emodb/wav" / wav.name).symlink_to(wav)
    result = prepare(tmp_path / "emodb", tmp_path / "ser")
    assert result.returncode == 1
    assert "38 of 16 found, 39 expected" in result.stderr
    assert not (tmp_path / "ser").exists()
    assert prepare(tmp_path / "emodb", tmp_path / "ser", "--allow-partial", "true").returncode == 0
    assert (tmp_path / "ser/corpus").read_text() == "EmoDB (338 of 339 utterances of four emotions)\n"


def test_other_emotions_of_the_full_corpus_are_left_out(tmp_path):
    (tmp_path / "wav").mkdir()
    for name in ("03a01Wa", "03a01La", "08a02Eb", "09b01Ac", "09b01Nc"):
        soundfile.write(tmp_path / f"wav/{name}.wav", np.full(800, 0.1), 16000, subtype="PCM_16")
    result = prepare(tmp_path, tmp_path / "ser", "--allow-partial", "true")
    assert "not used: A 1, E 1, L 1" in result.stdout
    assert "5 of files found, 535 expected" in result.stderr
    assert table(tmp_path / "ser/utt2emotion") == {"03a01Wa": "anger", "09b01Nc": "neutral"}


def test_a_name_that_does_not_parse_is_refused(tmp_path):
    (tmp_path / "wav").mkdir()
    for wrong in ("03a01Xa", "99a01Wa", "03a01W", "interview"):
        soundfile.write(tmp_path / f"wav/{wrong}.wav", np.zeros(800), 16000)
        result = prepare(tmp_path, tmp_path / "ser")
        assert result.returncode == 1
        said = "'99' is no speaker of EmoDB" if wrong[:2] == "99" else f"'{wrong}' is no name of an EmoDB recording"
        assert said in result.stderr
        (tmp_path / f"wav/{wrong}.wav").unlink()
    assert "no wav files" in prepare(tmp_path, tmp_path / "ser").stderr
    assert "is not the folder of EmoDB" in prepare(tmp_path / "wav", tmp_path / "ser").stderr


def test_names_in_capital_letters_are_read_and_a_second_file_of_a_name_is_refused(tmp_path):
    (tmp_path / "wav").mkdir()
    for name in ("03a01Wa.WAV", "09b01Nc.wav"):
        soundfile.write(tmp_path / f"wav/{name}", np.full(800, 0.1), 16000, subtype="PCM_16", format="WAV")
    assert prepare(tmp_path, tmp_path / "ser", "--allow-partial", "true").returncode == 0
    assert table(tmp_path / "ser/wav.scp") == {
        "03a01Wa": f"{tmp_path}/wav/03a01Wa.WAV",
        "09b01Nc": f"{tmp_path}/wav/09b01Nc.wav",
    }
    soundfile.write(tmp_path / "wav/03a01Wa.wav", np.full(800, 0.1), 16000, subtype="PCM_16")
    result = prepare(tmp_path, tmp_path / "ser", "--allow-partial", "true")
    assert result.returncode == 1 and "03a01Wa stands more than once" in result.stderr
    assert f"{tmp_path}/wav/03a01Wa.WAV" in result.stderr and f"{tmp_path}/wav/03a01Wa.wav" in result.stderr
