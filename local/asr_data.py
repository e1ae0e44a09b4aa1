"""Check a corpus in Kaldi data directories and copy what ASR needs of it; called by local/asr_data.sh."""

import argparse
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import lexicon
from out_dir import built_beside, check_place
from ser_corpus import (
    audio_for_kaldi,
    check_channels,
    check_genders,
    fault_of,
    fault_of_span,
    files_of_recordings,
    name_of_corpus,
    names_in_order_of_speakers,
    report,
    run_commands,
    warn,
)

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.text import FORMS, check_twins, is_word, read_map, words_of

SETS = ("train", "dev", "test")


class DataDir(NamedTuple):
    recordings: dict[str, str]  # name: as in wav.scp, a file or a command that ends in |
    segments: dict[str, str]  # utterance: "recording start end"; empty where each recording is an utterance
    phones: dict[str, list[str]]  # or words, where they are still to become phones
    speaker_of: dict[str, str]
    gender_of: dict[str, str]  # empty where nobody knows


def check_keys(file: Path, keys: Iterable[str], other: Path, expected: Iterable[str]) -> None:
    if difference := sorted(set(keys) ^ set(expected)):
        without = other if difference[0] in keys else file
        raise Failure(
            f"{file} and {other} differ in {len(difference)} keys, the first is {difference[0]}, not in {without}"
        )


def fault_of_segment(line: str, recordings: Mapping[str, str]) -> str | None:
    """line: "recording start end" as in segments"""
    recording, *times = words_of(line)
    if recording not in recordings:
        return f"its recording {recording} is not in wav.scp"
    return fault_of_span(" ".join(times), recording, recordings[recording])


def read_data_dir(data: Path) -> DataDir:
    for name in ("wav.scp", "text", "utt2spk"):
        if not (data / name).is_file():
            raise Failure(f"no {data}/{name}: ASR needs train, dev and test, each with wav.scp, text and utt2spk")
    recordings, text, speaker_of = (read_map(data / name) for name in ("wav.scp", "text", "utt2spk"))
    segments, gender_of = (read_map(data / name, optional=True) for name in ("segments", "spk2gender"))
    if not text:
        raise Failure(f"{data}/text is empty; expected lines of {FORMS['text']}")
    for utt, line in text.items():
        if found := [phone for phone in words_of(line) if len(phone.split()) != 1]:
            raise Failure(
                f"{data}/text: {utt} has {ascii(found[0])}, with a space that is a letter for Kaldi's tools; expected "
                "spaces or tabs between phones"
            )
        if found := [phone for phone in words_of(line) if lexicon.is_reserved(phone)]:
            raise Failure(
                f"{data}/text: {utt} has '{found[0]}', a name that Kaldi keeps for itself: rename this phone or word"
            )
    check_keys(data / "utt2spk", speaker_of, data / "text", text)
    if segments:
        check_keys(data / "segments", segments, data / "text", text)
    else:
        check_keys(data / "wav.scp", recordings, data / "text", text)
    if gender_of:
        check_keys(data / "spk2gender", gender_of, data / "utt2spk", speaker_of.values())
        check_genders(gender_of, data / "spk2gender")
    if segments:
        used = {words_of(line)[0] for line in segments.values()}
        recordings = {name: audio for name, audio in recordings.items() if name in used}
    run_commands(recordings.values())
    faults = [
        f"{data}/segments: {utt}: {fault}"
        for utt, line in segments.items()
        if (fault := fault_of_segment(line, recordings))
    ]
    faults += [f"{data}/wav.scp: {name}: {fault}" for name, audio in recordings.items() if (fault := fault_of(audio))]
    report("cannot be used", faults[1:])
    if faults:
        raise Failure(f"{faults[0]}; correct it, or remove these utterances")

    check_channels(data / "reco2file_and_channel", recordings)
    name_of = names_in_order_of_speakers(speaker_of, data / "utt2spk")
    if not segments:
        recordings = {name_of[utt]: audio for utt, audio in recordings.items()}
    return DataDir(
        recordings,
        {name_of[utt]: " ".join(words_of(line)) for utt, line in segments.items()},
        {name_of[utt]: words_of(phones) for utt, phones in text.items()},
        {name_of[utt]: speaker for utt, speaker in speaker_of.items()},
        gender_of,
    )


def check_speakers(own: Path, sets: Mapping[str, DataDir]) -> None:
    """Nobody in two sets."""
    everybody = {speaker for data in sets.values() for speaker in data.speaker_of.values()}
    check_twins(everybody, f"{own}/{{{','.join(SETS)}}}/utt2spk", "a speaker")
    for i, first in enumerate(SETS):
        for second in SETS[i + 1 :]:
            for what, names, others in (
                ("speaker", sets[first].speaker_of.values(), sets[second].speaker_of.values()),
                ("utterance", sets[first].speaker_of, sets[second].speaker_of),
            ):
                if shared := sorted(set(names) & set(others)):
                    raise Failure(
                        f"{own}: {len(shared)} {what}s are both in {first} and in {second}, the first is {shared[0]}: "
                        "errors would look too small; give each to one of them"
                    )


def check_silence(silence_phone: str) -> None:
    if not is_word(silence_phone) or lexicon.is_reserved(silence_phone):
        raise Failure(f"--silence-phone '{silence_phone}': expected one word, and none that Kaldi keeps for itself")


def check_phones(own: Path, sets: Mapping[str, DataDir]) -> None:
    """No phone outside train's, which could be neither trained nor recognised."""
    known = {phone for phones in sets["train"].phones.values() for phone in phones}
    check_twins(known, own / "train/text", "a phone")
    for name in SETS[1:]:
        for utt, phones in sorted(sets[name].phones.items()):
            if strange := [phone for phone in phones if phone not in known]:
                raise Failure(
                    f"{own}/{name}/text: {utt} has the phone '{strange[0]}', which no transcript of {own}/train has; "
                    "text must hold phones, the same in train, dev and test, or words, with --lexicon FILE"
                )


def report_silence(own: Path, sets: Mapping[str, DataDir], phones: list[str], silence_phone: str) -> None:
    """Say how silence will be treated, since the transcripts decide it."""
    if other := [phone for phone in phones if phone.lower() == silence_phone.lower() and phone != silence_phone]:
        warn(f"{own}/train/text: {other[0]} is a phone as others are, silence is '{silence_phone}'; are they one?")
    if silence_phone not in phones:
        warn(
            f"no phone '{silence_phone}' in {own}/train/text: silence may come between any two phones and is "
            f"not scored; if one of these is silence, name it with --silence-phone: {' '.join(phones)}"
        )
        return
    transcripts = [spoken for data in sets.values() for spoken in data.phones.values()]
    bare = sum(silence_phone not in (spoken[0], spoken[-1]) for spoken in transcripts)
    if bare:
        warn(
            f"{bare} of {len(transcripts)} transcripts neither begin nor end with '{silence_phone}': silence there, "
            "if any, will be taken for the first and last phone"
        )


def write_data_dir(data: DataDir, building: Path, final: Path) -> None:
    """building: where to write now; final: where it will lie, for the converted audio."""
    building.mkdir(parents=True)

    def write(name: str, pairs: Mapping[str, str]) -> None:
        write_text(building / name, "".join(f"{key} {value}\n" for key, value in sorted(pairs.items())))

    utterances_of: dict[str, list[str]] = {}
    for utt, speaker in sorted(data.speaker_of.items()):
        utterances_of.setdefault(speaker, []).append(utt)
    write("wav.scp", audio_for_kaldi(data.recordings, building / "wav", final / "wav"))
    if data.segments:
        write("segments", data.segments)
    write("text", {utt: " ".join(phones) for utt, phones in data.phones.items()})
    write("utt2spk", data.speaker_of)
    write("spk2utt", {speaker: " ".join(utts) for speaker, utts in utterances_of.items()})
    if data.gender_of:
        write("spk2gender", data.gender_of)


def keep(data: DataDir, utterances: Collection[str]) -> DataDir:
    """The data of these utterances."""
    segments, phones, speaker_of = (
        {utt: value for utt, value in of.items() if utt in utterances}
        for of in (data.segments, data.phones, data.speaker_of)
    )
    names = {words_of(line)[0] for line in segments.values()} or utterances
    recordings = {name: audio for name, audio in data.recordings.items() if name in names}
    speakers = set(speaker_of.values())
    gender_of = {speaker: gender for speaker, gender in data.gender_of.items() if speaker in speakers}
    return DataDir(recordings, segments, phones, speaker_of, gender_of)


def prepare_words(
    sets: Mapping[str, DataDir],
    name: str,
    file: Path,
    whole: lexicon.Lexicon,
    out: Path,
    silence_phone: str,
    max_oov: float,
    expected: Mapping[str, int] | None = None,
) -> None:
    """Write the sets with words for text, and what is needed to find their phones: phones and lexiconp.txt.

    name: of the corpus; file: of the whole lexicon; expected: utterances of a set, where the corpus is known
    """
    texts = {subset: data.phones for subset, data in sets.items()}
    good, pronunciations = lexicon.choose(file, whole, texts, silence_phone, max_oov)
    sets = {subset: keep(data, good[subset]) for subset, data in sets.items()}
    phones = sorted({phone for some in pronunciations.values() for p in some for phone in p.phones})
    files = {
        "phones": "".join(f"{phone}\n" for phone in phones),
        "lexiconp.txt": "".join(lexicon.lines_of(pronunciations)),
        "expected": "".join(f"{subset} {number}\n" for subset, number in (expected or {}).items()),
        "corpus": name + "\n",
    }
    write_sets(out, sets, files)
    several = sum(len(some) > 1 for some in pronunciations.values())
    say_sizes(name, sets, "words")
    print(
        f"{len(pronunciations)} different words, {several} of them with more than one pronunciation, of which the "
        f"alignment will choose; {len(phones)} phones: {' '.join(phones)}"
    )


def write_sets(out: Path, sets: Mapping[str, DataDir], files: Mapping[str, str]) -> None:
    """Write everything beside `out`, and only then move it to its place.

    files: by name, their contents; the last of them, "corpus", says that the rest is complete
    """
    out = out.resolve()
    check_place(out, (file for data in sets.values() for file in files_of_recordings(data.recordings.values())))
    with built_beside(out, (*sets, *files)) as beside:
        for subset, data in sets.items():
            write_data_dir(data, beside / subset, out / subset)
        for name, text in files.items():
            write_text(beside / name, text)


def say_sizes(name: str, sets: Mapping[str, DataDir], what: str) -> None:
    for subset, data in sets.items():
        print(
            f"{name}: {subset}: {len(data.phones)} utterances of {len(set(data.speaker_of.values()))} speakers, "
            f"{sum(map(len, data.phones.values()))} {what}"
        )


def prepare(own: Path, out: Path, silence_phone: str, lexicon_file: Path | None, max_oov: float) -> None:
    """Check the whole corpus, and write it if all is well."""
    check_place(out, [own])
    check_silence(silence_phone)
    if missing := [name for name in SETS if not (own / name).is_dir()]:
        raise Failure(
            f"no folder {own / missing[0]}: your corpus needs the data directories train, dev and test; "
            "dev (for early stopping and the acoustic scale) and test are speakers that train has not"
        )
    whole = lexicon.read_lexicon(lexicon_file) if lexicon_file else {}  # before the longer work on the corpus
    sets = {name: read_data_dir(own / name) for name in SETS}
    check_speakers(own, sets)
    if lexicon_file:
        prepare_words(sets, name_of_corpus(own), lexicon_file, whole, out, silence_phone, max_oov)
        return
    check_phones(own, sets)
    phones = sorted({phone for spoken in sets["train"].phones.values() for phone in spoken})
    report_silence(own, sets, phones, silence_phone)
    name = name_of_corpus(own)
    write_sets(out, sets, {"phones": "".join(f"{phone}\n" for phone in phones), "corpus": name + "\n"})
    say_sizes(name, sets, "phones")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--silence-phone", default="sil")
    parser.add_argument("--lexicon", type=Path)
    parser.add_argument("--max-oov", type=float, default=0.05)
    parser.add_argument("own", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with as_script("local/asr_data.sh"):
        prepare(arguments.own, arguments.out, arguments.silence_phone, arguments.lexicon, arguments.max_oov)


if __name__ == "__main__":
    main()
