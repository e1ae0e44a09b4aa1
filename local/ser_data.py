"""Check a Kaldi data directory with utt2emotion and copy what SER needs of it; called by local/ser_data.sh."""

from pathlib import Path

from ser_corpus import EMOTIONS, Utterance, report, run, table_of_counts, without_faults, write_data_dir

from asrser_io.files import Failure


def read_pairs(file: Path) -> dict[str, str]:
    """A Kaldi text file of 'key value…' lines."""
    pairs: dict[str, str] = {}
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        fields = line.split(maxsplit=1)
        if len(fields) != 2:
            raise Failure(f"{file}:{number}: expected 'key value', found '{line}'")
        key, value = fields
        if key in pairs:
            raise Failure(f"{file}:{number}: {key} stands there for the second time")
        pairs[key] = value.strip()
    return pairs


def read_lines(file: Path) -> list[str]:
    """A list with one entry in a line; empty when there is no such file."""
    return file.read_text().split() if file.is_file() else []


def order_of(emotions: set[str], given: list[str], data: Path) -> list[str]:
    """The order of the classes: as the file 'emotions' has it, else the paper's four first, then the others by name."""
    if given and not emotions <= set(given):
        raise Failure(f"{data}/utt2emotion has {', '.join(sorted(emotions - set(given)))}, {data}/emotions has not")
    if "silence" in emotions:
        raise Failure(f"{data}/utt2emotion: 'silence' is the class of silent frames and can't be an emotion")
    if len(emotions) < 2:
        raise Failure(f"{data}/utt2emotion: at least two emotions are needed, found {', '.join(emotions) or 'none'}")
    return given or sorted(emotions, key=lambda e: (EMOTIONS.index(e) if e in EMOTIONS else len(EMOTIONS), e))


def prepare(data: Path, out: Path, allow_partial: bool) -> None:
    for name in ("wav.scp", "utt2spk", "utt2emotion"):
        if not (data / name).is_file():
            raise Failure(f"no {data}/{name}: a data directory for SER needs wav.scp, utt2spk and utt2emotion")
    wav_scp, utt2spk, utt2emotion = (read_pairs(data / name) for name in ("wav.scp", "utt2spk", "utt2emotion"))
    segments, spk2gender, spk2session = (
        read_pairs(data / name) if (data / name).is_file() else {} for name in ("segments", "spk2gender", "spk2session")
    )
    unlabelled = sorted(utt2spk.keys() - utt2emotion.keys())
    report("utterance without an emotion", unlabelled)
    strangers = sorted(utt2emotion.keys() - utt2spk.keys())
    report("utterance without a speaker", strangers)
    if (unlabelled or strangers) and not allow_partial:
        raise Failure(
            f"{data}: utt2spk and utt2emotion differ in {len(unlabelled + strangers)} utterances, the first is "
            f"{(unlabelled + strangers)[0]}; use --allow-partial true to go on with those that stand in both"
        )
    # Kaldi sorts by speaker, so the speaker has to stand in front.
    has_prefix = all(name.startswith(speaker) for name, speaker in utt2spk.items())
    utterances = []
    for original in utt2spk.keys() & utt2emotion.keys():
        speaker = utt2spk[original]
        name = original if has_prefix else f"{speaker}-{original}"
        recording, _, span = segments.get(original, "").partition(" ")
        audio = wav_scp.get(recording if segments else original, f"its line in {data}/wav.scp or segments")
        gender = spk2gender.get(speaker, "")
        utterances.append(Utterance(name, original, speaker, gender, utt2emotion[original], audio, recording, span))
    utterances, left_out = without_faults(utterances)
    if left_out and not allow_partial:
        raise Failure(f"{data}: {left_out[0]}; use --allow-partial true to go on without such utterances")
    emotions = order_of({u.emotion for u in utterances}, read_lines(data / "emotions"), data)
    print(table_of_counts(utterances, emotions, {}))
    name = (data / "corpus").read_text().strip() if (data / "corpus").is_file() else f"own corpus {data.resolve().name}"
    dev_speakers = read_lines(data / "dev_speakers")
    write_data_dir(out, utterances, emotions, name, dev_speakers, spk2session, left_out)
    print(f"{out}: {name}, {len(utterances)} utterances of {len({u.speaker for u in utterances})} speakers")


if __name__ == "__main__":
    run(__doc__, prepare)
