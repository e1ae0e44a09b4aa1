"""Check a Kaldi data directory with utt2emotion and copy what SER needs of it; called by local/ser_data.sh."""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from out_dir import check_place
from ser_corpus import (
    Labels,
    Utterance,
    check_channels,
    check_genders,
    in_order,
    name_of_corpus,
    names_in_order_of_speakers,
    report,
    run,
    table_of_counts,
    warn,
    without_faults,
    write_data_dir,
)

from asrser_io.files import Failure, fault_of_name
from asrser_io.text import check_twins, read_list, read_map, words_of

EMOTIONS = Labels()


def check_classes(utt2class: Mapping[str, str], file: Path, word: str) -> None:
    """Names of classes are handed on in lists with commas, and stand in tables with spaces."""
    for utterance, name in utt2class.items():
        if len(words_of(name)) > 1 or "," in name or not name.isprintable():
            raise Failure(
                f"{file}: {utterance} has the {word} '{name}'; expected one word without a comma, such as very_happy"
            )
        if name in ("silence", "all"):
            means = "the class of silent frames" if name == "silence" else "what tables call all classes together"
            raise Failure(f"{file}: {utterance}: '{name}' is {means} and can't be {a(word)}; rename it")


def a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def order_of(names: set[str], data: Path, labels: Labels) -> list[str]:
    """The order of the classes: as its file has it, else the paper's four emotions first, then the others by name."""
    table, order = data / labels.table, data / labels.order
    plural = f"{labels.word}{'es' if labels.word.endswith('s') else 's'}"
    if len(names) < 2:
        raise Failure(f"{table}: at least two {plural} are needed, found {', '.join(names) or 'none'}")
    by_small_letters = {name.lower(): name for name in sorted(names)}
    differing = [name for name in sorted(names) if by_small_letters[name.lower()] != name]
    pairs = [f"{name} and {by_small_letters[name.lower()]}" for name in differing]
    report(f"differ in case only, and are two {plural}", pairs)
    if not os.path.lexists(order):
        return in_order(names)
    given = read_list(order)
    if missing := sorted(names - set(given)):
        raise Failure(f"{table} has {', '.join(missing)}, {order} has not")
    if strange := [name for name in given if name not in names]:
        raise Failure(f"{order} has '{strange[0]}', which no utterance of {table} has: remove it")
    return given


def read_of_speakers(file: Path, speakers: Collection[str]) -> dict[str, str]:
    """What a file says of each speaker; it need not be there, but if it is, nobody may be missing in it."""
    if not os.path.lexists(file):
        return {}
    pairs = read_map(file)
    if missing := sorted(set(speakers) - pairs.keys()):
        raise Failure(f"{file} lacks {missing[0]}, who speaks in utt2spk: add the speaker, or remove the file")
    report(f"{file} has a speaker that utt2spk has not, ignored", sorted(pairs.keys() - set(speakers)))
    return pairs


def choose_dev_speakers(speakers: Sequence[str], gender_of: Mapping[str, str]) -> list[str]:
    """For a corpus without a protocol of its own: the last woman and the last man, else the last two; of three, one."""
    if len(speakers) <= 3:
        return [speakers[-1]]
    last_of = {gender_of[speaker]: speaker for speaker in speakers if speaker in gender_of}
    return sorted(last_of.values()) if len(last_of) == 2 else list(speakers[-2:])


def read_dev_speakers(file: Path, speakers: Collection[str]) -> list[str]:
    """The speakers of a list for early stopping, all of which speak, as do others; none when there is no list."""
    if not os.path.lexists(file):
        return []
    dev_speakers = sorted(read_list(file))
    if not dev_speakers:
        raise Failure(f"{file} is empty: name the speakers for early stopping, or remove the file to have them chosen")
    if strangers := [speaker for speaker in dev_speakers if speaker not in speakers]:
        raise Failure(
            f"{file} names {strangers[0]}, who speaks no utterance of utt2spk; "
            f"the speakers are {' '.join(sorted(speakers))}"
        )
    if len(dev_speakers) == len(speakers):
        raise Failure(f"{file} names all {len(speakers)} speakers, as {dev_speakers[0]}: nobody is left to train on")
    return dev_speakers


def prepare(data: Path, out: Path, allow_partial: bool, labels: Labels = EMOTIONS) -> None:
    table, task = labels.table, "SER" if labels == EMOTIONS else out.name
    for name in ("wav.scp", "utt2spk", table):
        if not (data / name).is_file():
            raise Failure(f"no {data}/{name}: a data directory for {task} needs wav.scp, utt2spk and {table}")
    check_place(out, [data])
    wav_scp, utt2spk, utt2class = (read_map(data / name) for name in ("wav.scp", "utt2spk", table))
    segments = {utt: words_of(line) for utt, line in read_map(data / "segments", optional=True).items()}
    if table != "labels.scp":
        check_classes(utt2class, data / table, labels.word)
        check_twins(utt2class.values(), data / table, a(labels.word))
    check_twins(utt2spk.values(), data / "utt2spk", "a speaker")
    for utterance, speaker in utt2spk.items():
        if fault := fault_of_name(speaker):
            raise Failure(f"{data}/utt2spk: the speaker '{speaker}' of {utterance} {fault}: a fold is called after it")
        if speaker == "all":
            raise Failure(f"{data}/utt2spk: {utterance} has the speaker 'all', as tables call all of them; rename it")
    speakers = set(utt2spk.values())
    spk2gender, spk2session = (read_of_speakers(data / name, speakers) for name in ("spk2gender", "spk2session"))
    check_genders(spk2gender, data / "spk2gender")
    dev_speakers = read_dev_speakers(data / "dev_speakers", speakers)
    utt2sentence = read_map(data / "utt2sentence", optional=True)
    if utt2sentence and (missing := sorted(utt2spk.keys() - utt2sentence.keys())):
        raise Failure(f"{data}/utt2sentence lacks {missing[0]}, which stands in utt2spk: add it, or remove the file")
    unlabelled = sorted(utt2spk.keys() - utt2class.keys())
    report(f"utterance without {a(labels.word)}", unlabelled)
    strangers = sorted(utt2class.keys() - utt2spk.keys())
    report("utterance without a speaker", strangers)
    if (unlabelled or strangers) and not allow_partial:
        raise Failure(
            f"{data}: utt2spk and {table} differ in {len(unlabelled + strangers)} utterances, the first is "
            f"{(unlabelled + strangers)[0]}; use --allow-partial true to go on with those that stand in both"
        )
    recordings = {recording for recording, *_ in segments.values()} if segments else utt2spk.keys()
    report(f"{data}/segments has an utterance that utt2spk has not, ignored", sorted(segments.keys() - utt2spk.keys()))
    report(f"{data}/wav.scp has a recording that no utterance is of, ignored", sorted(wav_scp.keys() - recordings))
    name_of = names_in_order_of_speakers(utt2spk, data / "utt2spk")
    utterances = []
    for original in utt2spk.keys() & utt2class.keys():
        speaker = utt2spk[original]
        recording, *span = segments.get(original, [""])
        audio = wav_scp.get(recording if segments else original, f"its line in {data}/wav.scp or segments")
        gender = spk2gender.get(speaker, "")
        name, label, sentence = name_of[original], utt2class[original], utt2sentence.get(original, "")
        utterances.append(Utterance(name, original, speaker, gender, label, audio, recording, " ".join(span), sentence))
    utterances, left_out = without_faults(utterances, allow_partial)
    check_channels(data / "reco2file_and_channel", {u.recording or u.original: u.audio for u in utterances})
    if left_out and not allow_partial:
        raise Failure(f"{data}: {left_out[0]}; use --allow-partial true to go on without such utterances")
    usable = sorted({u.speaker for u in utterances})
    for speaker in sorted(speakers - set(usable)):
        warn(f"speaker {speaker} has no utterance left{' for dev' if speaker in dev_speakers else ''}")
    if dev_speakers and not set(dev_speakers) & set(usable):
        raise Failure(f"{data}/dev_speakers: none of them has an utterance left; name others for early stopping")
    dev_speakers = [speaker for speaker in dev_speakers if speaker in usable] or choose_dev_speakers(usable, spk2gender)
    if table == "labels.scp":
        classes = read_list(data / labels.order)
    else:
        classes = order_of({u.emotion for u in utterances}, data, labels)
        print(table_of_counts(utterances, classes, {}))
    name = name_of_corpus(data)
    write_data_dir(out, utterances, labels._replace(classes=classes), name, dev_speakers, spk2session, left_out)
    print(f"{out}: {name}, {len(utterances)} utterances of {len(usable)} speakers")


if __name__ == "__main__":
    run(__doc__, prepare)
