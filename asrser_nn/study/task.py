"""A task as data: what is told apart, on which speech, in which parts or folds, and how it is scored.

exp/<task>/task.json of a work directory declares it, as local/declare_task.py writes it; what lists, sums up or reports
runs knows tasks from there alone. Imports neither torch nor numpy: it is read before anything slow.
"""

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from asrser_io.files import Failure

NAME = re.compile(r"[a-z][a-z_]*(-[a-z]+)?")  # no digit: <source>2<task> names a transfer


@dataclass(frozen=True)
class Task:
    """In paths, {work} is the work directory, {fold} one of the folds, and {part} train, dev or test."""

    name: str  # of its folders
    label: str  # in tables: ASR
    recognises: str  # in sentences: speech, as in "speech recognition"
    unit: str  # what a class is: HMM state, emotion
    corpus: str  # tasks with the same one share its speakers
    about: str  # a folder with what is known of the corpus: files corpus (its name), expected, silence.json
    data: dict[str, str]  # data directories in which speakers, utterances and frames are counted, by their names
    feats: str
    labels: str
    num_classes: int
    class_names: tuple[str, ...]  # none: they are numbers
    measures: tuple[str, ...]  # some of asrser_nn/study/measures.py, as tables have them
    main_measure: str  # the one by which transfers are judged
    folds: tuple[str, ...]  # none: it has one network
    silence_class: str | None  # if there is one, utterances are decided on, too
    utt2class: str | None  # a file of the classes of utterances; None: the class that their frames have
    decodings: tuple[str, ...]  # folders that others add to a run before it is complete

    @property
    def title(self) -> str:
        """speech recognition (ASR), gender recognition, or for a label as gender (ASR) gender recognition (ASR)"""
        words = f"{self.recognises} recognition"
        if self.label.startswith(self.recognises):
            return words + self.label.removeprefix(self.recognises)
        return f"{words} ({self.label})"

    def path(self, template: str, work: str | Path, fold: str | None = None, part: str = "") -> str:
        return template.replace("{fold}", fold or "").replace("{part}", part).replace("{work}", str(work))

    def baseline(self, exp: str, fold: str | None) -> str:
        """The directory of a network that is trained from scratch. exp: the folder of a seed"""
        return f"{exp}/{self.name}" + (f"/fold_{fold}" if self.folds else "")


def task_of(data: Any, where: str | Path) -> Task:
    """A task from what was read as JSON; where: of which file, for errors."""

    def wrong(text: str) -> Failure:
        return Failure(f"{where}: {text}; see asrser_nn/study/task.py")

    if not isinstance(data, dict):
        raise wrong("expected a task as names and values")
    kinds = {field.name: getattr(field.type, "__name__", str(field.type)) for field in fields(Task)}
    if different := sorted(kinds.keys() ^ data.keys()):
        raise wrong(f"a task {'lacks' if different[0] in kinds else 'has no'} {different[0]}")

    def is_text(value: Any) -> bool:
        return isinstance(value, str) and value != ""

    values = dict(data)
    for name, kind in kinds.items():
        value = data[name]
        if kind == "tuple":
            fits = isinstance(value, list | tuple) and all(map(is_text, value)) and len(set(value)) == len(value)
            values[name] = tuple(value) if fits else value
        elif kind == "dict":
            fits = isinstance(value, dict) and all(map(is_text, value.values()))
        elif kind == "int":
            fits = type(value) is int and value > 0
        else:
            fits = is_text(value) or (value is None and "None" in kind)
        if not fits:
            raise wrong(f"{name} can't be {value!r:.50}")
    task = Task(**values)
    if not NAME.fullmatch(task.name):
        raise wrong(f"a name of a task is of small letters, such as gender or gender-asr, not '{task.name}'")
    if task.class_names and len(task.class_names) != task.num_classes:
        raise wrong(f"num_classes is {task.num_classes}, but there are {len(task.class_names)} class_names")
    if task.main_measure not in task.measures:
        raise wrong(f"main_measure is {task.main_measure}, which is none of the measures")
    if task.silence_class is not None and task.silence_class not in task.class_names:
        raise wrong(f"silence_class is {task.silence_class}, which is none of the class_names")
    return task


def read_task(work: str | Path, name: str) -> Task:
    path = Path(work) / "exp" / name / "task.json"
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Failure(f"no such file: {path}; the stages that prepare the task write it") from error
    try:
        task = task_of(json.loads(content), path)
    except (ValueError, RecursionError) as error:
        raise Failure(f"{path}: this is no JSON ({error}); remove it and run its stage again") from error
    if task.name != name:
        raise Failure(f"{path} declares the task {task.name}, not {name}")
    return task
