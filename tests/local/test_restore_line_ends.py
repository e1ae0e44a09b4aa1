"""Audio that lost bytes as text does when its line ends are converted, and gets them back."""

import subprocess
import sys
import wave

import numpy as np

RATE = 16000


def write(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples)


def read(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(int)


def run(root, *folders):
    command = [sys.executable, root / "local/restore_line_ends.py", *folders]
    return subprocess.run(command, capture_output=True, text=True)


def test_lost_bytes_are_put_back_where_they_were(root, tmp_path):
    rng = np.random.default_rng(0)
    time = np.arange(30 * RATE) / RATE
    tones = sum(np.sin(2 * np.pi * f * time + f) * np.sin(f * time) ** 2 / f for f in (110, 220, 440, 900, 2300))
    sound = (4e5 * tones + 30 * rng.standard_normal(len(time))).astype("<i2")
    damaged, num_lost = b"", 0
    for piece in sound.tobytes().split(b"\r\n"):
        # Two places so near each other that few samples between them suffer cannot be told from none.
        near = len(piece) < 100
        damaged += (b"\n\n" if near else b"\n") + piece if damaged else piece
        num_lost += not near
    num_lost -= 1
    damaged = damaged.replace(b"\r", b"\n")
    assert num_lost > 10
    (tmp_path / "damaged/dr1").mkdir(parents=True)
    (tmp_path / "damaged/dr1/a.phn").write_text("0 100 h#\n")
    write(tmp_path / "damaged/dr1/whole.wav", b"\1\0" * 1000)
    write(tmp_path / "damaged/dr1/a.wav", damaged + b"\0" * (len(damaged) % 2))
    assert np.abs(read(tmp_path / "damaged/dr1/a.wav")[: len(sound) - num_lost] - sound[:-num_lost]).mean() > 1000

    done = run(root, tmp_path / "damaged", tmp_path / "restored")
    assert done.returncode == 0, done.stderr
    assert f"{num_lost} lost bytes put back in 1 of 2 recordings" in done.stdout
    restored = read(tmp_path / "restored/dr1/a.wav")[: len(sound)]
    differences = np.abs(restored - sound[: len(restored)])
    assert len(restored) >= len(sound) - 1
    assert (differences > 768).sum() <= 2 * num_lost  # around the places
    before = (np.frombuffer(sound.tobytes().replace(b"\r", b"\n"), "<i2") != sound).mean()
    assert before > 0.02 and (differences > 3).mean() < 0.3 * before  # 3: in a low byte, which nothing tells
    assert np.array_equal(read(tmp_path / "restored/dr1/whole.wav"), read(tmp_path / "damaged/dr1/whole.wav"))
    assert (tmp_path / "restored/dr1/a.phn").read_text() == "0 100 h#\n"


def test_what_is_there_already_is_left_alone(root, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert "is already there" in run(root, tmp_path / "a", tmp_path / "b").stderr
    assert "no such folder" in run(root, tmp_path / "c", tmp_path / "d").stderr


def test_the_sample_of_timit_is_speech_throughout_afterwards(root, timit_sample, tmp_path):
    done = run(root, timit_sample, tmp_path / "restored")
    assert "43 lost bytes put back in 33 of 160 recordings" in done.stdout
    for name in ("dr7-madd0/si1798.wav", "dr5-mbgt0/sx441.wav"):  # noise from half-way on, and nearly throughout
        steps = [np.abs(np.diff(read(folder / name)[8000:])).mean() for folder in (timit_sample, tmp_path / "restored")]
        assert steps[0] > 5000 and steps[1] < 500


def test_what_cannot_be_restored_is_refused_in_one_line_and_nothing_is_written(root, tmp_path):
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    wav = corpus / "A.WAV"
    write(wav, b"\1\0" * 1000)
    whole = wav.read_bytes()
    for content, said in (
        (b"", "not a RIFF recording (it ends within its header)"),
        (b"NIST_1A\n   1024\n", "not a RIFF recording (file does not start with RIFF id)"),
        (whole[:-200], "900 samples after 0 bytes were put back, but its header announces 1000: truncated"),
        (whole[:22] + b"\2\0" + whole[24:], "2 channels of 16 bits, expected 1 of 16"),
    ):
        wav.write_bytes(content)
        done = run(root, corpus, out)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert f"{wav}: " in done.stderr and said in done.stderr
        assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus"]
    wav.unlink()
    assert "no recording (.wav) in it" in run(root, corpus, out).stderr
    assert f"{corpus}/new is within {corpus}" in run(root, corpus, corpus / "new").stderr
