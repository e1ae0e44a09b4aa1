"""Make a Kaldi data directory of the four emotions of IEMOCAP; called by local/iemocap_data.sh."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from ser_corpus import (
    DEMO_MARK,
    DEMO_NAME,
    EMOTIONS,
    Labels,
    Utterance,
    check_counts,
    check_parts,
    report,
    run,
    seconds_of,
    table_of_counts,
    without_faults,
    write_data_dir,
)

from asrser_io.files import Failure
from asrser_io.text import decoded_lines, read_file

EMOTION_OF = {"ang": "anger", "hap": "happiness", "exc": "happiness", "sad": "sadness", "neu": "neutral"}
LEFT_OUT = {"fru", "sur", "fea", "oth", "dis", "xxx"}
EXPECTED = {
    "ang": 1103, "hap": 595, "exc": 1041, "sad": 1084, "neu": 1708,
    "anger": 1103, "happiness": 1636, "sadness": 1084, "neutral": 1708, "utterances": 5531,
    "Ses01F": 528, "Ses01M": 557, "Ses02F": 481, "Ses02M": 542, "Ses03F": 522,
    "Ses03M": 629, "Ses04F": 528, "Ses04M": 503, "Ses05F": 590, "Ses05M": 651,
    "sessions 1-4": 4290, "session 5": 1241,
}  # fmt: skip

# Only these lines are ground truth; single raters' (C-E2: …, A-E3: …) and the header (% [START…) stand beside.
LABEL = re.compile(r"\[(\d+\.\d+) - (\d+\.\d+)\]\t(\S+)\t([a-z]+)\t\[\d+\.\d+, \d+\.\d+, \d+\.\d+\]")
TURN = re.compile(r"Ses0[1-5][FM]_\w+_[FM][A-Za-z]*\d+")
OFF = 0.5  # seconds by which a recording may be longer or shorter than its label says


class Label(NamedTuple):
    category: str
    seconds: float  # from start to end of the turn


def speaker_of(turn: str) -> str:
    """Who speaks: the session and the first letter of the last field.

    The letter after the session names the dialogue's recording, which holds both speakers: the speaker of
    Ses03M_impro05a_F012 is Ses03F. No fixed place in the name will do: impro05a, script01_1b.
    """
    return turn[:5] + turn.split("_")[-1][0]


def read_labels(file: Path, session: str) -> dict[str, Label]:
    """Those of the turns in a label file of Session*/dialog/EmoEvaluation. session: "1" to "5" """
    labels: dict[str, Label] = {}
    content = read_file(file)
    # Not strictly: what matters is ASCII, and nobody knows what raters wrote into their comments.
    for number, line in enumerate(decoded_lines(content, file, strict=False), start=1):
        if not line.startswith("["):
            continue
        match = LABEL.fullmatch(line.rstrip())
        if match is None:
            raise Failure(
                f"{file}:{number}: expected '[start - end]<TAB>turn<TAB>category<TAB>[v, a, d]', "
                f"found '{line}'; is the file cut short?"
            )
        start, end, turn, category = match.groups()
        if not TURN.fullmatch(turn):
            raise Failure(f"{file}:{number}: '{turn}' is no name of an IEMOCAP turn such as Ses03M_impro05a_F012")
        if category not in EMOTION_OF and category not in LEFT_OUT:
            known = " ".join(sorted({*EMOTION_OF, *LEFT_OUT}))
            raise Failure(f"{file}:{number}: unknown category '{category}' of {turn}; expected one of {known}")
        label = Label(category, float(end) - float(start))
        if labels.setdefault(turn, label) != label:
            raise Failure(
                f"{file}:{number}: {turn} is labelled twice, '{labels[turn].category}' and '{category}', "
                f"{labels[turn].seconds:.2f} and {label.seconds:.2f} s long; remove one of them"
            )
        if turn.rpartition("_")[0].lower() != file.stem.lower():
            raise Failure(f"{file}:{number}: {turn} is not a turn of the dialogue {file.stem}")
        if turn[4] != session:
            raise Failure(f"{file}:{number}: {turn} is no turn of session {session}, in whose folder it lies")
    if not labels:
        why = "is it in UTF-16? save it as UTF-8" if b"\0" in content else "copy it again"
        raise Failure(f"{file}: not one line '[start - end]<TAB>turn<TAB>category<TAB>[v, a, d]' in it; {why}")
    return labels


def read_session(session: Path) -> tuple[dict[str, Label], dict[str, Path]]:
    """The label of each labelled turn of a session, and the audio of each recorded one."""
    files = label_files(session)
    if not files:
        raise Failure(f"no label files (.txt) of its dialogues in {session}/dialog/EmoEvaluation; copy it again")
    labels = {turn: label for file in files.values() for turn, label in read_labels(file, session.name[-1]).items()}
    audio = audio_files(session)
    if not audio:
        raise Failure(f"no audio in {session}/sentences/wav, a folder with .wav files for each dialogue; copy it again")
    name_of = {turn.lower(): turn for turn in labels}
    return labels, {name_of.get(stem, file.stem): file for stem, file in audio.items()}


# ---- Where things lie. Names may have been turned into capitals or small letters on their way here.


def root_of(corpus: Path) -> Path:
    inner = child(corpus, "IEMOCAP_full_release")
    return inner if inner.is_dir() else corpus


def sessions_in(root: Path) -> list[Path]:
    """Those of the folders Session1 to Session5 that are there."""
    return [session for n in range(1, 6) if (session := child(root, f"Session{n}")).is_dir()]


def label_files(session: Path) -> dict[str, Path]:
    # Not in subfolders: Attribute, Categorical and Self-evaluation are single raters.
    return files_by_stem(child(child(session, "dialog"), "EmoEvaluation"), "*", ".txt")


def audio_files(session: Path) -> dict[str, Path]:
    return files_by_stem(child(child(session, "sentences"), "wav"), "*/*", ".wav")


def child(folder: Path, name: str) -> Path:
    """The entry of a folder with that name, in whatever case; where there is none, what it should be."""
    found = [entry for entry in folder.iterdir() if entry.name.lower() == name.lower()] if folder.is_dir() else []
    if len(found) > 1:
        raise Failure(f"{found[0]} and {found[1]}: two folders for one {name}; remove one of them")
    return found[0] if found else folder / name


def files_by_stem(folder: Path, pattern: str, suffix: str) -> dict[str, Path]:
    """Files by their names without the suffix, in small letters; ._* are macOS' shadows."""
    found: dict[str, Path] = {}
    for file in sorted(folder.glob(pattern)):
        if file.suffix.lower() == suffix and not file.name.startswith("."):
            stem = file.stem.lower()
            if stem in found:
                raise Failure(f"{found[stem]} and {file}: two files for one {file.stem}; remove one of them")
            found[stem] = file
    return found


def prepare(corpus: Path, out: Path, allow_partial: bool) -> None:
    corpus = root_of(corpus)
    is_demo = (corpus / DEMO_MARK).is_file()
    parts = [child(corpus, f"Session{n}").name for n in range(1, 6)]
    sessions = check_parts(corpus, parts, "the folder of IEMOCAP", allow_partial)
    labels: dict[str, Label] = {}
    audio: dict[str, Path] = {}
    for session in sessions:
        new_labels, new_audio = read_session(session)
        labels |= new_labels  # names begin with the session, so none is overwritten
        audio |= new_audio
    report("audio without a label", sorted(audio.keys() - labels.keys()))
    categories = Counter(label.category for label in labels.values())
    utterances = [
        Utterance(
            # The speaker in front, since Kaldi sorts by it; the corpus' own name stays readable behind it.
            name=f"{speaker_of(turn)}-{turn}",
            original=turn,
            speaker=speaker_of(turn),
            gender=speaker_of(turn)[-1].lower(),
            emotion=EMOTION_OF[label.category],
            audio=str(audio.get(turn, corpus / f"Session{turn[4]}/sentences/wav/{turn.rpartition('_')[0]}/{turn}.wav")),
        )
        for turn, label in labels.items()
        if label.category in EMOTION_OF
    ]
    utterances, left_out = without_faults(utterances, allow_partial)
    off = [
        f"{u.audio} has {there:.2f} s, its label says {labels[u.original].seconds:.2f} s"
        for u in utterances
        if abs((there := seconds_of(u.audio)) - labels[u.original].seconds) > OFF
    ]
    report(f"of another length than its label, and used as it is ({len(off)} of {len(utterances)})", off)
    other = ", ".join(f"{category} {categories[category]}" for category in sorted(LEFT_OUT) if categories[category])
    print(f"{len(labels)} labelled turns: hap {categories['hap']} + exc {categories['exc']} are happiness")
    print(f"not used: {other}")
    print(table_of_counts(utterances, EMOTIONS, {} if is_demo else EXPECTED))
    name = DEMO_NAME
    if not is_demo:
        found = Counter({category: categories[category] for category in EMOTION_OF})
        for utterance in utterances:
            part = "session 5" if utterance.speaker.startswith("Ses05") else "sessions 1-4"
            found.update([utterance.emotion, utterance.speaker, part, "utterances"])
        for part in ("sessions 1-4", "session 5", "utterances"):
            print(f"{part}: {found[part]}, expected {EXPECTED[part]}")
        check_counts(EXPECTED, found, allow_partial)
        whole = len(utterances) == EXPECTED["utterances"]
        name = "IEMOCAP" if whole else f"IEMOCAP, a part: {len(utterances)} of {EXPECTED['utterances']} utterances"
    write_data_dir(
        out,
        utterances,
        Labels(EMOTIONS),
        name,
        dev_speakers=("Ses05F", "Ses05M"),
        session_of={u.speaker: u.speaker[:5] for u in utterances},
        left_out=left_out,
        expected=None if is_demo else EXPECTED["utterances"],
    )
    print(f"{out}: {name}, {len(utterances)} utterances of {len({u.speaker for u in utterances})} speakers")


if __name__ == "__main__":
    run(__doc__, prepare)
