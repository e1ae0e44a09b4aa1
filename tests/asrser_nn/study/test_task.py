"""A task is what its declaration says, and a declaration that says something else is refused."""

import json

import pytest

from asrser_io.files import Failure
from asrser_nn.study.task import read_task

GENDER = {
    "name": "gender",
    "label": "gender",
    "recognises": "gender",
    "unit": "gender",
    "corpus": "ser",
    "about": "{work}/data/gender",
    "data": {"all": "{work}/data_fbank/gender"},
    "feats": "{work}/exp/gender/folds/{fold}/{part}",
    "labels": "{work}/exp/gender/folds/{fold}/{part}",
    "num_classes": 3,
    "class_names": ["female", "male", "silence"],
    "measures": ["E", "UE"],
    "main_measure": "UE",
    "folds": ["f1", "f2"],
    "silence_class": "silence",
    "utt2class": None,
    "decodings": [],
}


def declare(work, **changes):
    path = work / "exp/gender/task.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({name: value for name, value in (GENDER | changes).items() if value != "left out"}))
    return path


def test_paths_are_those_of_the_fold_and_the_part(tmp_path):
    declare(tmp_path)
    task = read_task(tmp_path, "gender")
    assert task.path(task.feats, tmp_path, "f2", "dev") == f"{tmp_path}/exp/gender/folds/f2/dev"
    assert task.baseline("exp/seed2", "f1") == "exp/seed2/gender/fold_f1"


def test_a_task_without_folds_has_one_network(tmp_path):
    declare(tmp_path, folds=[], label="sex")
    task = read_task(tmp_path, "gender")
    assert task.baseline("exp", None) == "exp/gender"
    assert task.title == "gender recognition (sex)"


@pytest.mark.parametrize(
    ("label", "title"), [("gender", "gender recognition"), ("gender (ASR)", "gender recognition (ASR)")]
)
def test_a_title_says_nothing_twice(label, title, tmp_path):
    declare(tmp_path, label=label)
    assert read_task(tmp_path, "gender").title == title


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unit": "left out"}, "a task lacks unit"),
        ({"colour": "red"}, "a task has no colour"),
        ({"label": ""}, "label can't be ''"),
        ({"folds": "f1"}, "folds can't be 'f1'"),
        ({"folds": ["f1", "f1"]}, "folds can't be ['f1', 'f1']"),
        ({"data": []}, "data can't be []"),
        ({"num_classes": True}, "num_classes can't be True"),
        ({"num_classes": 2}, "num_classes is 2, but there are 3 class_names"),
        ({"main_measure": "PER"}, "main_measure is PER, which is none of the measures"),
        ({"silence_class": "pause"}, "silence_class is pause, which is none of the class_names"),
        ({"name": "ser"}, "declares the task ser, not gender"),
        ({"name": "a2b"}, "of small letters, such as gender or gender-asr, not 'a2b'"),
    ],
)
def test_a_wrong_declaration_is_refused_by_name(changes, said, tmp_path):
    path = declare(tmp_path, **changes)
    with pytest.raises(Failure) as error:
        read_task(tmp_path, "gender")
    assert str(path) in str(error.value) and said in str(error.value)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", b"[" * 100_000])
def test_what_is_no_declaration_is_refused_by_name(content, tmp_path):
    path = declare(tmp_path)
    path.write_bytes(content)
    with pytest.raises(Failure, match=str(path)):
        read_task(tmp_path, "gender")
