"""What the corpora of emotional speech share: audio fit for Kaldi, counts checked, one way to write a data directory.

A data directory for SER holds, besides Kaldi's wav.scp, utt2spk, spk2utt and spk2gender:
  utt2emotion     utterance, emotion
  utt2original    utterance, the corpus' own name of it
  utt2sentence    utterance, which of the sentences that all speakers read, where they read the same few
  emotions        the emotions in the order of their class ids; silence takes the id after the last
  dev_speakers    the speakers that the paper's protocol keeps for early stopping, when the corpus says so
  spk2session     speaker, recording session, when speakers were recorded together
  corpus          one line for reports: which corpus, and what part of it
  expected        what the whole corpus holds, for reports: "all" and a number of utterances
  left_out        what was found but not used, and why
"""

import argparse
import functools
import math
import os
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from out_dir import built_beside, check_place

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.recordings import Form, examine, read_stream, said_of_rest, write_riff16
from asrser_io.streams import open_input
from asrser_io.text import read_lines, read_map, words_of
from asrser_nn.data.audio import RATE, read_audio

EMOTIONS = ("anger", "happiness", "sadness", "neutral")  # the paper's, in the order of their class ids
WINDOW = 400  # samples: of 25 ms, less gives no frame at all
SHORTEST_SEGMENT = 0.1  # seconds; extract-segments drops what is shorter
OVERSHOOT = 0.5  # seconds that a segment may reach beyond its recording; extract-segments cuts it there
MOST_CLIPPED = 0.05  # of the samples of a recording
MOST_LEFT_OUT = 0.05  # of the utterances of a corpus, unless a part is asked for
DEMO_MARK = "README.demo"  # stands in the root of a corpus that local/demo_* made
DEMO_NAME = "synthetic demo, no scientific meaning"


class Labels(NamedTuple):
    """The classes of utterances in the order of their ids, and where a data directory says them."""

    classes: Sequence[str] = ()
    table: str = "utt2emotion"
    order: str = "emotions"  # the classes in their order
    written: str = "emotions"  # the same in what is written
    word: str = "emotion"
    lists: Mapping[str, Sequence[str]] = MappingProxyType({})  # further files to write


class Utterance(NamedTuple):
    name: str  # begins with the speaker, as Kaldi's sorting wants it
    original: str  # the corpus' own name
    speaker: str
    gender: str  # f or m, empty where nobody knows
    emotion: str
    audio: str  # as in wav.scp: a file, or a command that ends in |
    recording: str = ""  # name of a recording that holds several utterances
    span: str = ""  # "start end" in that recording, seconds
    sentence: str = ""  # which of those that all speakers read


def run(purpose: str, prepare: Callable[..., None], emotions: Sequence[str] = ()) -> None:
    """The command line of every corpus: [--allow-partial true] <corpus> <out>; a Failure is one line and status 1.

    emotions: what --emotions takes, where prepare wants that too; the first is the default
    """
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--allow-partial", choices=("true", "false"), default="false")
    if emotions:
        parser.add_argument("--emotions", choices=emotions, default=emotions[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    with as_script(Path(sys.argv[0]).name):
        prepare(args.corpus, args.out, args.allow_partial == "true", *([args.emotions] if emotions else []))


def warn(message: str) -> None:
    print(f"{Path(sys.argv[0]).name}: {message}", file=sys.stderr)


def report(what: str, lines: Sequence[str], at_most: int = 10) -> None:
    """Say each line on stderr, or the first ones of many."""
    for line in lines[:at_most]:
        warn(f"{what}: {line}")
    if len(lines) > at_most:
        warn(f"{what}: … and {len(lines) - at_most} more")


def in_order(emotions: Iterable[str]) -> list[str]:
    """The paper's four first, then the others by name."""
    return sorted(emotions, key=lambda e: (EMOTIONS.index(e) if e in EMOTIONS else len(EMOTIONS), e))


def names_in_order_of_speakers(speaker_of: Mapping[str, str], file: Path) -> dict[str, str]:
    """A name for each utterance that begins with its speaker and sorts as the speaker does: its own, if it does.

    Kaldi wants both; utterances s1_a and s10_a do not have it, as _ comes after 0. file: of the speakers, for errors
    """
    for separator in ("", "-", "+"):
        names = {utt: f"{spk}{separator}{utt}" if separator else utt for utt, spk in speaker_of.items()}
        speakers = [speaker_of[utt] for utt in sorted(speaker_of, key=lambda utt: names[utt])]
        by_speaker = speakers == sorted(speakers) and all(names[utt].startswith(spk) for utt, spk in speaker_of.items())
        if by_speaker and len(set(names.values())) == len(names):
            if separator:
                warn(
                    f"{file}: utterances are called <speaker>{separator}<utterance> from here on, so that their order "
                    "is that of their speakers, as Kaldi wants it"
                )
            return names
    if by_speaker:
        utts = {name: utt for utt, name in names.items()}
        first, second = next((utt, utts[name]) for utt, name in names.items() if utts[name] != utt)
        raise Failure(
            f"{file}: utterance {first} of speaker {speaker_of[first]} and {second} of {speaker_of[second]} would both "
            f"be called {names[first]}, as Kaldi wants the speaker first; rename one of them"
        )
    first = next(spk for spk, after in pairwise(speakers) if spk > after)
    raise Failure(
        f"{file}: no order of utterances is that of their speakers, as speaker {first} begins with the name of another "
        "and a character that sorts before letters and digits; rename it"
    )


def check_genders(gender_of: Mapping[str, str], file: Path) -> None:
    for speaker, gender in gender_of.items():
        if gender not in ("f", "m"):
            raise Failure(f"{file}: {speaker} is '{gender}', expected f or m")


def is_command(audio: str) -> bool:
    return audio.endswith("|")


def words_of_command(command: str) -> list[str]:
    """As a shell parts them, without their quotes; redirections and what joins commands are words by themselves."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        return list(lexer)
    except ValueError:  # a quote that nothing closes: the shell will say so
        return command.split()


def files_of_recordings(recordings: Iterable[str]) -> Iterator[Path]:
    """The files that these are, or that their commands name. recordings: as in wav.scp"""
    for audio in recordings:
        if is_command(audio):
            yield from (Path(word) for word in words_of_command(audio) if os.path.isfile(word))
        else:
            yield Path(audio)


@functools.cache  # many utterances may share a recording
def form_of(audio: str) -> Form | Failure:
    try:
        if not is_command(audio):
            return examine(audio)
        with open_input(audio) as output:
            return read_stream(output).form
    except Failure as error:
        return error


def seconds_of(audio: str) -> float:
    """How long a recording is that has no fault."""
    form = form_of(audio)
    return 0.0 if isinstance(form, Failure) else form.seconds


def run_commands(recordings: Iterable[str]) -> None:
    """Let form_of know, several at a time, what the commands among these give."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(form_of, filter(is_command, dict.fromkeys(recordings))))


def fault_of(audio: str) -> str | None:
    """Why this recording would have no features, or wrong ones; None if it is sound."""
    if not is_command(audio) and not Path(audio).exists():
        return f"no audio, {audio} is missing"
    if not is_command(audio) and not Path(audio).is_file():
        return f"{audio} is no plain file; it is read more than once, so give a file, or a command that ends in |"
    form = form_of(audio)
    if isinstance(form, Failure):
        return str(form) if audio.rstrip("| ") in str(form) else f"'{audio}': {form}"
    if is_command(audio) and (form.rate, form.channels) != (RATE, 1):
        return (
            f"'{audio}' gives {form.rate:g} Hz, {form.channels} channels, expected {RATE} Hz, 1 channel: "
            f"let it convert (sox: -r {RATE} -c 1 -b 16)"
        )
    if form.num_samples * RATE < WINDOW * form.rate:
        return f"{audio} is {1000 * form.seconds:.3f} ms long, shorter than one window of 25 ms"
    return None


def check_channels(file: Path, recordings: Mapping[str, str]) -> None:
    """Refuse a reco2file_and_channel that chooses between channels, which would be averaged. recordings: by name"""
    for name in read_map(file, optional=True).keys() & recordings.keys():
        form = form_of(recordings[name])
        if isinstance(form, Form) and form.channels > 1:
            raise Failure(
                f"{file} names a channel of {name}, which has {form.channels}, whose mean would be taken; let its line "
                f"in wav.scp give one (sox {recordings[name]} -t wav -r {RATE} -b 16 - remix 1 |), or remove the file"
            )


def fault_of_span(span: str, recording: str, audio: str) -> str | None:
    """Why extract-segments would drop this, or None. span: "start end" as in segments, seconds"""
    try:
        start, end = words_of(span)
        begins, ends = float(start), float(end)
        if "_" in span or not span.isascii():
            raise ValueError("of Python's numbers, and of no other tool's")
    except ValueError:
        return f"'{recording} {span}' is not '<recording> <start> <end>'; give each channel a recording of its own"
    form = form_of(audio)
    if isinstance(form, Failure):
        return None  # reported by itself
    length = form.seconds
    ends = length if ends == -1 else ends
    if not (begins >= 0 and math.isfinite(ends) and ends <= length + OVERSHOOT):
        return f"from {start} to {end} s, but {recording} has {length:.2f} s"
    if min(ends, length) - begins < SHORTEST_SEGMENT:
        return f"from {start} to {end} s is shorter than {SHORTEST_SEGMENT} s"
    return None


def name_of_corpus(own: Path) -> str:
    """What reports call an own corpus: what its file `corpus` says, else its folder's name."""
    named = " ".join(read_lines(own / "corpus")) if (own / "corpus").is_file() else ""
    return named.strip() or f"own corpus {own.resolve().name}"


def is_ready(audio: str) -> bool:
    """True when Kaldi's feature programs read this as it is: RIFF, 16 bits, 16 kHz, one channel."""
    if is_command(audio):
        return True
    form = form_of(audio)
    if isinstance(form, Failure):
        raise form
    return form.kaldi_reads and (form.rate, form.channels) == (RATE, 1)


def convert(audio: str, out: Path) -> str:
    """Write any recording as 16 kHz, one channel (the mean of all), 16 bits; returns a warning, or ""."""
    samples, warning = read_audio(Path(audio))
    samples = np.rint(samples)
    clipped = int(((samples < -32768) | (samples > 32767)).sum())
    if clipped > MOST_CLIPPED * len(samples):
        raise Failure(
            f"{audio}: {clipped} of {len(samples)} samples are beyond 16 bits; make it less loud, or see its scale"
        )
    with open(out, "wb") as file:
        write_riff16(file, RATE, np.clip(samples, -32768, 32767).astype(np.int16)[np.newaxis])
    if clipped:
        warning = f"{clipped} of {len(samples)} samples clipped to 16 bits; {warning}"
    return warning.removesuffix("; ")


def check_parts(directory: Path, parts: Sequence[str], what: str, allow_partial: bool) -> list[Path]:
    """The parts of a corpus that are there; none at all is always an error, some only without allow_partial."""
    found = [directory / part for part in parts if (directory / part).is_dir()]
    missing = [part for part in parts if not (directory / part).is_dir()]
    if not found:
        raise Failure(f"{directory} is not {what}: no {' or '.join(parts)} in it")
    if missing:
        message = f"{directory} is not all of {what}: {', '.join(missing)} missing"
        if not allow_partial:
            raise Failure(f"{message}; use --allow-partial true to go on with what is there")
        warn(message)
    return found


def check_counts(expected: Mapping[str, int], found: Counter[str], allow_partial: bool) -> None:
    """A corpus that isn't whole is an error that shows both numbers, or a warning for people who hold a part; nobody
    holds more than all of it.
    """
    if more := [f"{found[key]} of {key} found, {n} expected" for key, n in expected.items() if found[key] > n]:
        raise Failure(f"this is more than the whole corpus: {more[0]}; copies, or files of another corpus? remove them")
    wrong = [f"{found[key]} of {key} found, {n} expected" for key, n in expected.items() if found[key] != n]
    if not wrong:
        return
    report("count", wrong, at_most=30)
    if not allow_partial:
        raise Failure(f"this is not the whole corpus: {wrong[0]}; use --allow-partial true to go on with what is there")


def table_of_counts(utterances: Iterable[Utterance], emotions: Sequence[str], expected: Mapping[str, int]) -> str:
    """Utterances by speaker and emotion, with the expected sums (by speaker and by emotion) beside them."""
    counts = Counter((u.speaker, u.emotion) for u in utterances)
    speakers = sorted({speaker for speaker, _ in counts})
    width = max([len("expected"), *map(len, speakers), *map(len, emotions)]) + 1

    def row(name: str, cells: Sequence[int | str]) -> str:
        return f"{name:{width}}" + "".join(f"{cell:>{width}}" for cell in cells)

    def want(*names: str) -> list[int | str]:
        return [expected.get(name, "") for name in names] if expected else []

    lines = [row("speaker", [*emotions, "all", *(["expected"] if expected else [])])]
    for speaker in speakers:
        by_emotion = [counts[speaker, emotion] for emotion in emotions]
        lines.append(row(speaker, [*by_emotion, sum(by_emotion), *want(speaker)]))
    sums = [sum(counts[speaker, emotion] for speaker in speakers) for emotion in emotions]
    lines.append(row("all", [*sums, sum(sums)]))
    if expected:
        lines.append(row("expected", [*want(*emotions), expected.get("utterances", "")]))
    return "\n".join(lines)


def without_faults(utterances: Iterable[Utterance], allow_partial: bool) -> tuple[list[Utterance], list[str]]:
    """Sorted as Kaldi sorts, and apart from them what can't be used, with the reason."""
    usable, left_out = [], []
    utterances = sorted(utterances)
    run_commands(u.audio for u in utterances)
    for utterance in utterances:
        fault = fault_of(utterance.audio)
        if fault is None and utterance.span:
            fault = fault_of_span(utterance.span, utterance.recording, utterance.audio)
        if fault is None:
            usable.append(utterance)
        else:
            left_out.append(f"{utterance.original}: {fault}")
    report("left out", left_out)
    if not usable:
        raise Failure(f"no utterance with an emotion and audio: {left_out[0] if left_out else 'there is none at all'}")
    total = len(usable) + len(left_out)
    if len(left_out) > MOST_LEFT_OUT * total and not allow_partial:
        raise Failure(
            f"{len(left_out)} of {total} utterances can't be used, the first is {left_out[0]}; "
            "use --allow-partial true to go on without them"
        )
    return usable, left_out


def report_missing_emotions(utterances: Sequence[Utterance], emotions: Sequence[str]) -> None:
    spoken = {(u.speaker, u.emotion) for u in utterances}
    for speaker in sorted({u.speaker for u in utterances}):
        missing = [emotion for emotion in emotions if (speaker, emotion) not in spoken]
        if missing:
            warn(f"speaker {speaker} has no utterance of {', '.join(missing)}: its recall can't be measured there")


def check_once(utterances: Iterable[Utterance]) -> None:
    audio_of: dict[str, str] = {}
    for u in utterances:
        if u.name in audio_of:
            raise Failure(
                f"utterance {u.name} stands more than once, of {audio_of[u.name]} and of {u.audio}; remove one"
            )
        audio_of[u.name] = u.audio


def write_data_dir(
    out: Path,
    utterances: Sequence[Utterance],
    labels: Labels,
    corpus: str,
    dev_speakers: Sequence[str] = (),
    session_of: Mapping[str, str] | None = None,
    left_out: Sequence[str] = (),
    expected: int | None = None,
) -> None:
    """Write the data directory beside its final place, then rename it: it is complete or absent.

    utterances: usable ones, sorted by name
    expected: how many the whole corpus holds, None where nobody knows
    """
    check_once(utterances)
    if out.exists() and not all((out / name).is_file() for name in ("corpus", "utt2original")):
        raise Failure(f"{out} exists and is no data directory of a SER corpus: remove it, or name another")
    check_place(out, files_of_recordings(u.audio for u in utterances))
    if labels.table != "labels.scp":
        report_missing_emotions(utterances, labels.classes)
    recordings = {u.recording or u.name: u.audio for u in utterances}
    speakers: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        speakers.setdefault(utterance.speaker, []).append(utterance)
    present = [speaker for speaker in dev_speakers if speaker in speakers]
    report("speaker for early stopping of whom there is no utterance", sorted(set(dev_speakers) - set(present)))
    counts = [f"all {expected} utterances"] if expected else []
    lists = {
        **labels.lists,
        labels.written: labels.classes,
        "dev_speakers": present,
        "left_out": left_out,
        "expected": counts,
        "corpus": [corpus],
    }

    with built_beside(out) as building:

        def write(name: str, pairs: Iterable[tuple[str, str]]) -> None:
            write_text(building / name, "".join(f"{key} {value}\n" for key, value in pairs))

        write("wav.scp", sorted(audio_for_kaldi(recordings, building / "wav", out.resolve() / "wav").items()))
        if any(u.span for u in utterances):
            write("segments", ((u.name, f"{u.recording} {u.span}") for u in utterances))
        write("utt2spk", ((u.name, u.speaker) for u in utterances))
        write("spk2utt", ((speaker, " ".join(u.name for u in of)) for speaker, of in sorted(speakers.items())))
        if all(of[0].gender for of in speakers.values()):
            write("spk2gender", ((speaker, of[0].gender) for speaker, of in sorted(speakers.items())))
        write(labels.table, ((u.name, u.emotion) for u in utterances))
        write("utt2original", ((u.name, u.original) for u in utterances))
        if any(u.sentence for u in utterances):
            write("utt2sentence", ((u.name, u.sentence) for u in utterances))
        if session_of:
            write("spk2session", ((speaker, session_of[speaker]) for speaker in sorted(speakers)))
        for name, lines in lists.items():
            if lines:
                write_text(building / name, "".join(f"{line}\n" for line in lines))


def audio_for_kaldi(recordings: Mapping[str, str], folder: Path, final: Path) -> dict[str, str]:
    """What Kaldi shall read for each recording: what is there, or a file converted into folder (later named final)."""
    wav_scp = {}
    converted = 0
    warnings = []
    for name, audio in recordings.items():
        if is_ready(audio):
            wav_scp[name] = audio if is_command(audio) else str(Path(audio).resolve())
            continue
        folder.mkdir(exist_ok=True)
        if "/" in name:
            raise Failure(f"{audio} has to be converted, and its name in wav.scp, {name}, cannot be a file's (/)")
        if warning := convert(audio, folder / f"{name}.wav"):
            warnings.append(f"{audio}: {warning}")
        wav_scp[name] = str(final / f"{name}.wav")
        converted += 1
    forms = {audio: form for audio in dict.fromkeys(recordings.values()) if isinstance(form := form_of(audio), Form)}
    if converted:
        averaged = sum(form.channels > 1 for audio, form in forms.items() if not is_command(audio))
        warn(
            f"{converted} of {len(wav_scp)} recordings are not 16 kHz mono 16-bit WAV: converted once, into {final}"
            + (f"; of {averaged} with several channels the mean is taken" if averaged else "")
        )
    report("warning", warnings)
    if said := said_of_rest(forms):
        warn(f"warning: {said}")
    return wav_scp
