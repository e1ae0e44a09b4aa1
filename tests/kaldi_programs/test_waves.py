"""Recordings: the headers that tools write, and what is wrong with a file."""

import io
import os
import struct
import threading

import numpy as np
import pytest
import soundfile

from asrser_io.files import Failure
from asrser_io.tables import TableWriter, read_object, read_table
from kaldi_programs.extract_segments import main as extract_segments

SAMPLES = np.array([[0, 1, -2, 32767, -32768, 300]], np.float32)


def riff(samples=SAMPLES, rate=16000, riff_size=None, data_size=None, chunks=b"", form=b"") -> bytes:
    """A 16-bit RIFF file with whatever sizes its header shall claim."""
    data = samples.T.astype("<i2").tobytes()
    channels = len(samples)
    form = form or struct.pack("<HHIIHH", 1, channels, rate, 2 * channels * rate, 2 * channels, 16)
    head = b"WAVEfmt " + struct.pack("<I", len(form)) + form + chunks
    data_size = len(data) if data_size is None else data_size
    riff_size = len(head) + 8 + len(data) if riff_size is None else riff_size
    return b"RIFF" + struct.pack("<I", riff_size) + head + b"data" + struct.pack("<I", data_size) + data


def read(tmp_path, data: bytes, as_command=False):
    (tmp_path / "x.wav").write_bytes(data)
    return read_object(f"cat {tmp_path}/x.wav |" if as_command else f"{tmp_path}/x.wav", "wave")


@pytest.mark.parametrize("as_command", [False, True])
@pytest.mark.parametrize(
    "sizes",
    [(None, None), (0, 0), (2**32 - 1, 2**32 - 1), (0x7FFFF024, 0x7FFFF000), (2**31 - 1, 2**31 - 37), (None, 0)],
)
def test_recordings_of_known_and_unknown_length_are_read(tmp_path, sizes, as_command):
    rate, samples = read(tmp_path, riff(riff_size=sizes[0], data_size=sizes[1]), as_command)
    assert rate == 16000
    np.testing.assert_array_equal(samples, SAMPLES)


def test_other_chunks_are_skipped_and_extensible_pcm_is_pcm(tmp_path):
    extra = b"LIST" + struct.pack("<I", 4) + b"abcd"
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16000, 32000, 2, 16, 22, 16, 4) + guid
    np.testing.assert_array_equal(read(tmp_path, riff(chunks=extra, form=form))[1], SAMPLES)


def test_channels_are_rows(tmp_path):
    stereo = np.array([[1, 2, 3], [-1, -2, -3]], np.float32)
    np.testing.assert_array_equal(read(tmp_path, riff(stereo))[1], stereo)


@pytest.mark.parametrize(
    "form, subtype", [("WAV", "PCM_24"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("NIST", "PCM_16"), ("AIFF", "PCM_16")]
)
def test_every_other_form_has_the_same_scale(tmp_path, form, subtype):
    buffer = io.BytesIO()
    soundfile.write(buffer, SAMPLES[0] / 32768, 16000, format=form, subtype=subtype)
    rate, samples = read(tmp_path, buffer.getvalue(), as_command=True)
    assert rate == 16000
    np.testing.assert_allclose(samples, SAMPLES, atol=1e-3)


def sphere(count: int, samples: np.ndarray, coding="pcm") -> bytes:
    fields = [
        "NIST_1A", "   1024", "channel_count -i 1", f"sample_count -i {count}", "sample_rate -i 16000",
        "sample_n_bytes -i 2", "sample_byte_format -s2 01", "sample_sig_bits -i 16",
        f"sample_coding -s{len(coding)} {coding}", "end_head", "",
    ]  # fmt: skip
    return "\n".join(fields).encode().ljust(1024) + samples.astype("<i2").tobytes()


def test_nist_sphere_is_known_by_its_header_and_not_by_its_name(tmp_path):
    np.testing.assert_array_equal(read(tmp_path, sphere(6, SAMPLES))[1], SAMPLES)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "empty file"),
        (b"RIFF", "the data end early"),
        (riff()[:30], "the data end early"),
        (riff()[:-3], "truncated recording: its header announces 6 samples, 4 are there"),
        (riff()[:-12], "without samples"),
        (riff(np.zeros((1, 0), np.float32)), "without samples"),
        (b"this is a text, not a recording\n" * 100, "not a recording that can be read"),
        (b"RIFF\4\0\0\0AVI ", "no WAVE"),
        (riff(form=struct.pack("<HHIIHH", 1, 0, 16000, 0, 0, 16)), "0 channels"),
        (sphere(60, SAMPLES), "truncated recording: its header announces 60 samples, 6 are there"),
        (sphere(6, SAMPLES, "pcm,embedded-shorten-v2.00"), "compressed NIST SPHERE file; convert it first: sph2pipe"),
    ],
)
@pytest.mark.parametrize("as_command", [False, True])
def test_what_is_no_whole_recording_is_refused_with_its_key_and_file(tmp_path, data, message, as_command):
    (tmp_path / "x.wav").write_bytes(data)
    name = f"cat {tmp_path}/x.wav |" if as_command else f"{tmp_path}/x.wav"
    (tmp_path / "wav.scp").write_text(f"utt1 {name}\n")
    with pytest.raises(Failure, match=message) as failure:
        list(read_table(f"scp:{tmp_path}/wav.scp", "wave"))
    assert str(failure.value).startswith(f"utt1 ({name}): ")


def test_a_command_that_fails_is_told_instead_of_its_short_output(tmp_path):
    (tmp_path / "wav.scp").write_text("utt1 sph2pipe_is_not_installed x.sph |\n")
    with pytest.raises(Failure, match="utt1 .*the command 'sph2pipe_is_not_installed x.sph |' failed with status 127"):
        list(read_table(f"scp:{tmp_path}/wav.scp", "wave"))


def test_recordings_are_archived_one_behind_the_other(tmp_path):
    stereo = np.array([[1, 2, 3], [-1, -2, -3]], np.float32)
    with TableWriter(f"ark:{tmp_path}/t", "wave") as writer:
        writer.write("a", (16000, SAMPLES))
        writer.write("b", (8000, stereo))
    found = dict(read_table(f"ark:{tmp_path}/t", "wave"))
    np.testing.assert_array_equal(found["a"][1], SAMPLES)
    assert found["b"][0] == 8000
    np.testing.assert_array_equal(found["b"][1], stereo)


def test_only_16_bit_riff_can_be_told_from_what_follows_in_an_archive(tmp_path):
    (tmp_path / "t").write_bytes(b"a " + sphere(6, SAMPLES))
    with pytest.raises(Failure, match="a in the archive .* only 16-bit RIFF"):
        list(read_table(f"ark:{tmp_path}/t", "wave"))


def test_written_samples_are_cut_to_16_bits(tmp_path):
    with TableWriter(f"ark:{tmp_path}/t", "wave") as writer:
        writer.write("a", (16000, np.array([[1.9, -1.9, 4e4, -4e4]], np.float32)))
    ((_, (_, samples)),) = read_table(f"ark:{tmp_path}/t", "wave")
    assert samples.tolist() == [[1, -1, 32767, -32768]]


def test_samples_that_are_limited_are_counted(tmp_path, capsys):
    with TableWriter(f"ark:{tmp_path}/t", "wave") as writer:
        writer.write("a", (16000, np.array([[1.9, -1.9, 4e4, -4e4, 32767.9, -32768]], np.float32)))
    assert "2 of 6 samples lie beyond 16 bits and are limited" in capsys.readouterr().err


def test_a_pipe_named_as_a_file_is_a_recording_too(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "wav.scp").write_text(f"a {pipe}\n")
    writer = threading.Thread(target=lambda: pipe.write_bytes(sphere(6, SAMPLES)))
    writer.start()
    ((key, (rate, samples)),) = read_table(f"scp:{tmp_path}/wav.scp", "wave")
    writer.join()
    assert (key, rate) == ("a", 16000)
    np.testing.assert_array_equal(samples, SAMPLES)


@pytest.mark.parametrize("form, subtype", [("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("AIFF", "PCM_16")])
def test_segments_of_a_recording_that_was_cut_off_are_left_out_by_name(tmp_path, form, subtype, capsys):
    for name, part in (("whole", 1), ("cut", 0.5)):
        buffer = io.BytesIO()
        soundfile.write(buffer, 0.1 * np.sin(np.arange(16000)), 16000, format=form, subtype=subtype)
        (tmp_path / name).write_bytes(buffer.getvalue()[: int(part * len(buffer.getvalue()))])
    (tmp_path / "wav.scp").write_text(f"cut {tmp_path}/cut\nwhole {tmp_path}/whole\n")
    (tmp_path / "segments").write_text("cut-1 cut 0.1 0.3\nwhole-1 whole 0.1 0.3\n")
    words = [f"scp,p:{tmp_path}/wav.scp", f"{tmp_path}/segments", f"ark:{tmp_path}/t"]
    assert extract_segments(words) == 0
    found = {key: samples.shape for key, (_, samples) in read_table(f"ark:{tmp_path}/t", "wave")}
    assert found == {"whole-1": (1, 3200)}
    log = capsys.readouterr().err
    assert "a truncated recording" in log and "no recording cut" in log and "processed 1 lines out of 2" in log
    assert extract_segments([words[0].replace(",p", ""), *words[1:]]) == 1
    assert f"ERROR (extract-segments:main()) cut ({tmp_path}/cut): a truncated recording" in capsys.readouterr().err


@pytest.mark.parametrize("times", ["nan 0.5", "0.1 nan", "-0.1 0.5", "0.5 0.5", "0.1 inf", "0.5 0.4"])
def test_a_segment_of_impossible_times_is_left_out_by_name(tmp_path, times, capsys):
    (tmp_path / "x.wav").write_bytes(riff(np.zeros((1, 16000), np.float32)))
    (tmp_path / "segments").write_text(f"x-1 x {times}\nx-2 x 0.1 -1\n")
    (tmp_path / "wav.scp").write_text(f"x {tmp_path}/x.wav\n")
    assert extract_segments([f"scp:{tmp_path}/wav.scp", f"{tmp_path}/segments", f"ark:{tmp_path}/t"]) == 0
    assert f"segments, line 1 (x-1 x {times}): " in capsys.readouterr().err
    ((key, (_, samples)),) = read_table(f"ark:{tmp_path}/t", "wave")
    assert (key, samples.shape) == ("x-2", (1, 14400))
