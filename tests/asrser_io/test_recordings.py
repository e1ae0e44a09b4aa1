"""The one reader of recordings: each form with each fault gives the right samples or one line, never fewer samples."""

import io
import os
import struct
import threading

import numpy as np
import pytest
import soundfile

from asrser_io.files import Failure
from asrser_io.recordings import Form, examine, read_recording, read_riff16, read_stream, said_of_rest, write_riff16

RATE = 16000
NUM_SAMPLES = 1001  # odd, so that an odd number of bytes occurs
SIGNAL = np.round(9000 * np.sin(0.05 * np.arange(NUM_SAMPLES)) + 300 * np.cos(0.9 * np.arange(NUM_SAMPLES)))
STEREO = np.stack([SIGNAL, SIGNAL[::-1] // 2])

INTEGERS = ["PCM_16", "PCM_24", "PCM_32"]
OTHERS = ["FLOAT", "DOUBLE", "ULAW", "ALAW"]
PLAIN = [
    *(("WAV", coding) for coding in ["PCM_U8", *INTEGERS, *OTHERS]),
    *(("WAVEX", coding) for coding in ["PCM_U8", *INTEGERS, *OTHERS]),
    *(("RF64", coding) for coding in ["PCM_U8", *INTEGERS, *OTHERS]),
    *(("W64", coding) for coding in ["PCM_U8", *INTEGERS, *OTHERS]),
    *(("AIFF", coding) for coding in ["PCM_S8", "PCM_U8", *INTEGERS, *OTHERS]),
    *(("AU", coding) for coding in ["PCM_S8", *INTEGERS, *OTHERS]),
    *(("NIST", coding) for coding in [*INTEGERS, "ULAW", "ALAW"]),
]
BIG_ENDIAN_TOO = [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("NIST", "PCM_16"), ("NIST", "PCM_24")]
LITTLE_ENDIAN_TOO = [("AIFF", "PCM_16"), ("AU", "PCM_16"), ("AU", "FLOAT")]
ALL_PLAIN = (
    [(*form, "FILE") for form in PLAIN]
    + [(*form, "BIG") for form in BIG_ENDIAN_TOO]
    + [(*form, "LITTLE") for form in LITTLE_ENDIAN_TOO]
)
COMPRESSED = [
    ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
    ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"), ("WAV", "GSM610"),
]  # fmt: skip


def encoded(container, coding, endian="FILE", samples=SIGNAL, rate=RATE) -> bytes:
    """samples: (n,) or (channels, n), 16-bit units"""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples.T / 32768, rate, format=container, subtype=coding, endian=endian)
    return buffer.getvalue()


def read(data: bytes):
    return read_stream(io.BytesIO(data))


def wav(data: bytes, tag=1, bits=16, channels=1, block=None, riff_size=None, size=None, before=b"", after=b"") -> bytes:
    """A WAV file with whatever its header shall claim; before, after: further chunks beside the data."""
    block = channels * bits // 8 if block is None else block
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, tag, channels, RATE, RATE * block, block, bits) + before
    size = len(data) if size is None else size
    riff_size = len(head) + 8 + len(data) + len(after) if riff_size is None else riff_size
    return struct.pack("<4sI", b"RIFF", riff_size) + head + struct.pack("<4sI", b"data", size) + data + after


PCM16 = SIGNAL.astype("<i2").tobytes()


# ---- Whole recordings


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("container", "coding", "endian"), ALL_PLAIN)
def test_a_plain_recording_has_the_samples_that_libsndfile_reads(container, coding, endian, channels):
    data = encoded(container, coding, endian, SIGNAL if channels == 1 else STEREO)
    expected, rate = soundfile.read(io.BytesIO(data), always_2d=True)
    form, samples = read(data)
    assert (form.rate, form.channels, form.num_samples) == (rate, channels, len(expected))
    # libsndfile counts the byte of padding behind an odd number of bytes in AIFF as a sample when it writes.
    assert len(expected) == NUM_SAMPLES + (
        container == "AIFF" and coding not in (*INTEGERS, "FLOAT", "DOUBLE") and channels == 1
    )
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, (32768 * expected.T).astype(np.float32))
    if coding in INTEGERS:
        np.testing.assert_array_equal(samples, np.atleast_2d(SIGNAL if channels == 1 else STEREO))


@pytest.mark.parametrize(("container", "coding"), COMPRESSED)
def test_a_compressed_recording_has_the_samples_that_libsndfile_reads(container, coding):
    data = encoded(container, coding)
    expected, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    form, samples = read(data)
    assert (form.rate, form.channels) == (RATE, 1)
    assert form.num_samples == samples.shape[1] >= NUM_SAMPLES
    np.testing.assert_allclose(samples, 32768 * expected.T, atol=0.01)  # MP3 is decoded a little differently by blocks


def test_all_values_of_the_laws_are_those_of_libsndfile():
    every_byte = bytes(range(256))
    for code in (1, 27):
        data = struct.pack(">4s5I", b".snd", 24, 256, code, RATE, 1) + every_byte
        expected, _ = soundfile.read(io.BytesIO(data), dtype="int16")
        np.testing.assert_array_equal(read(data).samples[0], expected)


def test_twelve_bits_stand_in_sixteen():
    data = wav(PCM16, bits=12, block=2)
    np.testing.assert_array_equal(read(data).samples[0], SIGNAL)


# ---- Truncated


def test_half_a_sample_that_is_missing_is_counted_in_bytes(tmp_path):
    (tmp_path / "x.wav").write_bytes(wav(PCM16, size=len(PCM16) + 1))
    with pytest.raises(Failure, match=f"header announces {len(PCM16) + 1} bytes, {len(PCM16)} are there"):
        read_recording(tmp_path / "x.wav")


@pytest.mark.parametrize("fault", ["half", "two bytes", "all samples"])
@pytest.mark.parametrize(("container", "coding", "endian"), ALL_PLAIN)
def test_a_plain_recording_that_was_cut_off_is_refused(container, coding, endian, fault, tmp_path):
    data = encoded(container, coding, endian)
    start = data.rfind(b"data") if container in ("WAV", "WAVEX", "RF64", "W64") else data.rfind(b"SSND")
    start += {"W64": 24, "AIFF": 16}.get(container, 8)
    start = {"AU": struct.unpack(">I", data[4:8])[0] if endian != "LITTLE" else 24, "NIST": 1024}.get(container, start)
    cut = {"half": data[: (start + len(data)) // 2], "two bytes": data[:-2], "all samples": data[:start]}[fault]
    path = tmp_path / "x"
    path.write_bytes(cut)
    for reader in (read_recording, examine):
        with pytest.raises(Failure, match=f"^{path}: a (truncated recording: its header ann|recording without)"):
            reader(path)


@pytest.mark.parametrize("fault", ["half", "two bytes", "its header"])
@pytest.mark.parametrize(("container", "coding"), COMPRESSED)
def test_a_compressed_recording_that_was_cut_off_is_refused(container, coding, fault, tmp_path):
    data = encoded(container, coding, samples=np.tile(SIGNAL, 20))
    path = tmp_path / "x"
    path.write_bytes({"half": data[: len(data) // 2], "two bytes": data[:-2], "its header": data[:30]}[fault])
    for reader in (read_recording, examine):
        with pytest.raises(Failure, match=f"^{path}: "):
            reader(path)


@pytest.mark.parametrize(("container", "coding"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")])
def test_a_flipped_bit_within_a_compressed_recording_is_no_shorter_recording(container, coding):
    data = bytearray(encoded(container, coding, samples=np.tile(SIGNAL, 20)))
    data[len(data) // 2] ^= 0x10
    with pytest.raises(Failure, match="damaged"):
        read(bytes(data))


def test_an_ogg_file_that_ends_between_two_pages_is_refused():
    data = encoded("OGG", "VORBIS", samples=np.tile(SIGNAL, 40))
    with pytest.raises(Failure, match="not marked as the end"):
        read(data[: data.rfind(b"OggS")])
    with pytest.raises(Failure, match="more behind the end of its first stream"):
        read(data + data)


# ---- Lengths that nobody knew when the header was written

UNKNOWN = [0, 0x7FFFF000, 0x7FFFF024, 0x7FFFFFFF, 0x7FFFFFFF - 36, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFF - 36]


@pytest.mark.parametrize("size", UNKNOWN)
@pytest.mark.parametrize("coding", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
def test_a_streamed_wav_is_read_to_its_end(coding, size):
    # Of 24 bits, there is a byte of padding behind the odd number of bytes; of 8 bits it would pass for a sample.
    data = bytearray(encoded("WAV", coding, samples=SIGNAL if coding == "PCM_24" else SIGNAL[:1000]))
    assert len(data) % 2 == 0
    expected = read(bytes(data)).samples
    struct.pack_into("<I", data, 4, 0xFFFFFFFF if size else 0)
    struct.pack_into("<I", data, data.find(b"data") + 4, size)
    np.testing.assert_array_equal(read(bytes(data)).samples, expected)


def test_streamed_forms_other_than_riff_are_read_to_their_end():
    aiff = bytearray(encoded("AIFF", "PCM_16"))
    for size, frames in ((0x7F000000, 0x7F000000 // 2), (0, 0), (0x7F000008, 0x7F000000 // 2)):
        struct.pack_into(">I", aiff, aiff.find(b"SSND") + 4, size)
        struct.pack_into(">I", aiff, aiff.find(b"COMM") + 10, frames)
        np.testing.assert_array_equal(read(bytes(aiff)).samples[0], SIGNAL)
    au = bytearray(encoded("AU", "PCM_16"))
    struct.pack_into(">I", au, 8, 0xFFFFFFFF)
    np.testing.assert_array_equal(read(bytes(au)).samples[0], SIGNAL)
    sphere = encoded("NIST", "PCM_16").replace(b"sample_count -i 1001", b"sample_count -i 0   ")
    np.testing.assert_array_equal(read(sphere).samples[0], SIGNAL)
    sphere = encoded("NIST", "PCM_16").replace(b"sample_count -i 1001\n", b"", 1)
    np.testing.assert_array_equal(read(sphere[:1003] + bytes(21) + PCM16).samples[0], SIGNAL)
    rf64 = bytearray(encoded("RF64", "PCM_16"))
    struct.pack_into("<QQ", rf64, rf64.find(b"ds64") + 8, 0, 0)
    np.testing.assert_array_equal(read(bytes(rf64)).samples[0], SIGNAL)
    w64 = bytearray(encoded("W64", "PCM_16"))
    struct.pack_into("<Q", w64, w64.find(b"data") + 16, 2**63 - 1)
    found = read(bytes(w64)).samples[0]
    np.testing.assert_array_equal(found[:NUM_SAMPLES], SIGNAL)
    assert len(found) <= NUM_SAMPLES + 3  # W64 pads to eighths, and nobody can tell that from samples


def test_a_flac_stream_of_unknown_length_is_read_to_its_end_and_not_when_it_was_cut_off():
    data = bytearray(encoded("FLAC", "PCM_16", samples=np.tile(SIGNAL, 20)))
    data[21] &= 0xF0  # 36 bits of STREAMINFO: the number of samples
    data[22:26] = bytes(4)
    np.testing.assert_array_equal(read(bytes(data)).samples[0], np.tile(SIGNAL, 20))
    with pytest.raises(Failure, match="damaged or truncated"):
        read(bytes(data[: len(data) * 2 // 3]))


def test_an_mp3_without_a_header_for_its_length_is_whole_or_refused():
    loud_end = np.concatenate([np.zeros(40 * NUM_SAMPLES), np.tile(2 * SIGNAL, 40)])
    loud_end[len(loud_end) // 2 :] += np.random.default_rng(0).normal(0, 3000, len(loud_end) // 2)
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", RATE, 1, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5
    ) as file:
        file.write(loud_end / 32768)
    data = buffer.getvalue()
    whole = read(data).samples
    assert whole.shape == (1, len(loud_end))
    first = data.find(data[:2], 4)  # the frame behind that of the header
    found = read(data[first:]).samples  # the estimate was too high, which was taken for a truncated file
    assert len(loud_end) <= found.shape[1] <= len(loud_end) + 4 * 576
    with pytest.raises(Failure, match="truncated MP3 file: its header says"):
        cut = data[: len(data) // 2]
        read(cut[: cut.rfind(data[:2])])


@pytest.mark.parametrize("bits", [16, 24])
def test_a_stream_that_ends_within_a_sample_was_cut_off(bits):
    data = encoded("WAV", f"PCM_{bits}", samples=SIGNAL[:1000])
    stream = bytearray(data)
    struct.pack_into("<I", stream, stream.find(b"data") + 4, 0xFFFFFFFF)
    assert read(bytes(stream)).form.num_samples == 1000
    with pytest.raises(Failure, match="ends within a sample"):
        read(bytes(stream[:-1]))


# ---- Chunks


@pytest.mark.parametrize("pad", [b"\0", b"", b" "], ids=["padded", "not padded", "padded with a space"])
def test_an_odd_chunk_before_the_samples_is_followed_by_padding_or_not(pad):
    odd = struct.pack("<4sI", b"LIST", 5) + b"INFOx" + pad
    for data in (wav(PCM16, before=odd), wav(SIGNAL.astype("<f4").tobytes(), before=odd)):
        form, _ = read(data)
        assert not form.kaldi_reads  # Kaldi takes the byte of padding for the next chunk's name
    np.testing.assert_array_equal(read(wav(PCM16, before=odd)).samples[0], SIGNAL)
    aiff = encoded("AIFF", "PCM_16")
    at = aiff.find(b"SSND")
    np.testing.assert_array_equal(
        read(aiff[:at] + struct.pack(">4sI", b"NAME", 3) + b"abc" + pad + aiff[at:]).samples[0], SIGNAL
    )


def test_what_stands_behind_the_samples_is_no_sample():
    chunk = struct.pack("<4sI", b"LIST", 26) + b"INFOISFT\x0e\0\0\0Lavf58.29.100\0"
    for size in (None, 0):
        if size is None:
            np.testing.assert_array_equal(read(wav(PCM16, after=chunk)).samples[0], SIGNAL)
            np.testing.assert_array_equal(read(wav(PCM16) + b"garbage").samples[0], SIGNAL)
            assert read(wav(PCM16) + b"garbage").form.rest == 7
        else:
            with pytest.raises(Failure, match="without samples"):
                read(wav(b"", after=chunk))
    np.testing.assert_array_equal(read(encoded("NIST", "PCM_16") + b"x").samples[0], SIGNAL)
    np.testing.assert_array_equal(read(encoded("AU", "PCM_16") + b"x").samples[0], SIGNAL)


CHUNK = struct.pack("<4sI", b"LIST", 4) + b"\7\7\7\7"


@pytest.mark.parametrize(
    ("after", "rest"),
    [
        (b"", 0), (CHUNK, 0), (b"\0" * 900, 0), (CHUNK + b"\0" * 900, 0), (b"TAG".ljust(128, b"x"), 0),
        (b"\7" * 1024, 1024), (CHUNK + b"xy", 2), (b"TAG and not as long as one", 26),
    ],
)  # fmt: skip
def test_bytes_behind_the_samples_that_nothing_explains_are_counted_and_named(after, rest, tmp_path):
    path = tmp_path / "x.wav"
    for content in (wav(PCM16, after=after), wav(PCM16 + b"\7", bits=8, after=b"\0" + after)):  # of odd size: padded
        path.write_bytes(content)
        assert read_recording(path).form.rest == examine(path).rest == rest
    forms = {"a": read(wav(PCM16)).form, str(path): examine(path)}
    assert said_of_rest(forms).startswith("1 of 2 recordings: behind" if rest else "")
    assert said_of_rest(forms).endswith(f": {path} ({rest} bytes)" if rest else "")


@pytest.mark.parametrize("container", ["WAV", "W64", "AU", "NIST", "AIFF"])
def test_a_header_that_announces_a_part_of_the_samples_only_is_refused(container, tmp_path):
    long, short = (encoded(container, "PCM_16", samples=np.tile(SIGNAL[:1000], times)) for times in (10, 3))
    start = len(short) - 6000
    path = tmp_path / "x"
    path.write_bytes(short[:start] + long[-20000:])
    for reader in (read_recording, examine):
        with pytest.raises(Failure, match=f"^{path}: 14000 bytes behind the 6000 that its header announces"):
            reader(path)
    path.write_bytes(short + bytes(14000))  # padding
    assert read_recording(path).form == examine(path) == read(short).form


@pytest.mark.parametrize("odd", [b"", b"\7", b"\7\0"], ids=["even", "odd", "odd and padded"])
def test_long_chunks_behind_the_samples_are_no_samples_and_a_second_chunk_of_samples_is_refused(odd, tmp_path):
    data = PCM16 + odd[:1]
    path = tmp_path / "x"
    path.write_bytes(wav(data, after=odd[1:] + struct.pack("<4sI", b"id3 ", 5000) + b"\7" * 5000))
    for samples in (read_recording(path).samples, read(path.read_bytes()).samples):
        np.testing.assert_array_equal(samples[0], SIGNAL)
    path.write_bytes(wav(data, after=odd[1:] + struct.pack("<4sI", b"data", len(PCM16)) + PCM16))
    for reader in (read_recording, examine):
        with pytest.raises(Failure, match="a second chunk of samples"):
            reader(path)


def test_tags_before_a_recording_do_not_hide_that_it_was_cut_off():
    tag = b"ID3\4\0\0" + bytes([0, 0, 1, 2]) + bytes(130)
    np.testing.assert_array_equal(read(tag + wav(PCM16)).samples[0], SIGNAL)
    with pytest.raises(Failure, match="truncated"):
        read(tag + wav(PCM16)[:-100])
    assert read(tag + encoded("FLAC", "PCM_16")).form.num_samples == NUM_SAMPLES


def test_two_flac_files_in_one_are_refused():
    with pytest.raises(Failure, match="two FLAC files"):
        read(encoded("FLAC", "PCM_16") * 2)


def test_a_false_riff_size_beside_a_true_size_of_the_samples_does_no_harm():
    for riff_size in (0, 36, 0xFFFFFFFF):
        form, samples = read(wav(PCM16, riff_size=riff_size, after=b"LIST\x04\0\0\0abcd"))
        np.testing.assert_array_equal(samples[0], SIGNAL)
        assert form.kaldi_reads == (riff_size == 36)  # Kaldi reads the others to the end, LIST too


def test_a_size_that_is_no_multiple_of_a_sample_loses_no_sample():
    form, samples = read(wav(PCM16 + b"\7"))
    np.testing.assert_array_equal(samples[0], SIGNAL)
    assert not form.kaldi_reads


# ---- Values


def floats(*values: float, container="WAV", coding="FLOAT") -> bytes:
    """A recording of 100 samples of 0.1 that ends with these."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.array([0.1] * 100 + list(values)), RATE, format=container, subtype=coding)
    return buffer.getvalue()


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64", "W64", "AIFF", "AU"])
@pytest.mark.parametrize("coding", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "not finite numbers, the first is nan at 100"),
        (np.inf, "not finite numbers, the first is inf at 100"),
        (-np.inf, "not finite numbers, the first is -inf at 100"),
        (-23170.0, "of up to 23170: a false scale"),
        (1e30, "of up to 1e.30: a false scale"),
    ],
)
def test_floats_that_are_no_samples_are_refused(container, coding, value, message):
    with pytest.raises(Failure, match=message):
        read(floats(value, container=container, coding=coding))


def test_floats_a_little_beyond_full_scale_are_kept():
    assert read(floats(1.25, -1.5)).samples[0, -2:].tolist() == [40960, -49152]


@pytest.mark.parametrize(("coding", "factor"), [("FLOAT", 1), ("PCM_32", 2**31)])
def test_samples_that_were_divided_twice_are_refused(coding, factor):
    samples = SIGNAL / 32768**2
    data = samples.astype("<f4") if coding == "FLOAT" else np.round(samples * factor).astype("<i4")
    with pytest.raises(Failure, match="less than one step of 16 bits"):
        read(wav(data.tobytes(), tag=3 if coding == "FLOAT" else 1, bits=32))


def test_digital_silence_is_a_recording():
    assert not read(wav(bytes(8000), tag=3, bits=32)).samples.any()


# ---- What is no recording


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty file"),
        (b"RIFF", "no fmt chunk|end early"),
        (b"<html>404 Not Found</html>" * 99, "not a recording that can be read: it begins with b'<html>40'"),
        (b"RIFF\4\0\0\0AVI ", "no WAVE"),
        (wav(PCM16, channels=0, block=0), "0 channels"),
        (wav(PCM16, block=3), "16 bits, 1 channels and 3 bytes"),
        (wav(PCM16, bits=0, block=0), "damaged"),
        (wav(PCM16).replace(struct.pack("<I", RATE), bytes(4), 1), "0 samples per second"),
        (wav(PCM16).replace(struct.pack("<I", RATE), b"\1\0\0\0", 1), "1 samples per second"),
        (wav(b""), "without samples"),
        (wav(PCM16)[:36], "no data chunk"),
        (wav(PCM16)[:12], "no fmt chunk"),
        (b"NIST_1A\n   1024\nchannel_count", "damaged SPHERE header"),
        (b"NIST_1A\n   abcd\n" + bytes(2000), "damaged SPHERE header"),
        (encoded("NIST", "PCM_16").replace(b"-s3 pcm", b"-s25 pcm,embedded-shorten-v2.00"), "sph2pipe -f wav"),
        (b"FORM\0\0\0\x04AIFF", "end early"),
        (encoded("AIFF", "PCM_16")[:40], "end early|without samples"),
        (encoded("CAF", "PCM_16"), "not a recording that can be read: it begins with b'caff"),
        (encoded("AIFF", "PCM_16").replace(b"\x40\x0c\xfa", b"\x7f\xff\xfa", 1), "samples per second; expected"),
        (b"OggS", "truncated Ogg"),
        (b"ID3\4\0\0\0\0\0\0", "not a recording"),
        (b"fLaC", "damaged or truncated"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(data, message, tmp_path):
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    for reader in (read_recording, examine):
        with pytest.raises(Failure, match=message) as failure:
            reader(path)
        assert str(failure.value).startswith(f"{path}: ") and "\n" not in str(failure.value)


def test_a_folder_and_a_missing_file_are_told_apart(tmp_path):
    with pytest.raises(Failure, match=f"^{tmp_path}: a folder"):
        read_recording(tmp_path)
    with pytest.raises(Failure, match=f"^{tmp_path}/x: no such file"):
        examine(tmp_path / "x")


# ---- Files and pipes


@pytest.mark.parametrize("container", ["WAV", "NIST", "AU", "AIFF", "FLAC"])
@pytest.mark.parametrize("reader", [lambda path: read_recording(path).form, examine], ids=["read", "examine"])
def test_a_named_pipe_is_read_as_a_file_is(container, reader, tmp_path):
    data = encoded(container, "PCM_16")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(data))
    writer.start()
    form = reader(pipe)
    writer.join()
    (tmp_path / "file").write_bytes(data)
    assert form == examine(tmp_path / "file") == read(data).form
    assert (form.rate, form.channels, form.num_samples) == (RATE, 1, NUM_SAMPLES)


@pytest.mark.parametrize(("container", "coding", "endian"), ALL_PLAIN)
def test_examining_a_file_gives_the_form_that_reading_gives(container, coding, endian, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(encoded(container, coding, endian, STEREO))
    assert examine(path) == read_recording(path).form


def test_kaldi_reads_plain_16_bit_riff_only():
    assert read(wav(PCM16)).form == Form("16-bit pcm", RATE, 1, NUM_SAMPLES, kaldi_reads=True)
    assert read(encoded("WAVEX", "PCM_16")).form.kaldi_reads
    assert not read(encoded("WAV", "PCM_24")).form.kaldi_reads
    assert not read(encoded("NIST", "PCM_16")).form.kaldi_reads
    assert not read(wav(PCM16, size=0)).form.kaldi_reads
    false_byte_rate = bytearray(wav(PCM16))
    struct.pack_into("<I", false_byte_rate, 28, 1)
    assert not read(bytes(false_byte_rate)).form.kaldi_reads  # Kaldi refuses it


def test_recordings_of_an_archive_stand_one_behind_the_other():
    file = io.BytesIO()
    write_riff16(file, RATE, STEREO.astype(np.int16))
    write_riff16(file, 8000, SIGNAL[None, :5].astype(np.int16))
    file.seek(0)
    np.testing.assert_array_equal(read_riff16(file).samples, STEREO)
    form, samples = read_riff16(file)
    assert form.rate == 8000
    np.testing.assert_array_equal(samples, SIGNAL[None, :5])
