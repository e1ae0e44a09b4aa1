"""The list of the study's runs."""

import json
import os
import subprocess
import sys

import pytest

FOLDS = [f"Ses0{session}{gender}" for session in range(1, 5) for gender in "FM"]
EMOTIONS = ["anger", "happiness", "sadness", "neutral", "silence"]


@pytest.fixture(scope="module")
def work(declare_tasks, tmp_path_factory):
    return declare_tasks(tmp_path_factory.mktemp("work"), FOLDS, EMOTIONS)


def _call(root, *words):
    command = [sys.executable, root / "local/list_runs.py", *words]
    # LC_ALL=C, as path.sh has it
    return subprocess.run(command, capture_output=True, text=True, cwd=root, env=dict(os.environ, LC_ALL="C"))


def _list(root, work, task, *options, train=()):
    done = _call(root, *options, work, task, "--", *train)
    assert done.returncode == 0, done.stderr
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    return {run["directory"].removeprefix(f"{work}/exp/"): run for run in runs}


def test_the_study_of_the_paper_is_105_runs(root, work):
    asr, ser = _list(root, work, "asr"), _list(root, work, "ser")
    assert list(asr) == ["asr", *(f"transfer/ser2asr/l{n}/fold_{fold}" for n in range(6) for fold in FOLDS)]
    assert list(ser) == [
        *(f"ser/fold_{fold}" for fold in FOLDS),
        *(f"transfer/asr2ser/l{n}/fold_{fold}" for n in range(6) for fold in FOLDS),
    ]
    assert len(asr) + len(ser) == 105


def test_a_third_task_adds_its_baselines_and_every_ordered_pair(root, declare_tasks, tmp_path):
    declare_tasks(tmp_path, FOLDS, EMOTIONS)
    for task, classes in (("ser", EMOTIONS), ("gender", ["female", "male", "silence"])):
        folds = tmp_path / f"exp/{task}/folds"
        for fold in FOLDS:
            of_part = {"train": [other for other in FOLDS if other != fold], "dev": ["Ses05F"], "test": [fold]}
            for part, speakers in of_part.items():
                (folds / fold / part).mkdir(parents=True, exist_ok=True)
                (folds / fold / part / "utt2spk").write_text("".join(f"{spk}-1 {spk}\n" for spk in speakers))
            (folds / fold / "train/classes").write_text("".join(f"{name}\n" for name in classes))
        (folds / "list").write_text("".join(f"{fold}\n" for fold in FOLDS))
    subprocess.run([sys.executable, root / "local/declare_task.py", tmp_path, "gender"], check=True)
    config = ["--tasks", "asr,ser,gender", "--nnet-config", root / "conf/paper/ser.conf"]
    runs = {task: list(_list(root, tmp_path, task, *config)) for task in ("ser", "gender")}
    runs["asr"] = list(_list(root, tmp_path, "asr", "--tasks", "asr,ser,gender"))
    for task, listed in runs.items():
        baselines = ["asr"] if task == "asr" else [f"{task}/fold_{fold}" for fold in FOLDS]
        others = [source for source in runs if source != task]
        pairs = [f"transfer/{s}2{task}/l{n}/fold_{fold}" for s in others for n in range(6) for fold in FOLDS]
        assert sorted(listed) == sorted(baselines + pairs)
    assert sum(map(len, runs.values())) == 1 + 8 + 8 + 6 * 6 * 8  # six ordered pairs


def test_every_transfer_takes_its_layers_from_the_other_task_and_the_data_of_its_own(root, work):
    for name, run in _list(root, work, "ser").items():
        folder = f"{work}/exp/ser/folds/{name.rpartition('_')[2]}"
        training, (dev, test) = run["training"], run["evaluations"]
        assert [training[f"{part}_{kind}"] for part in ("train", "dev") for kind in ("feats", "labels")] == [
            f"{folder}/{part}" for part in ("train", "train", "dev", "dev")
        ]
        assert (dev["feats"], test["feats"]) == (f"{folder}/dev", f"{folder}/test")
        assert test["utt2class"] == f"{folder}/test/utt2emotion" and test["silence_class"] == "silence"
        assert training.get("source") == (f"{work}/exp/asr" if name.startswith("transfer") else None)
        assert training["class_names"] == EMOTIONS and run["decodings"] == []
    for name, run in _list(root, work, "asr").items():
        assert run["training"]["num_classes"] == 144 and run["decodings"] == ["decode_dev", "decode_test"]
        assert run["evaluations"][1]["labels"] == f"ark:{work}/exp/transfer/pdf.test.ark"
        if name.startswith("transfer"):
            assert run["training"]["source"] == f"{work}/exp/ser/fold_{run['fold']}"
            assert name == f"transfer/ser2asr/l{run['training']['constant_layers']}/fold_{run['fold']}"


def test_a_run_says_what_it_is(root, work):
    runs = _list(root, work, "ser") | _list(root, work, "asr")
    what = {name: (run["task"], run["source_task"], run["fold"]) for name, run in runs.items()}
    assert what["asr"] == ("asr", None, None)
    assert what["ser/fold_Ses01F"] == ("ser", None, "Ses01F")
    assert what["transfer/asr2ser/l3/fold_Ses02M"] == ("ser", "asr", "Ses02M")
    assert what["transfer/ser2asr/l0/fold_Ses02M"] == ("asr", "ser", "Ses02M")


def test_configuration_and_further_options_are_in_the_list(root, work, tmp_path):
    (tmp_path / "x.conf").write_text("--hidden=8,9,10   # few\n--max-epochs=7\n")
    options = ["--nnet-config", tmp_path / "x.conf"]
    for run in _list(root, work, "ser", *options, train=["--max-epochs", "2", "--precision", "bf16"]).values():
        assert (run["training"]["hidden"], run["training"]["max_epochs"]) == ([8, 9, 10], 2)
        assert {entry["precision"] for entry in (run["training"], *run["evaluations"])} == {"bf16"}


def test_a_part_of_the_grid_can_be_picked(root, work):
    assert set(_list(root, work, "asr", "--layers", "none")) == {"asr"}
    picked = _list(root, work, "ser", "--layers", "0,5")
    assert {run.split("/")[2] for run in picked if run.startswith("transfer")} == {"l0", "l5"}


def test_other_seeds_repeat_everything_beside_the_first(root, work):
    once, thrice = _list(root, work, "asr"), _list(root, work, "asr", "--seeds", "3")
    assert set(thrice) == {*once, *(f"seed{seed}/{run}" for run in once for seed in (2, 3))}
    assert thrice["seed2/transfer/ser2asr/l0/fold_Ses01F"]["training"]["source"] == f"{work}/exp/seed2/ser/fold_Ses01F"
    seeds = {name: run["training"]["seed"] for name, run in thrice.items()}
    assert all(seed == (int(name[4]) if name.startswith("seed") else 1) for name, seed in seeds.items())


def test_controls_take_layers_from_the_same_task_and_at_random(root, work):
    runs = _list(root, work, "asr", "--controls", "0,2,5")
    # no random layer held constant is training from scratch, so that l = 0 is missing there
    random = {f"transfer/random2asr/l{n}/draw_{draw}" for n in (2, 5) for draw in (1, 2)}
    own = {f"transfer/asr2asr/l{n}" for n in (0, 2, 5)}
    fitted = {f"transfer/fitted+ser2asr/l{n}/fold_{fold}" for n in (2, 5) for fold in FOLDS}
    assert set(runs) - set(_list(root, work, "asr")) == {*own, *random, *fitted}
    assert {runs[name]["training"]["statistics"] for name in fitted} == {"fitted"}
    assert {runs[name]["training"]["source"] for name in fitted} == {f"{work}/exp/ser/fold_{fold}" for fold in FOLDS}
    assert {runs[name]["source_task"] for name in fitted} == {"fitted+ser"}
    assert runs["transfer/asr2asr/l2"]["training"]["source"] == f"{work}/exp/asr"
    assert {runs[name]["source_task"] for name in random} == {"random"}


def test_random_layers_are_other_ones_for_each_fold_and_each_draw(root, work):
    def of_random(runs):
        return {name: run["training"]["source"] for name, run in runs.items() if "random2ser" in name}

    three = of_random(_list(root, work, "ser", "--controls", "3", "--random-draws", "3"))
    assert len(three) == len(set(three.values())) == 3 * len(FOLDS)
    # Fewer draws, or further seeds, leave the others as they are.
    assert of_random(_list(root, work, "ser", "--controls", "3")).items() < three.items()
    seeds = of_random(_list(root, work, "ser", "--controls", "3", "--seeds", "2"))
    assert seeds["seed2/transfer/random2ser/l3/fold_Ses01F_draw_1"] == "random:fold_Ses01F_draw_1"


def test_names_outside_ascii_come_through_as_they_are(root, declare_tasks, tmp_path):
    """As folder, speaker and emotion; the folder's name is not even UTF-8, but Latin-1."""
    work = tmp_path / os.fsdecode("Gerätè $'\"".encode() + b" \xe4")
    declare_tasks(work, ["Jürgen"], ["Ärger", "neutral", "silence"])
    ((name, run),) = _list(root, work, "ser", "--layers", "none").items()
    assert name == "ser/fold_Jürgen" and run["training"]["class_names"] == ["Ärger", "neutral", "silence"]
    assert run["directory"] == f"{work}/exp/ser/fold_Jürgen"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--layers", "all", "{work}", "ser"], "expected numbers with commas, such as 0,3,5, or none"),
        (["--layers", "0,5", "--controls", "3", "{work}", "ser"], "--controls 3 is not among --layers 0,5"),
        (["--random-draws", "0", "{work}", "ser"], "at least 1, not 0"),
        (["--seeds", "0", "{work}", "ser"], "at least 1, not 0"),
        (["--seeds", "3", "{work}", "ser", "--", "--seed", "2"], "2 is the first one already"),
        (["--nnet-config", "/none.conf", "{work}", "ser"], "/none.conf"),
        (["{work}", "ser", "--", "--max-epochs", "many"], "Invalid value for '--max-epochs'"),
        (["{work}/none", "ser"], "no such file: {work}/none/exp/ser/task.json"),
        (["{work}", "gender"], "no such file: {work}/exp/gender/task.json"),
        (["--tasks", "asr,ser,gender", "{work}", "ser"], "no such file: {work}/exp/gender/task.json"),
    ],
)
def test_what_cannot_be_listed_is_refused_in_a_line(words, said, root, work):
    done = _call(root, *(word.format(work=work) for word in words))
    assert done.returncode != 0 and done.stdout == ""
    assert said.format(work=work) in done.stderr.splitlines()[-1]
