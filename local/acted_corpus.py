"""Corpora of actors who read the same sentences with each emotion, where the name of a file says all of it."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import ser_corpus
from ser_corpus import (
    EMOTIONS,
    Labels,
    Utterance,
    check_counts,
    check_once,
    in_order,
    table_of_counts,
    without_faults,
    write_data_dir,
)

from asrser_io.files import Failure
from asrser_io.text import some_of

NAMES = ("emodb", "cremad", "ravdess", "savee", "emovo")  # as options have them; local/<name>_data.py is about each
WORDS = {4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight"}
CALM_AS_NEUTRAL = "paper+calm"


class Clip(NamedTuple):
    """What the name of a file says."""

    name: str  # of the utterance; begins with the speaker, as Kaldi's sorting wants it
    original: str
    speaker: str
    code: str  # of the emotion, or of what is no speech, such as "song"
    sentence: str = ""  # empty where the name does not say which one


class Corpus(NamedTuple):
    name: str
    places: Sequence[
        str
    ]  # glob patterns with * and ? only, in whatever case; the first with audio in it is where the corpus lies
    example: str  # a file in the first place
    parse: Callable[[Path], Clip | None]  # None: no name of the corpus
    emotion_of: Mapping[str, str]  # by code; what has another code is not used
    gender_of: Mapping[str, str]  # of all speakers
    # Published counts of these emotions: by speaker, by emotion, and of all "utterances".
    expected: Callable[[Sequence[str]], Mapping[str, int]]
    all_files: int
    dev_speakers: Sequence[str]
    broken: Sequence[str] = ()  # recordings of which the owners themselves say that there is nothing in them

    def files(self, folder: Path) -> list[Path]:
        for place in self.places:
            pattern = re.sub("[A-Za-z]", lambda letter: f"[{letter[0].lower()}{letter[0].upper()}]", place)
            found = [f for f in folder.glob(pattern) if f.suffix.lower() == ".wav" and not f.name.startswith(".")]
            if found:
                return sorted(found)
        return []

    def clip(self, file: Path) -> Clip:
        clip = self.parse(file)
        if clip is None:
            article = "an" if self.name[0] in "AEIO" else "a"
            raise Failure(
                f"{file}: '{file.stem}' is no name of {article} {self.name} recording, at least in this folder; "
                f"expected one such as {self.example}; remove it, or put it where it belongs"
            )
        if clip.speaker not in self.gender_of:
            raise Failure(
                f"{file}: '{clip.speaker}' is no speaker of {self.name}; expected {some_of([*self.gender_of])}"
            )
        return clip


def by_design(
    emotion_of: Mapping[str, str], speakers: Sequence[str], count: Callable[[str, str], int]
) -> Callable[[Sequence[str]], dict[str, int]]:
    """Published counts of a corpus, from how many clips a speaker has of a code."""

    def expected(emotions: Sequence[str]) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for speaker in speakers:
            for code, emotion in emotion_of.items():
                if emotion in emotions:
                    for key in (speaker, emotion, "utterances"):
                        counts[key] += count(speaker, code)
        return dict(counts)

    return expected


def run(purpose: str, corpus: Corpus) -> None:
    """The command line of such a corpus."""
    choices = ["paper", "all", *([CALM_AS_NEUTRAL] if "calm" in corpus.emotion_of.values() else [])]

    def prepare_it(folder: Path, out: Path, allow_partial: bool, emotions: str) -> None:
        prepare(corpus, folder, out, allow_partial, emotions)

    ser_corpus.run(purpose, prepare_it, choices)


def prepare(corpus: Corpus, folder: Path, out: Path, allow_partial: bool, which: str) -> None:
    """which: "paper": anger, happiness, sadness and neutral; "all" of the corpus; "paper+calm": calm is neutral"""
    emotion_of, expected_of = corpus.emotion_of, corpus.expected
    emotions = in_order(set(emotion_of.values())) if which == "all" else list(EMOTIONS)
    files = corpus.files(folder)
    if not files:
        raise Failure(
            f"{folder} is not the folder of {corpus.name}: no wav files in {' or '.join(corpus.places)}, "
            f"such as {corpus.example}"
        )
    utterances = []
    other: Counter[str] = Counter()
    for file in files:
        clip = corpus.clip(file)
        emotion = emotion_of.get(clip.code)
        if which == CALM_AS_NEUTRAL and emotion == "calm":
            emotion = "neutral"
        if emotion not in emotions:
            other[clip.code] += 1
            continue
        gender = corpus.gender_of[clip.speaker]
        utterances.append(
            Utterance(clip.name, clip.original, clip.speaker, gender, emotion, str(file), sentence=clip.sentence)
        )
    check_once(utterances)
    by_name = {u.original: u for u in utterances}
    utterances, left_out = without_faults(utterances, allow_partial)
    if other:
        print(f"not used: {', '.join(f'{code} {count}' for code, count in sorted(other.items()))}")
    expected = dict(expected_of([*emotions, "calm"] if which == CALM_AS_NEUTRAL else emotions))
    if which == CALM_AS_NEUTRAL:
        expected["neutral"] += expected.pop("calm")
    print(table_of_counts(utterances, emotions, expected))
    # What is broken everywhere is left out, but its corpus is whole.
    broken = [by_name[original] for original in corpus.broken if original in by_name]
    found = Counter(key for u in {*utterances, *broken} for key in (u.emotion, u.speaker, "utterances"))
    total = expected["utterances"]
    if other.keys() & emotion_of.keys():  # then the other emotions are there, and all of them should be
        expected["files"] = corpus.all_files
        found["files"] = sum(corpus.clip(file).code in emotion_of for file in files)
    check_counts(expected, found, allow_partial)
    what = f"{WORDS[len(emotions)]} emotions" + (", calm as neutral" if which == CALM_AS_NEUTRAL else "")
    name = f"{corpus.name} ({len(utterances)} of {total} utterances of {what})"
    write_data_dir(out, utterances, Labels(emotions), name, corpus.dev_speakers, None, left_out, total)
    print(f"{out}: {name}, {len({u.speaker for u in utterances})} speakers")
