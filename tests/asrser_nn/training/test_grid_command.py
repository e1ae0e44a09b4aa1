"""`asrser_nn grid` reads a list of runs as data, and refuses in one line what is none."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from asrser_nn.__main__ import cli
from asrser_nn.commands.runs import evaluation_of, read_list, training_of
from asrser_nn.runs import Run, Transfer

DATA = ["train data", "ark:gunzip -c 'a'.*.gz | x |", "dev", "dev"]


@pytest.fixture
def run():
    """With every kind of value, and with names that no shell would leave alone."""
    options = ["--class-names=Wut,Füße,silence", "--hidden=8,9,10", "--l2=1e-5"]
    training = training_of(["train", *options, *DATA, "exp/ä b"])
    deciding = ["--silence-class=silence", "--json", "exp/ä b/$dev.json"]
    evaluation = evaluation_of([*deciding, "exp/ä b", "dev", "dev"])
    return Run("exp/ä b", "ser", None, "03'a", training, (evaluation,), ("decode_dev",))


def write_list(path, *entries):
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def test_a_list_reads_back_as_the_runs_that_were_written(run, tmp_path):
    transfer = replace(run.training, transfer=Transfer("exp/asr", 3))
    runs = [run, replace(run, directory="exp/b", source_task="asr", training=transfer)]
    assert read_list(write_list(tmp_path / "runs", *(run.as_data() for run in runs))) == runs


def test_a_list_is_ascii_whatever_the_names_are(run):
    odd = replace(run, directory=b"exp/\xe4".decode(errors="surrogateescape"))  # a folder's name in Latin-1
    line = json.dumps(odd.as_data())
    assert line.isascii() and json.loads(line)["directory"] == odd.directory


@pytest.mark.parametrize(
    ("where", "name", "value", "said"),
    [
        ((), "directory", 3, "are texts"),
        ((), "fold", "", "are texts"),
        ((), "task", None, "are texts"),
        ((), "evaluations", {}, "are lists"),
        ((), "extra", 1, "a run has no extra"),
        (("training",), "hidden", [8, "x"], "Invalid value for '--hidden'"),
        (("training",), "kernels", [[5, 4, 3]], "Invalid value for '--kernels'"),
        (("training",), "precision", "fp8", "Invalid value for '--precision'"),
        (("training",), "batch_size", "many", "Invalid value for '--batch-size'"),
        (("training",), "batch_size", 2.5, "Invalid value for '--batch-size'"),
        (("training",), "seed", None, "Invalid value for '--seed'"),
        (("training",), "train_feats", 5, "Invalid value for 'TRAIN_FEATS'"),
        (("training",), "source", "exp/asr", "train has no source"),
        (("evaluations", 0), "max_lost", [5], "Invalid value for '--max-lost'"),
        (("evaluations", 0), "feats", None, "Invalid value for 'FEATS'"),
    ],
)
def test_a_value_that_an_option_would_not_take_is_refused_with_its_line(where, name, value, said, run, tmp_path):
    good, wrong = run.as_data(), json.loads(json.dumps(run.as_data() | {"directory": "exp/b"}))
    part = wrong
    for step in where:
        part = part[step]
    part[name] = value
    write_list(tmp_path / "runs", good, wrong)
    result = CliRunner().invoke(cli, ["grid", str(tmp_path / "runs")])
    assert result.exit_code == 1
    assert f"{tmp_path}/runs, line 2: " in result.stderr and said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_name_that_is_missing_is_told(run, tmp_path):
    data = run.as_data()
    del data["training"]["l2"]
    result = CliRunner().invoke(cli, ["grid", str(write_list(tmp_path / "runs", data))])
    assert result.exit_code == 1 and "line 1: train lacks l2" in result.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"exp/a\ttrain x\n", "line 1: expected a run as JSON"),  # the form that lists had before
        (b"\n", "line 1: expected a run as JSON"),
        (b"", "there is no run in it"),
        (b"[]\n", "line 1: expected a run as names and values, found []"),
        (b'{"directory": "\xe4"}\n', "line 1: byte 0xE4 is not UTF-8"),
    ],
)
def test_a_file_that_is_no_list_is_refused(content, said, tmp_path):
    (tmp_path / "runs").write_bytes(content)
    result = CliRunner().invoke(cli, ["grid", str(tmp_path / "runs")])
    assert result.exit_code == 1 and said in result.stderr and len(result.stderr.splitlines()) == 1


def test_a_directory_may_stand_in_a_list_once(run, tmp_path):
    again = run.as_data() | {"directory": f"x/../{run.directory}"}
    result = CliRunner().invoke(cli, ["grid", str(write_list(tmp_path / "runs", run.as_data(), again))])
    assert result.exit_code == 1 and "line 2: the directory x/../exp/ä b stands there twice" in result.stderr


def test_a_number_of_no_run_and_another_precision_than_the_lists_are_refused(run, tmp_path):
    path = write_list(tmp_path / "runs", run.as_data())
    result = CliRunner().invoke(cli, ["grid", "--only", "2", str(path)])
    assert result.exit_code == 1 and "has 1 runs; there is no run 2" in result.stderr
    result = CliRunner().invoke(cli, ["grid", "--precision", "bf16", str(path)])
    assert result.exit_code == 1 and "--precision=bf16, but" in result.stderr
