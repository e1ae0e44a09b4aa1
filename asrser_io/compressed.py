"""Compressed recordings, decoded by libsndfile: FLAC, Ogg (Vorbis, Opus), MP3, and ADPCM and the like in WAV and AIFF.

libsndfile gives without a word what is left of an Ogg or MP3 file that was cut off, and of an MP3 file without a header
of its own it estimates the length and reads no further. So the pages and frames of these files are counted here first.
"""

import io
import zlib

import numpy as np

from asrser_io.files import Failure

BLOCK = 1 << 20  # samples decoded at once
UNKNOWN = 1 << 60  # from here on a number of samples says that nobody knew it


def decode(data: bytes) -> tuple[str, float, np.ndarray]:
    """A whole file → its form, samples per second, (channels, samples) float32, 1.0 being full scale."""
    import soundfile  # slow to load, and most recordings do without

    is_mp3 = len(data) > 2 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0
    least = 0
    if data[:4] == b"OggS":
        _check_ogg_pages(data)
    elif data[:4] == b"fLaC" and b"fLaC" in data[4:]:
        raise Failure("two FLAC files one behind the other; split them first")
    elif is_mp3:
        least, end = _samples_of_mp3(data)
        data = data[:end]  # libmpg123 complains on stderr of tags behind
    elif data.startswith(b"version https://git-lfs"):
        raise Failure("a pointer of Git LFS and no audio: run 'git lfs pull' where it was cloned to")
    elif data[:4] not in (b"fLaC", b"RIFF", b"RIFX", b"RF64", b"BW64", b"riff", b"FORM", b".snd", b"dns."):
        raise Failure(
            f"not a recording that can be read: it begins with {data[:8]!r}; expected WAV, NIST SPHERE, FLAC, "
            "AIFF, AU, Ogg or MP3"
        )

    class Sequential(soundfile.SoundFile):
        def seekable(self) -> bool:  # else every block is followed by a seek, impossible in FLAC of unknown length
            return False

    try:
        with Sequential(io.BytesIO(data)) as file:
            form = file.format if is_mp3 or data[:4] == b"fLaC" else f"{file.format} {file.subtype}"
            rate, announced = file.samplerate, file.frames
            blocks = []
            while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                blocks.append(block)
    except (soundfile.SoundFileError, RuntimeError) as error:
        reason = getattr(error, "error_string", "") or str(error)
        raise Failure(f"not a recording that can be read to its end, damaged or truncated ({reason})") from error
    samples = np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)
    if is_mp3:
        if len(samples) < least:
            raise Failure(
                f"about {least} samples in its frames, of which {len(samples)} can be decoded: without a header for "
                "its length, or damaged; convert it first: ffmpeg -i IN OUT.wav"
            )
    elif len(samples) < announced < UNKNOWN:
        raise Failure(
            f"a truncated recording: its header announces {announced} samples, {len(samples)} are there; copy it again"
        )
    if not samples.size:
        raise Failure("a recording without samples")
    return form.lower().replace("_", " "), float(rate), np.ascontiguousarray(samples.T)


# ---- Ogg (RFC 3533)

_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _ogg_crc(page: bytes) -> int:
    """The CRC of a page, whose own field of it is zero: zlib's polynomial, the other way round."""
    reflected = zlib.crc32(page.translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)


def _check_ogg_pages(data: bytes) -> None:
    """One stream, page behind page to the one that is marked as the last."""
    position, is_last = 0, False
    while position < len(data):
        if is_last:
            raise Failure(
                f"an Ogg file with more behind the end of its first stream, at byte {position}: convert it first"
            )
        head = data[position : position + 27]
        segments = data[position + 27 : position + 27 + head[26]] if len(head) == 27 else b""
        if not b"OggS".startswith(head[:4]):
            raise Failure(f"a damaged Ogg file: no page where one was expected, at byte {position}; copy it again")
        page = data[position : position + 27 + len(segments) + sum(segments)]
        if len(head) < 27 or len(segments) < head[26] or len(page) < 27 + len(segments) + sum(segments):
            raise Failure(f"a truncated Ogg file: it ends within the page at byte {position}; copy it again")
        if _ogg_crc(page[:22] + bytes(4) + page[26:]) != int.from_bytes(page[22:26], "little"):
            raise Failure(f"a damaged Ogg file: the checksum of the page at byte {position} differs; copy it again")
        is_last = bool(head[5] & 4)
        position += len(page)
    if not is_last:
        raise Failure("a truncated Ogg file: its last page is not marked as the end; copy it again")


# ---- MP3 (ISO 11172-3 and 13818-3)

_KILOBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG 1
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # 2 and 2.5
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_DELAY = 4  # frames that encoders put before and behind the recording, and decoders take away again


def _samples_of_mp3(data: bytes) -> tuple[int, int]:
    """Walk from frame to frame: the least number of samples (of each channel) that must come out; where they end."""
    position, count, announced, per_frame = 0, 0, 0, 0
    while position < len(data):
        rest = data[position : position + 4]
        if rest.startswith((b"TAG", b"APET", b"LYRI")) or not data[position:].strip(b"\0"):
            break
        word = int.from_bytes(rest, "big")
        version, layer, bits, rate = word >> 19 & 3, word >> 17 & 3, word >> 12 & 15, word >> 10 & 3
        if len(rest) < 4 or word >> 21 != 0x7FF or version == 1 or layer != 1 or bits in (0, 15) or rate == 3:
            raise Failure(
                f"not MP3 that can be read: no frame of layer III at byte {position} (damaged? convert it first: "
                "ffmpeg -i IN OUT.wav)"
            )
        size = (144000 if version == 3 else 72000) * _KILOBITS[version == 3][bits] // _RATES[version][rate]
        size += word >> 9 & 1
        if position + size > len(data):
            raise Failure(f"a truncated MP3 file: it ends within the frame at byte {position}; copy it again")
        frame = data[position : position + size]
        if count == 0 and not announced and (tag := max(frame.find(b"Xing"), frame.find(b"Info"))) > 0:
            if frame[tag + 7] & 1:
                announced = int.from_bytes(frame[tag + 8 : tag + 12], "big")
        else:
            count += 1
        per_frame = 1152 if version == 3 else 576
        position += size
    if count < announced:
        raise Failure(f"a truncated MP3 file: its header says {announced} frames, {count} found; copy it again")
    return (count - _DELAY) * per_frame, position
