"""Turn a copy of TIMIT into Kaldi data directories; called by local/timit_data.sh, whose header is the help."""

import argparse
import array
import os
import re
import shutil
import struct
import sys
import wave
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

CONF = Path(__file__).resolve().parent.parent / "conf"
SAMPLE_RATE = 16000
SETS = ("train", "dev", "test")
TIMIT, TIMIT_SAMPLE, DEMO = "TIMIT", "TIMIT sample", "synthetic demo, no scientific meaning"
# Sentences without SA of each set, and reference phones of the 39, silence included (TIMIT's: Kaldi's own results).
EXPECTED_SENTENCES = {
    TIMIT: {"train": 3696, "dev": 400, "test": 192},
    TIMIT_SAMPLE: {"train": 96, "dev": 16, "test": 16},
}
EXPECTED_PHONES = {TIMIT: {"dev": 15057, "test": 7215}}


class CorpusError(Exception):
    """What is wrong with the corpus, in one line that names the file."""


@dataclass
class Audio:
    """Where the 16-bit samples of a recording lie."""

    path: Path
    riff: bool  # a file that Kaldi's programs read as it is
    big_endian: bool
    offset: int  # bytes before the first sample
    num_samples: int


@dataclass
class Sentence:
    utt: str  # <speaker>_<sentence>, in lower case
    speaker: str
    audio: Audio
    segments: list[tuple[int, int, str]]  # first sample, the one after the last, phone of the 48


# ---- The corpus as it lies on the disk


def children(folder):
    """The entries of a folder by their names in lower case."""
    return {path.name.lower(): path for path in sorted(folder.iterdir())}


def find_ldc_root(corpus):
    """The folder that holds TRAIN and TEST, the one given or up to two below it as on LDC's disc; None if none does."""
    candidates = [corpus]
    for _ in range(3):
        for folder in candidates:
            if {"train", "test"} <= children(folder).keys():
                return folder
        candidates = [child for folder in candidates for child in sorted(folder.iterdir()) if child.is_dir()]
    return None


def speakers_by_set(corpus):
    """Detect the layout; return the corpus's name and, for each set, its speakers' folders {speaker: folder}."""
    if not corpus.is_dir():
        raise CorpusError(f"{corpus}: no such folder; give the one that holds TRAIN and TEST, or dr1-fvmh0 and so on")
    speakers = {name: {} for name in SETS}
    root = find_ldc_root(corpus)
    if root is None:  # NLTK's sample: dialect regions 1-6 train, 7 dev, 8 test, all being training speakers of TIMIT
        for name, folder in children(corpus).items():
            if match := re.fullmatch("dr([1-8])-([fm][a-z]+[0-9])", name):
                region, speaker = match.groups()
                speakers[{"7": "dev", "8": "test"}.get(region, "train")][speaker] = folder
        if not any(speakers.values()):
            raise CorpusError(f"{corpus}: not TIMIT: neither folders TRAIN and TEST nor folders like dr1-fvmh0 in it")
        return TIMIT_SAMPLE, speakers

    in_subset = {"train": {}, "test": {}}
    for subset in in_subset:
        for region, region_folder in children(children(root)[subset]).items():
            if re.fullmatch("dr[1-8]", region):
                for speaker, folder in children(region_folder).items():
                    if re.fullmatch("[fm][a-z]+[0-9]", speaker):
                        in_subset[subset][speaker] = folder
    is_demo, own_lists = (root / "README.demo").exists(), (root / "dev_spk.list").exists()
    everyone = in_subset["train"] | in_subset["test"]
    for name in ("dev", "test"):
        speaker_list = (root if own_lists else CONF / "timit") / f"{name}_spk.list"
        wanted = speaker_list.read_text().lower().split()
        if missing := [speaker for speaker in wanted if speaker not in everyone]:
            raise CorpusError(
                f"{root}: {len(missing)} of the {len(wanted)} speakers of {speaker_list} are not in it, "
                f"the first is {missing[0]}: not the whole corpus?"
            )
        speakers[name] = {speaker: everyone[speaker] for speaker in wanted}
    held_out = speakers["dev"] | speakers["test"]
    speakers["train"] = {speaker: f for speaker, f in in_subset["train"].items() if speaker not in held_out}
    return DEMO if is_demo else "TIMIT with speaker lists of its own" if own_lists else TIMIT, speakers


def read_sentences(speaker, folder, to_48):
    """All sentences of a speaker but SA, which all speakers read."""
    files = children(folder)
    names = {match[1] for name in files if (match := re.fullmatch(r"(s[ix][0-9]+)\.(phn|wav|wav\.wav)", name))}
    for name in sorted(names):
        recordings = [files[f] for f in (f"{name}.wav", f"{name}.wav.wav") if f in files]
        if not recordings:
            raise CorpusError(f"{files[name + '.phn']}: there is no {name}.wav beside it")
        if f"{name}.phn" not in files:
            raise CorpusError(f"{recordings[0]}: there is no {name}.phn beside it")
        # A mirror holds SX1.WAV as SPHERE and the same as RIFF in SX1.WAV.wav: take the one that needs no conversion.
        audio = read_audio_header(next(filter(is_riff, recordings), recordings[0]))
        segments = read_phn(files[f"{name}.phn"], to_48)
        if segments[-1][0] >= audio.num_samples:
            raise CorpusError(
                f"{audio.path}: {audio.num_samples} samples, but the last phone of {name}.phn begins at "
                f"{segments[-1][0]}: truncated; copy it again"
            )
        yield Sentence(f"{speaker}_{name}", speaker, audio, segments)


# ---- One file


def read_phone_map(path):
    """conf/phones.61-48-39.map as two dictionaries, 61 -> 48 (None: dropped) and 48 -> 39."""
    to_48, to_39 = {}, {}
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            phone, *others = line.split()
            to_48[phone] = others[0] if others else None
            if others:
                to_39[others[0]] = others[1]
    return to_48, to_39


def read_phn(path, to_48):
    """The segments of a .phn file, in the 48 phones, without those that the map drops."""
    segments, end = [], 0
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        try:
            first_field, second_field, phone = line.split()
            start, previous_end, end = int(first_field), end, int(second_field)
        except ValueError:
            raise CorpusError(f"{path}: line {number} is '{line}', expected '<first sample> <end> <phone>'") from None
        if phone not in to_48:
            raise CorpusError(f"{path}: line {number}: unknown phone '{phone}', not one of TIMIT's 61")
        if end < start or start < previous_end:
            raise CorpusError(
                f"{path}: line {number}: '{line}' is out of order: the phone before it ends at {previous_end}"
            )
        if to_48[phone] is not None:
            segments.append((start, end, to_48[phone]))
    if not segments:
        raise CorpusError(f"{path}: empty: no phones in it")
    return segments


def is_riff(path):
    with open(path, "rb") as f:
        return f.read(4) == b"RIFF"


def read_audio_header(path):
    """Find the samples of a RIFF or NIST SPHERE file, told apart by content; refuse what the recipe cannot use."""
    size = path.stat().st_size
    with open(path, "rb") as f:
        start = f.read(12)
        if start[:4] == b"RIFF" and start[8:] == b"WAVE":
            format_fields, num_bytes = None, None
            while len(chunk := f.read(8)) == 8:
                (num_bytes,) = struct.unpack("<I", chunk[4:])
                if chunk[:4] == b"data":
                    break
                content = f.read(num_bytes + num_bytes % 2)
                if chunk[:4] == b"fmt " and len(content) >= 16:
                    format_fields = struct.unpack("<HHIIHH", content[:16])
            else:
                raise CorpusError(f"{path}: truncated: its RIFF header has no data chunk; copy it again")
            if format_fields is None:
                raise CorpusError(f"{path}: its RIFF header has no fmt chunk: not a usable wav file")
            coding, num_channels, sample_rate, _, _, num_bits = format_fields
            is_pcm16 = coding in (1, 0xFFFE) and num_bits == 16  # 0xFFFE: the extensible form of the same
            audio = Audio(path, True, False, f.tell(), num_bytes // 2)
        elif start[:8] == b"NIST_1A\n":
            fields, header_size = sphere_fields(path, start + f.read(1012))
            coding = fields.get("sample_coding", "pcm")
            if "shorten" in coding:
                raise CorpusError(
                    f"{path}: SPHERE compressed with shorten ({coding}); convert each such file first: "
                    "`sph2pipe -f wav SX1.WAV SX1.WAV.wav`, the new file beside it (https://github.com/burrmill/sph2pipe)"
                )
            num_channels, sample_rate = int(fields.get("channel_count", 1)), int(fields.get("sample_rate", 0))
            is_pcm16 = coding == "pcm" and fields.get("sample_n_bytes", "2") == "2"
            big_endian = fields.get("sample_byte_format", "01") == "10"
            audio = Audio(path, False, big_endian, header_size, int(fields.get("sample_count", 0)))
        else:
            what = "an empty file" if size == 0 else "not audio: begins neither as RIFF nor as NIST SPHERE"
            raise CorpusError(f"{path}: {what}; copy it again")
    if not is_pcm16:
        raise CorpusError(f"{path}: samples coded as {coding}, expected 16-bit PCM")
    if num_channels != 1:
        raise CorpusError(f"{path}: {num_channels} channels, expected 1")
    if sample_rate != SAMPLE_RATE:
        raise CorpusError(f"{path}: {sample_rate} Hz, expected {SAMPLE_RATE} Hz as TIMIT is distributed")
    if audio.num_samples == 0:
        raise CorpusError(f"{path}: no samples in it; copy it again")
    if (there := max(0, size - audio.offset) // 2) < audio.num_samples:
        raise CorpusError(
            f"{path}: truncated: its header announces {audio.num_samples} samples, {there} are there; copy it again"
        )
    return audio


def sphere_fields(path, header):
    """The fields of a NIST SPHERE header and its size in bytes."""
    try:
        lines = header.decode("ascii", errors="replace").split("\n")
        header_size = int(lines[1])
        fields = {}
        for line in lines[2 : lines.index("end_head")]:
            name, _, value = line.split(None, 2)
            fields[name] = value.strip()
        return fields, header_size
    except (ValueError, IndexError):
        raise CorpusError(f"{path}: truncated or damaged SPHERE header; copy it again") from None


def convert_to_wav(audio, path):
    """Write a recording as RIFF. The samples are copied as they are."""
    with open(audio.path, "rb") as f:
        f.seek(audio.offset)
        samples = array.array("h", f.read(2 * audio.num_samples))
    if audio.big_endian != (sys.byteorder == "big"):
        samples.byteswap()
    with wave.open(str(path), "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(SAMPLE_RATE)
        f.writeframes(samples.tobytes())  # `wave` itself swaps on a big-endian machine


# ---- Kaldi's data directories


def write_data_directory(directory, sentences, wav_paths):
    """Write the files of a Kaldi data directory, sorted in C order, with stm and glm for sclite.

    phones.ctm holds the hand-made phone boundaries: <utt> 1 <start> <duration> <phone>, in seconds.
    """
    directory.mkdir(parents=True)
    lines = defaultdict(list)
    spk2utt = defaultdict(list)
    lines["stm"] = [f';; LABEL "{name[0]}" "{name}" "{name}"' for name in ("Overall", "Female", "Male")]
    lines["glm"] = [";; sclite wants a file of rewriting rules; there are none for phones"]
    for sentence in sorted(sentences, key=lambda sentence: sentence.utt):
        utt, speaker = sentence.utt, sentence.speaker
        phones = " ".join(phone for _, _, phone in sentence.segments)
        seconds = sentence.audio.num_samples / SAMPLE_RATE
        lines["wav.scp"].append(f"{utt} {wav_paths[utt]}")
        lines["text"].append(f"{utt} {phones}")
        lines["utt2spk"].append(f"{utt} {speaker}")
        lines["stm"].append(f"{utt} 1 {speaker} 0.0 {seconds:.4f} <O,{speaker[0].upper()}> {phones}")
        for start, end, phone in sentence.segments:
            lines["phones.ctm"].append(f"{utt} 1 {start / SAMPLE_RATE:.4f} {(end - start) / SAMPLE_RATE:.4f} {phone}")
        spk2utt[speaker].append(utt)
    lines["spk2utt"] = [f"{speaker} {' '.join(utts)}" for speaker, utts in sorted(spk2utt.items())]
    lines["spk2gender"] = [f"{speaker} {speaker[0]}" for speaker in sorted(spk2utt)]
    for name, content in lines.items():
        (directory / name).write_text("".join(line + "\n" for line in content))


def check_counts(corpus, name, sentences, num_phones):
    """A different number of sentences or reference phones than the corpus has is an error."""
    for what, expected, found in (
        ("sentences", EXPECTED_SENTENCES.get(name, {}), {s: len(sentences[s]) for s in SETS}),
        ("reference phones", EXPECTED_PHONES.get(name, {}), num_phones),
    ):
        for subset, number in expected.items():
            if found[subset] != number:
                raise CorpusError(
                    f"{corpus}: {found[subset]} {what} in the {subset} set, {name} has {number}: "
                    "not the whole corpus, or not the original"
                )


def warn_of_lost_bytes(corpus, name, sentences):
    """Say so if no byte is a carriage return: a conversion of line ends has then gone through the audio.

    NLTK's sample is such a copy (see restore_line_ends.py). Of 16-bit audio about one byte in 256 is a CR.
    """
    num_bytes = 0
    for sentence in sentences[:100]:
        content = sentence.audio.path.read_bytes()[sentence.audio.offset :]
        num_bytes += len(content)
        if b"\r" in content:
            return
    if num_bytes > 100_000:
        print(
            f"local/timit_data.sh: warning: {corpus}: no byte of {num_bytes // 1000} kB of audio is 0x0D: "
            f"this copy of {name} lost bytes when line ends were converted, and parts of its recordings are noise; "
            "`.venv/bin/python local/restore_line_ends.py` makes a good one of it",
            file=sys.stderr,
        )


def prepare(corpus, out):
    """Check the whole corpus, write everything beside `out`, and only then move it to its place."""
    to_48, to_39 = read_phone_map(CONF / "phones.61-48-39.map")
    name, speakers = speakers_by_set(corpus)
    sentences = {
        subset: [sentence for speaker in folders for sentence in read_sentences(speaker, folders[speaker], to_48)]
        for subset, folders in speakers.items()
    }
    for subset in SETS:
        if not sentences[subset]:
            raise CorpusError(f"{corpus}: no recordings (.wav) for the {subset} set in the folders of its speakers")
    # The transcripts have the 48; folding to 39 changes no number of phones.
    num_phones = {subset: sum(len(s.segments) for s in sentences[subset]) for subset in SETS}
    check_counts(corpus, name, sentences, num_phones)
    warn_of_lost_bytes(corpus, name, sentences["train"])

    out = Path(os.path.abspath(out))
    beside = out.with_name(out.name + ".tmp")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        # Kaldi's programs read RIFF only. SPHERE is converted here, once: as a pipe in wav.scp the conversion would
        # start a program for each sentence (0.3 s) each time the audio is read.
        (beside / "wav").mkdir(parents=True)
        for subset in SETS:
            wav_paths = {}
            for sentence in sentences[subset]:
                if sentence.audio.riff:
                    wav_paths[sentence.utt] = os.path.abspath(sentence.audio.path)
                else:
                    convert_to_wav(sentence.audio, beside / "wav" / f"{sentence.utt}.wav")
                    wav_paths[sentence.utt] = out / "wav" / f"{sentence.utt}.wav"
            write_data_directory(beside / subset, sentences[subset], wav_paths)
        (beside / "phones").write_text("".join(f"{phone}\n" for phone in sorted(to_39)))
        # What all of TIMIT has, so that a report can say what part of it this is.
        whole = EXPECTED_SENTENCES[TIMIT] if name in (TIMIT, TIMIT_SAMPLE) else {}
        (beside / "expected").write_text("".join(f"{subset} {number}\n" for subset, number in whole.items()))
        (beside / "corpus").write_text(name + "\n")
        out.mkdir(parents=True, exist_ok=True)
        (out / "corpus").unlink(missing_ok=True)
        for entry in ("wav", *SETS, "phones", "expected", "corpus"):  # `corpus` last: where it is, the rest is complete
            if (out / entry).is_dir():
                shutil.rmtree(out / entry)
            (beside / entry).rename(out / entry)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    for subset in SETS:
        print(
            f"{name}: {subset}: {len(sentences[subset])} sentences of {len(speakers[subset])} speakers, "
            f"{num_phones[subset]} phones"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    try:
        prepare(arguments.corpus, arguments.out)
    except (CorpusError, OSError) as error:
        sys.exit(f"local/timit_data.sh: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
