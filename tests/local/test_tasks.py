"""Tasks about speakers: what they are made from, how they are declared, and between which folds layers go."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def call(script, *words):
    return subprocess.run([sys.executable, ROOT / "local" / script, *words], capture_output=True, text=True)


def write_data(data, speakers, **more):
    """A data directory of two utterances of each speaker."""
    data.mkdir(parents=True)
    utterances = {f"{speaker}-{n}": speaker for speaker in speakers for n in (1, 2)}
    files = {
        "wav.scp": "".join(f"{utt} {utt}.wav\n" for utt in utterances),
        "utt2spk": "".join(f"{utt} {speaker}\n" for utt, speaker in utterances.items()),
        "spk2utt": "".join(f"{speaker} {speaker}-1 {speaker}-2\n" for speaker in speakers),
        "spk2gender": "".join(f"{speaker} {speaker[0]}\n" for speaker in speakers),
    }
    for name, text in (files | more).items():
        (data / name).write_text(text)
    return data


def lines(path):
    return path.read_text().splitlines()


def test_gender_of_the_ser_corpus_keeps_its_dev_speakers_and_sentences(tmp_path):
    sentences = "".join(f"{speaker}-{n} s{n}\n" for speaker in ("f1", "m1", "m2") for n in (1, 2))
    emotions = {"utt2emotion": "f1-1 anger\n", "utt2sentence": sentences}
    data = write_data(tmp_path / "ser", ["f1", "m1", "m2"], dev_speakers="m2\n", corpus="EmoDB\n", **emotions)
    done = call("gender_task.py", data, tmp_path / "gender")
    assert done.returncode == 0, done.stderr
    assert "6 utterances of 3 speakers: 1 female, 2 male" in done.stdout
    gender = tmp_path / "gender"
    assert lines(gender / "utt2class")[:3] == ["f1-1 female", "f1-2 female", "m1-1 male"]
    assert lines(gender / "utterance_classes") == ["female", "male"]
    assert (lines(gender / "dev_speakers"), lines(gender / "corpus")) == (["m2"], ["EmoDB"])
    assert (gender / "utt2sentence").read_text() == sentences
    assert not (gender / "utt2emotion").exists() and not (gender / "test_speakers").exists()


@pytest.mark.parametrize("out", ["ser", "mine"])
def test_a_task_replaces_neither_its_corpus_nor_a_folder_of_somebody_else(tmp_path, out):
    data = write_data(tmp_path / "ser", ["f1", "m1", "m2"], dev_speakers="m2\n", corpus="EmoDB\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis").write_text("all of it")
    before = sorted(tmp_path.rglob("*"))
    done = call("gender_task.py", data, tmp_path / out)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture
def asr(tmp_path):
    """An ASR corpus of eight speakers to train on, each of another dialect region, and one each for dev and test."""
    train = [f"f{n}" for n in range(1, 9)]
    (tmp_path / "asr").mkdir()
    (tmp_path / "asr/corpus").write_text("TIMIT\n")
    for part, speakers in {"train": train, "dev": ["m1"], "test": ["m2"]}.items():
        regions = "".join(f"{speaker} {speaker[1]}\n" for speaker in speakers)
        write_data(tmp_path / "asr" / part, speakers, spk2dialect=regions)
    return tmp_path / "asr"


def test_tasks_of_the_asr_corpus_have_its_train_dev_and_test(asr, tmp_path):
    done = call("dialect_task.py", asr, tmp_path / "dialect")
    assert done.returncode == 0, done.stderr
    assert (lines(tmp_path / "dialect/dev_speakers"), lines(tmp_path / "dialect/test_speakers")) == (["m1"], ["m2"])
    assert lines(tmp_path / "dialect/utt2class")[-4:] == ["m1-1 new_england", "m1-2 new_england"] + [
        f"m2-{n} northern" for n in (1, 2)
    ]
    assert len(lines(tmp_path / "dialect/utterance_classes")) == 8


@pytest.mark.parametrize(
    ("table", "said"),
    [("f1 1\n", "does not have f2 and 8 more of 10 speakers"), ("f1 9\n", "says '9' of f1 and 9 more of 10 speakers")],
)
def test_a_speaker_without_a_class_is_named_and_what_was_there_stays(table, said, asr, tmp_path):
    assert call("dialect_task.py", asr, tmp_path / "dialect").returncode == 0
    (asr / "train/spk2dialect").write_text(table)
    for part in ("dev", "test"):
        (asr / part / "spk2dialect").unlink()
    done = call("dialect_task.py", asr, tmp_path / "dialect")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"{asr}/train/spk2dialect {said}; expected one of 1, 2, 3" in done.stderr
    assert len(lines(tmp_path / "dialect/utt2class")) == 20


def declare(work, name, folds, classes, corpus=None):
    """A task with these folds, {fold: {part: speakers}}."""
    for fold, parts in folds.items():
        for part, speakers in parts.items():
            write_data(work / "exp" / name / "folds" / fold / part, speakers)
        (work / "exp" / name / "folds" / fold / "train/classes").write_text("\n".join([*classes, "silence"]) + "\n")
    (work / "exp" / name / "folds/list").write_text("".join(f"{fold}\n" for fold in folds))
    done = call("declare_task.py", work, name)
    assert done.returncode == 0, done.stderr


SPEAKERS = ["f1", "f2", "m1", "m2"]


@pytest.fixture
def work(tmp_path):
    """SER and gender with the same folds of the same speakers, and gender of the ASR corpus with its split."""
    folds = {
        fold: {"train": [s for s in SPEAKERS if s != fold], "dev": ["f9", "m9"], "test": [fold]} for fold in SPEAKERS
    }
    declare(tmp_path, "ser", folds, ["anger", "neutral"])
    declare(tmp_path, "gender", folds, ["female", "male"])
    split = {"split": {"train": ["f1", "m1"], "dev": ["m2"], "test": ["f2"]}}
    declare(tmp_path, "gender-asr", split, ["female", "male"])
    return tmp_path


def transfers(work, task, tasks, *options):
    """{directory: (network that layers come from, test set)} of a task's transfers, and what was said."""
    words = ["--tasks", tasks, "--layers", "3", "--nnet-config", ROOT / "conf/quick/ser.conf", *options]
    done = call("list_runs.py", *words, work, task)
    assert done.returncode == 0, done.stderr
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    found = {run["directory"]: (run["training"].get("source"), run["evaluations"][1]["feats"]) for run in runs}
    exp = f"{work}/exp/"
    short = {d.removeprefix(exp): [str(path).removeprefix(exp) for path in of] for d, of in found.items() if of[0]}
    return short, done.stderr


def test_a_declared_task_says_what_stands_in_local_tasks_and_in_its_folds(work):
    task = json.loads((work / "exp/gender-asr/task.json").read_text())
    assert (task["label"], task["unit"], task["corpus"]) == ("gender (ASR)", "gender", "asr")
    assert (task["folds"], task["class_names"]) == (["split"], ["female", "male", "silence"])
    assert json.loads((work / "exp/gender/task.json").read_text())["corpus"] == "ser"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mood", "there is no task 'mood'; local/tasks declares "),
        ("gender-xyz", "there is no task 'gender-xyz', but gender, gender-asr"),
        ("dialect-ser", "there is no task 'dialect-ser', but dialect"),
        ("../asr", "there is no task '../asr'"),
    ],
)
def test_a_task_that_nobody_has_declared_is_refused(name, said, work):
    for words in ([work, name], ["--corpus", name]):
        done = call("declare_task.py", *words)
        assert done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("text", ["{bad", "[]"])
def test_a_damaged_declaration_is_named(text, work):
    (work / "data/mood").mkdir(parents=True)
    (work / "data/mood/declaration.json").write_text(text)
    done = call("declare_task.py", work, "mood")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"{work}/data/mood/declaration.json: expected names and values as JSON" in done.stderr


def test_between_tasks_of_the_same_speakers_layers_stay_in_their_fold(work):
    found, said = transfers(work, "gender", "ser,gender")
    assert found == {
        f"transfer/ser2gender/l3/fold_{fold}": [f"ser/fold_{fold}", f"gender/folds/{fold}/test"] for fold in SPEAKERS
    }
    assert said == ""


def test_between_tasks_of_different_speakers_every_network_is_used_and_every_fold_as_often(work):
    found, _ = transfers(work, "gender-asr", "ser,gender-asr")
    assert found == {
        f"transfer/ser2gender-asr/l3/fold_split_from_{fold}": [f"ser/fold_{fold}", "gender-asr/folds/split/test"]
        for fold in SPEAKERS
    }
    found, _ = transfers(work, "ser", "gender-asr,ser")
    assert found == {
        f"transfer/gender-asr2ser/l3/fold_{fold}_from_split": ["gender-asr/fold_split", f"ser/folds/{fold}/test"]
        for fold in SPEAKERS
    }


def test_a_longer_list_of_folds_begins_the_shorter_one_again(work):
    """Four networks for three folds: each fold twice, so that all weigh the same; the first two networks twice."""
    three = {f"g{n}": {"train": ["f1"], "dev": ["m2"], "test": ["f2"]} for n in range(3)}
    declare(work, "dialect", three, ["northern"])
    found, _ = transfers(work, "dialect", "ser,dialect")
    pairs = [tuple(name.rpartition("fold_")[2].split("_from_")) for name in found]
    assert pairs == [("g0", "f1"), ("g1", "f2"), ("g2", "m1"), ("g0", "m2"), ("g1", "f1"), ("g2", "f2")]


def test_no_network_that_has_heard_a_test_or_dev_speaker_gives_its_layers(work):
    """Of the same corpus, but with other folds: g0 is tested by f2, on whom gender-asr has not trained; g1 by f1."""
    folds = {
        "g0": {"train": ["m3"], "dev": ["m2"], "test": ["f2"]},
        "g1": {"train": ["m3"], "dev": ["m2"], "test": ["f1"]},
        "g2": {"train": ["m3"], "dev": ["m1"], "test": ["f2"]},
    }
    declare(work, "dialect", folds, ["northern"])
    found, said = transfers(work, "dialect", "gender-asr,dialect")
    assert list(found) == ["transfer/gender-asr2dialect/l3/fold_g0_from_split"]
    assert "no layers from gender (ASR) to dialect, 2 of 3 folds (g1, g2): " in said
