"""Check a data directory with classes of a task of your own and copy what the task needs; called by recipe/ser.sh.

Usage: python local/own_task.py [--allow-partial true] <own-data-dir> <data-dir>
 e.g.: python local/own_task.py /corpora/accents data/accent
Reads wav.scp, utt2spk, and utt2class (and classes, their order, without silence), or labels.scp and classes: for each
utterance a vector of numbers, one for each frame (25 ms, every 10 ms), and the names of these classes. Where they are,
also the further files that local/ser_data.sh reads, test_speakers (a test set in the place of folds; then dev_speakers,
too), and task.json, which says label, recognises and unit (see asrser_nn/study/task.py), and corpus, asr or ser, if its
speakers are those of that corpus, and called the same: layers of a network that has heard them are then not taken. The
task is called as <data-dir>.
"""

import json
import os
from pathlib import Path
from typing import Any

import ser_data
from ser_corpus import Labels, run

from asrser_io.files import Failure
from asrser_io.text import FORMS, read_file, read_list, read_map

OF_FRAMES = {"measures": ["FER"], "main_measure": "FER", "silence_class": None, "utt2class": None}


def read_words(file: Path, name: str) -> dict[str, str]:
    """How reports speak of the task."""
    words = {"label": name, "recognises": name, "unit": "class"}
    if not os.path.lexists(file):
        return words
    try:
        said = json.loads(read_file(file))
    except (ValueError, RecursionError) as error:
        raise Failure(f'{file}: this is no JSON ({error}); expected such as {{"recognises": "{name}"}}') from error
    if not isinstance(said, dict) or not said.keys() <= {*words, "corpus"}:
        raise Failure(f"{file}: expected {', '.join(words)} or corpus and their values, found {said!r:.60}")
    for key, word in said.items():
        if not (isinstance(word, str) and word.strip() and word.isprintable()):
            raise Failure(f"{file}: {key} is a word or a few, not {word!r:.60}")
    if said.get("corpus", "ser") not in ("asr", "ser"):
        raise Failure(f"{file}: corpus is asr or ser, not {said['corpus']!r:.60}; without it the corpus is another one")
    return words | said


def check_labels(data: Path) -> None:
    """What utterances have no word for is looked at when the frames are known; here, that it is there."""
    if not (data / "classes").is_file():
        raise Failure(f"no {data}/classes: the numbers in labels.scp need names, one a line")
    if len(names := read_list(data / "classes")) < 2:
        raise Failure(f"{data}/classes: at least two classes are needed, found {names[0] if names else 'none'}")
    for utterance, where in read_map(data / "labels.scp").items():
        if not os.path.isfile(archive := where.rpartition(":")[0] or where):
            raise Failure(f"{data}/labels.scp: {utterance} is in {archive}, which is no file; expected <file>:<offset>")


def prepare(data: Path, out: Path, allow_partial: bool) -> None:
    lists: dict[str, list[str]] = {}
    declared: dict[str, Any] = dict(read_words(data / "task.json", out.name))
    if os.path.lexists(data / "test_speakers"):
        if not os.path.lexists(data / "dev_speakers"):
            raise Failure(f"{data} has test_speakers: name those for early stopping, too, in dev_speakers")
        lists["test_speakers"] = read_list(data / "test_speakers")
    if (data / "utt2class").is_file():
        labels = Labels((), "utt2class", "classes", "utterance_classes", "class", lists)
    elif (data / "labels.scp").is_file():
        check_labels(data)
        declared |= OF_FRAMES
        labels = Labels((), "labels.scp", "classes", "classes", "label", lists)
    else:
        raise Failure(
            f"{data} has neither utt2class, lines of {FORMS['utt2class']}, nor labels.scp, a class for each frame"
        )
    lists["declaration.json"] = [json.dumps(declared)]
    ser_data.prepare(data, out, allow_partial, labels)


if __name__ == "__main__":
    run(__doc__, prepare)
