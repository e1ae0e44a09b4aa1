"""The list of networks that learn together."""

import json
import subprocess
import sys

import pytest

from asrser_nn.commands.runs import read_list

FOLDS = ["Ses01F", "Ses01M"]
EMOTIONS = ["anger", "neutral", "silence"]


@pytest.fixture(scope="module")
def work(declare_tasks, tmp_path_factory):
    return declare_tasks(tmp_path_factory.mktemp("work"), FOLDS, EMOTIONS)


def _call(root, *words):
    command = [sys.executable, root / "local/list_hybrids.py", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=root)


def _list(root, work, tmp_path, *options):
    done = _call(root, *options, work)
    assert done.returncode == 0, done.stderr
    (tmp_path / "list").write_text(done.stdout)
    return {run.directory.removeprefix(f"{work}/exp/"): run for run in read_list(tmp_path / "list")}


def test_there_is_a_hybrid_for_each_number_of_shared_layers_and_each_fold_and_the_first_seed_comes_first(
    root, work, tmp_path
):
    once = [f"hybrid/asr+ser/l{number}/fold_{fold}" for number in range(6) for fold in FOLDS]
    assert list(_list(root, work, tmp_path)) == once
    assert list(_list(root, work, tmp_path, "--seeds", "2")) == [*once, *(f"seed2/{name}" for name in once)]


def test_each_task_has_its_data_its_method_and_the_separate_network_of_its_seed_and_fold(root, work, tmp_path):
    options = ["--seeds", "2", "--shared-layers", "3", "--batchnorm", "shared", "--passes", "ser=2"]
    options += ["--nnet-config", "asr=conf/quick/asr.conf", "--nnet-config", "ser=conf/quick/ser.conf"]
    hybrid = _list(root, work, tmp_path, *options)["seed2/hybrid/asr+ser/l3/fold_Ses01M"]
    asr, ser = hybrid.parts
    assert (asr.task, ser.task, asr.fold, ser.fold) == ("asr", "ser", "Ses01M", "Ses01M")
    assert asr.training.sharing.baseline == f"{work}/exp/seed2/asr"
    assert ser.training.sharing.baseline == f"{work}/exp/seed2/ser/fold_Ses01M"
    assert {part.training.method.seed for part in hybrid.parts} == {2}
    assert {(p.training.sharing.shared_layers, p.training.sharing.batchnorm) for p in hybrid.parts} == {(3, "shared")}
    assert (asr.training.sharing.passes, ser.training.sharing.passes) == (1, 2)
    assert (asr.training.method.max_epochs, ser.training.method.max_epochs) == (12, 6)
    assert asr.training.shape.num_classes == 144 and ser.training.sources.class_names == tuple(EMOTIONS)
    assert asr.training.sources.train_feats == f"{work}/data_fbank/asr/train"
    for part in ("train", "dev"):
        assert getattr(ser.training.sources, f"{part}_feats") == f"{work}/exp/ser/folds/Ses01M/{part}"
    assert [entry.feats for entry in ser.evaluations] == [f"{work}/exp/ser/folds/Ses01M/{p}" for p in ("dev", "test")]
    assert asr.decodings == ("decode_dev", "decode_test") and ser.decodings == ()


def test_folds_of_one_name_go_together(root, work, tmp_path):
    data = json.loads((work / "exp/ser/task.json").read_text())
    (work / "exp/gender").mkdir()
    (work / "exp/gender/task.json").write_text(json.dumps(data | {"name": "gender", "folds": FOLDS[::-1]}))
    config = ["--nnet-config", "gender=conf/paper/ser.conf"]
    for hybrid in _list(root, work, tmp_path, "--tasks", "ser,gender", "--shared-layers", "2", *config).values():
        fold = hybrid.directory.rpartition("_")[2]
        assert [part.training.sharing.baseline.rpartition("_")[2] for part in hybrid.parts] == [fold, fold]


def test_of_tasks_with_other_folds_the_first_goes_with_the_first_and_the_shorter_list_begins_again(
    root, work, tmp_path
):
    data = json.loads((work / "exp/ser/task.json").read_text())
    (work / "exp/mood").mkdir()
    data |= {"name": "mood", "folds": ["a", "b", "c"]}
    (work / "exp/mood/task.json").write_text(json.dumps(data))
    config = ["--nnet-config", "mood=conf/paper/ser.conf"]
    hybrids = _list(root, work, tmp_path, "--tasks", "ser,mood", "--shared-layers", "2", *config)
    assert list(hybrids) == [f"hybrid/ser+mood/l2/fold_{fold}" for fold in "abc"]
    baselines = [run.parts[0].training.sharing.baseline for run in hybrids.values()]
    assert baselines == [f"{work}/exp/ser/fold_{fold}" for fold in ("Ses01F", "Ses01M", "Ses01F")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shared-layers", "6"], "--shared-layers=6: of 6 layers one is each task's own"),
        (["--passes", "gender=2"], "gender is none of the tasks asr,ser"),
        (["--passes", "ser=0"], "Invalid value for '--passes'"),
        (["--nnet-config", "asr"], "expected a task and its value"),
        (["--tasks", "asr,asr"], "asr is there twice"),
        (["--tasks", "asr,none"], "exp/none/task.json"),
    ],
)
def test_what_cannot_be_listed_is_refused_in_a_line(words, said, root, work):
    done = _call(root, *words, work)
    assert done.returncode != 0 and done.stdout == ""
    assert said in done.stderr.splitlines()[-1]
