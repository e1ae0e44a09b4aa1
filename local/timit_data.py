"""Turn a copy of TIMIT into Kaldi data directories; called by local/timit_data.sh, whose header is the help."""

import argparse
import os
import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fold_phones import read_phone_map
from out_dir import built_beside, check_place

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script, say_warnings_by, warn
from asrser_io.recordings import Form, examine, read_recording, said_of_rest, write_riff16
from asrser_io.text import read_lines, read_list, rows, some_of

CONF = Path(__file__).resolve().parent.parent / "conf"
SAMPLE_RATE = 16000
WINDOW = 400  # samples: of 25 ms, less gives no frame at all
MOST_ODD = 0.05  # part of the sentences whose phones may leave out some of the recording, as those of a few in TIMIT do
SETS = ("train", "dev", "test")
TIMIT, TIMIT_SAMPLE, DEMO = "TIMIT", "TIMIT sample", "synthetic demo, no scientific meaning"
# Sentences without SA of each set, and reference phones of the 39, silence included (TIMIT's: Kaldi's own results).
EXPECTED_SENTENCES = {
    TIMIT: {"train": 3696, "dev": 400, "test": 192},
    TIMIT_SAMPLE: {"train": 96, "dev": 16, "test": 16},
}
EXPECTED_PHONES = {TIMIT: {"dev": 15057, "test": 7215}}


@dataclass
class Sentence:
    utt: str  # <speaker>_<sentence>, in lower case
    speaker: str
    audio: Path
    form: Form
    segments: list[tuple[int, int, str]]  # first sample, the one after the last, phone of the 48
    gaps: list[str]  # samples of the recording that belong to no phone: file, line, and which


# ---- The corpus as it lies on the disk


def children(folder, pattern):
    """The entries of a folder whose names match in lower case, by these."""
    found = {}
    for path in sorted(folder.iterdir()):
        if re.fullmatch(pattern, path.name.lower()):
            add_once(found, path.name.lower(), path)
    return found


def add_once(found, name, path):
    """A second folder or file of the same name, in another case or place, would take the place of the first."""
    if name in found:
        raise Failure(f"{found[name]} and {path}: two copies of {name}; remove one of them")
    found[name] = path


def find_ldc_root(corpus):
    """The folder that holds TRAIN and TEST, the one given or up to two below it as on LDC's disc; None if none does."""
    candidates = [corpus]
    for _ in range(3):
        roots = [folder for folder in candidates if len(children(folder, "train|test")) == 2]
        if len(roots) > 1:
            raise Failure(f"{roots[0]} and {roots[1]}: two copies of TIMIT; give the folder of the one that is meant")
        if roots:
            return roots[0]
        candidates = [child for folder in candidates for child in sorted(folder.iterdir()) if child.is_dir()]
    return None


def speakers_by_set(corpus):
    """Detect the layout; return the corpus's name and, for each set, its speakers' folders {speaker: folder}."""
    if not corpus.is_dir():
        raise Failure(f"{corpus}: no such folder; give the one that holds TRAIN and TEST, or dr1-fvmh0 and so on")
    speakers = {name: {} for name in SETS}
    everyone = {}
    root = find_ldc_root(corpus)
    if root is None:  # NLTK's sample: dialect regions 1-6 train, 7 dev, 8 test, all being training speakers of TIMIT
        for name, folder in children(corpus, "dr[1-8]-[fm][a-z]+[0-9]").items():
            region, speaker = name.split("-")
            add_once(everyone, speaker, folder)
            speakers[{"dr7": "dev", "dr8": "test"}.get(region, "train")][speaker] = folder
        if not any(speakers.values()):
            raise Failure(f"{corpus}: not TIMIT: neither folders TRAIN and TEST nor folders like dr1-fvmh0 in it")
        return TIMIT_SAMPLE, speakers

    in_subset = {"train": {}, "test": {}}
    for subset in in_subset:
        for region_folder in children(children(root, subset)[subset], "dr[1-8]").values():
            for speaker, folder in children(region_folder, "[fm][a-z]+[0-9]").items():
                add_once(everyone, speaker, folder)
                in_subset[subset][speaker] = folder
    is_demo = (root / "README.demo").exists()
    absent = [name for name in ("dev_spk.list", "test_spk.list") if not (root / name).exists()]
    if len(absent) == 1:
        raise Failure(f"{root}: no {absent[0]} beside the other one; only both replace the lists of {CONF / 'timit'}")
    own_lists = not absent
    for name in ("dev", "test"):
        speaker_list = (root if own_lists else CONF / "timit") / f"{name}_spk.list"
        wanted = [speaker.lower() for speaker in read_list(speaker_list)]
        if missing := [speaker for speaker in wanted if speaker not in everyone]:
            raise Failure(
                f"{root}: {len(missing)} of the {len(wanted)} speakers of {speaker_list} are not in it, "
                f"the first is {missing[0]}: not the whole corpus?"
            )
        if twice := [speaker for i, speaker in enumerate(wanted) if speaker in [*wanted[:i], *speakers["dev"]]]:
            raise Failure(f"{speaker_list}: {twice[0]} stands there twice, or is one of the dev speakers: remove it")
        speakers[name] = {speaker: everyone[speaker] for speaker in wanted}
    held_out = speakers["dev"] | speakers["test"]
    speakers["train"] = {speaker: f for speaker, f in in_subset["train"].items() if speaker not in held_out}
    return DEMO if is_demo else "TIMIT with speaker lists of its own" if own_lists else TIMIT, speakers


def read_sentences(speaker, folder, to_48):
    """All sentences of a speaker but SA, which all speakers read."""
    files = children(folder, r"s[ix][0-9]+\.(phn|wav|wav\.wav)")
    for name in sorted({file.split(".")[0] for file in files}):
        recordings = [files[f] for f in (f"{name}.wav", f"{name}.wav.wav") if f in files]
        if not recordings:
            raise Failure(f"{files[name + '.phn']}: there is no {name}.wav beside it")
        if f"{name}.phn" not in files:
            raise Failure(f"{recordings[0]}: there is no {name}.phn beside it")
        # A mirror holds SX1.WAV as SPHERE and the same as RIFF in SX1.WAV.wav: take the one that needs no conversion.
        audio = next(filter(is_riff, recordings), recordings[0])
        form = examine_recording(audio)
        segments, gaps = read_phn(files[f"{name}.phn"], to_48, form.num_samples)
        if segments[-1][0] >= form.num_samples:
            raise Failure(
                f"{audio}: {form.num_samples} samples, but the last phone of {name}.phn begins at "
                f"{segments[-1][0]}: truncated; copy it again"
            )
        yield Sentence(f"{speaker}_{name}", speaker, audio, form, segments, gaps)


# ---- One file


def read_phn(path, to_48, num_samples):
    """The segments of a .phn file, in the 48 phones, without those that the map drops; and where a line seems missing.

    The phones of TIMIT are a recording from its first sample to its end, of which less than a window may be left over.
    """
    segments, gaps, end, number, form = [], [], 0, 0, "<first sample> <end> <phone>"
    for number, fields in rows(read_lines(path), path, form):
        line, phone = " ".join(fields), fields[2]
        try:
            start, previous_end, end = int(fields[0]), end, int(fields[1])
        except ValueError:
            raise Failure(f"{path}, line {number}: expected '{form}', found '{line}'") from None
        if phone not in to_48:
            raise Failure(f"{path}, line {number}: unknown phone '{phone}', not one of TIMIT's 61")
        if end < start or start < previous_end:
            raise Failure(
                f"{path}, line {number}: '{line}' is out of order: the phone before it ends at {previous_end}"
            )
        if start > previous_end:
            before = f"the phone before it ends at {previous_end}" if previous_end else "it is the first"
            gaps.append(f"{path}, line {number}: '{line}' begins at {start}, but {before}")
        if end == start:
            gaps.append(f"{path}, line {number}: '{line}' has no samples")
        if to_48[phone] is not None:
            segments.append((start, end, to_48[phone]))
    if not segments:
        raise Failure(f"{path}: empty: no phones in it")
    if num_samples - end > WINDOW:
        gaps.append(f"{path}, line {number}: the last phone ends at {end}, but the recording at {num_samples}")
    return segments, gaps


def is_riff(path):
    with open(path, "rb") as f:
        return f.read(4) == b"RIFF"


def examine_recording(path):
    """The form of a recording; refuse what TIMIT does not hold."""
    form = examine(path)
    if form.coding != "16-bit pcm":
        raise Failure(f"{path}: samples coded as {form.coding}, expected 16-bit pcm as TIMIT is distributed")
    if form.channels != 1:
        raise Failure(f"{path}: {form.channels} channels, expected 1")
    if form.rate != SAMPLE_RATE:
        raise Failure(f"{path}: {form.rate:g} Hz, expected {SAMPLE_RATE} Hz as TIMIT is distributed")
    if form.num_samples < WINDOW:
        raise Failure(f"{path}: {form.num_samples} samples, fewer than one window of {WINDOW}; copy it again")
    return form


def samples_of(path):
    """(1, samples) int16"""
    return read_recording(path).samples.astype(np.int16)


# ---- Kaldi's data directories


def dialect_region(folder):
    """The number in the name of a speaker's folder, dr1-fvmh0, or of the one that it is in, DR1/FVMH0."""
    return re.search(r"dr([1-8])", f"{folder.parent.name}/{folder.name}".lower())[1]


def write_data_directory(directory, sentences, wav_paths, folders):
    """Write the files of a Kaldi data directory, sorted in C order, with stm and glm for sclite, and spk2dialect.

    folders: of the speakers
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
        seconds = sentence.form.seconds
        lines["wav.scp"].append(f"{utt} {wav_paths[utt]}")
        lines["text"].append(f"{utt} {phones}")
        lines["utt2spk"].append(f"{utt} {speaker}")
        lines["stm"].append(f"{utt} 1 {speaker} 0.0 {seconds:.4f} <O,{speaker[0].upper()}> {phones}")
        for start, end, phone in sentence.segments:
            lines["phones.ctm"].append(f"{utt} 1 {start / SAMPLE_RATE:.4f} {(end - start) / SAMPLE_RATE:.4f} {phone}")
        spk2utt[speaker].append(utt)
    lines["spk2utt"] = [f"{speaker} {' '.join(utts)}" for speaker, utts in sorted(spk2utt.items())]
    lines["spk2gender"] = [f"{speaker} {speaker[0]}" for speaker in sorted(spk2utt)]
    lines["spk2dialect"] = [f"{speaker} {dialect_region(folders[speaker])}" for speaker in sorted(spk2utt)]
    for name, content in lines.items():
        write_text(directory / name, "".join(line + "\n" for line in content))


def check_counts(corpus, name, sentences, num_phones):
    """A different number of sentences or reference phones than the corpus has is an error."""
    for what, expected, found in (
        ("sentences", EXPECTED_SENTENCES.get(name, {}), {s: len(sentences[s]) for s in SETS}),
        ("reference phones", EXPECTED_PHONES.get(name, {}), num_phones),
    ):
        for subset, number in expected.items():
            if found[subset] != number:
                raise Failure(
                    f"{corpus}: {found[subset]} {what} in the {subset} set, {name} has {number}: "
                    "not the whole corpus, or not the original"
                )


def report_gaps(corpus, sentences):
    """Name the sentences whose phones are not the whole recording: a line of the .phn file may be missing."""
    if not (odd := [sentence.gaps[0] for sentence in sentences if sentence.gaps]):
        return
    text = f"the phones of {len(odd)} of {len(sentences)} sentences are not the whole recording (is a line missing?): "
    text += some_of(odd)
    if len(odd) > MOST_ODD * len(sentences):
        raise Failure(f"{corpus}: {text}; no more than {MOST_ODD:.0%} may be so; copy these files again")
    warn(f"{corpus}: {text}; they are used as they are")


def has_lost_bytes(corpus, name, sentences):
    """Say so if no byte is a carriage return: a conversion of line ends has then gone through the audio.

    NLTK's sample is such a copy (see restore_line_ends.py). Of 16-bit audio about one byte in 256 is a CR.
    """
    num_bytes = 0
    for sentence in sentences[:100]:
        content = samples_of(sentence.audio).tobytes()
        num_bytes += len(content)
        if b"\r" in content:
            return False
    if is_damaged := num_bytes > 100_000:
        warn(
            f"{corpus}: no byte of {num_bytes // 1000} kB of audio is 0x0D: "
            f"this copy of {name} lost bytes when line ends were converted, and parts of its recordings are noise; "
            "`.venv/bin/python local/restore_line_ends.py` makes a good one of it"
        )
    return is_damaged


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
            raise Failure(f"{corpus}: no recordings (.wav) for the {subset} set in the folders of its speakers")
    # The transcripts have the 48; folding to 39 changes no number of phones.
    num_phones = {subset: sum(len(s.segments) for s in sentences[subset]) for subset in SETS}
    check_counts(corpus, name, sentences, num_phones)
    everything = [sentence for subset in SETS for sentence in sentences[subset]]
    report_gaps(corpus, everything)
    if said := said_of_rest({str(sentence.audio): sentence.form for sentence in everything}):
        warn(said)
    is_damaged = has_lost_bytes(corpus, name, sentences["train"])

    check_place(out, [corpus, *(sentence.audio for sentence in everything)])
    out = Path(os.path.abspath(out))
    with built_beside(out, ("wav", *SETS, "phones", "expected", "damaged", "corpus")) as beside:
        # Kaldi's programs read RIFF only. SPHERE is converted here, once: as a pipe in wav.scp the conversion would
        # start a program for each sentence (0.3 s) each time the audio is read.
        (beside / "wav").mkdir(parents=True)
        for subset in SETS:
            wav_paths = {}
            for sentence in sentences[subset]:
                if sentence.form.kaldi_reads:
                    wav_paths[sentence.utt] = os.path.abspath(sentence.audio)
                else:
                    with open(beside / "wav" / f"{sentence.utt}.wav", "wb") as file:
                        write_riff16(file, SAMPLE_RATE, samples_of(sentence.audio))
                    wav_paths[sentence.utt] = out / "wav" / f"{sentence.utt}.wav"
            write_data_directory(beside / subset, sentences[subset], wav_paths, speakers[subset])
        write_text(beside / "phones", "".join(f"{phone}\n" for phone in sorted(to_39)))
        # What all of TIMIT has, so that a report can say what part of it this is.
        whole = EXPECTED_SENTENCES[TIMIT] if name in (TIMIT, TIMIT_SAMPLE) else {}
        write_text(beside / "expected", "".join(f"{subset} {number}\n" for subset, number in whole.items()))
        write_text(beside / "damaged", "a conversion of line ends has gone through the audio\n" if is_damaged else "")
        write_text(beside / "corpus", name + "\n")
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
    say_warnings_by(lambda text: print(f"local/timit_data.sh: warning: {text}", file=sys.stderr))
    with as_script("local/timit_data.sh"):
        prepare(arguments.corpus, arguments.out)


if __name__ == "__main__":
    main()
