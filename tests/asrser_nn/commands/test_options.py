"""Options outside their range, and data that do not fit them, are one line, and nothing is made."""

import os
import subprocess
import sys

import numpy as np
import pytest

from asrser_io.tables import TableWriter
from asrser_nn.__main__ import cli

DATA = ["train", "train", "dev", "dev"]


@pytest.fixture
def refused(capfd, tmp_path):
    """Calls a command that must end with one line on stderr and leave no file; returns the line."""

    def call(*words, status=2) -> str:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as end:
            cli([str(word) for word in words])
        said = capfd.readouterr()
        assert end.value.code == status, said.err
        assert said.out == "" and len(said.err.splitlines()) == 1, said.err
        assert sorted(tmp_path.rglob("*")) == before
        return said.err

    return call


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "--dropout": ["1.5", "1", "-0.1", "nan", "half"],
        "--batch-size": ["0", "1", "-8", "2.5"],
        "--max-epochs": ["0", "-1"],
        "--patience": ["0"],
        "--hidden": ["0,16", "16,-1", "16,,16", "", "99999999"],
        "--channels": ["0,8", "8,8.5"],
        "--kernels": ["0x3,3x3", "3,3", "5x4x3,3x3"],
        "--paddings": ["-1x0,0x0"],
        "--pools": ["0x2,2x2"],
        "--context": ["-1", "99999"],
        "--learning-rate": ["nan", "inf", "0", "-0.001", "1e999"],
        "--rmsprop-decay": ["1", "-0.5", "nan"],
        "--rmsprop-epsilon": ["0", "nan", "1e-300"],
        "--l2": ["-1", "inf"],
        "--seed": ["-1", str(2**64), "1.5"],
        "--threads": ["-1", "1000000"],
        "--max-lost": ["-1", "101", "nan"],
        "--num-classes": ["-1", "99999999"],
        "--class-names": ["a,a,b", "a,,b", "a b,c", ","],
        "--precision": ["fp16"],
        "--device": ["tpu"],
    }.items(),
)
def test_a_value_out_of_range_is_refused_on_the_command_line_and_in_a_configuration(name, values, refused, tmp_path):
    for value in values:
        said = refused("train", f"{name}={value}", *DATA, tmp_path / "run")
        assert said.startswith(f"asrser_nn train: Invalid value for '{name}'"), said
    (tmp_path / "x.conf").write_text(f"# of a test\n{name}={values[0]}   # a reason\n")
    said = refused("train", "--config", tmp_path / "x.conf", *DATA, tmp_path / "run", status=1)
    assert f"{tmp_path}/x.conf, line 2: Invalid value for '{name}'" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["transfer", "--from=x", "--constant-layers=-1", *DATA, "run"], "--constant-layers"),
        (["transfer", "--from=x", "--constant-layers=1", "--cache-gb=nan", *DATA, "run"], "--cache-gb"),
        (["transfer", "--from=x", "--constant-layers=1", "--cache-gb=inf", *DATA, "run"], "--cache-gb"),
        (["transfer", "--from=x", "--constant-layers=1", "--cache-gb=-1", *DATA, "run"], "--cache-gb"),
        (["grid", "--only=0", "runs"], "--only"),
        (["grid", "--together=-1", "runs"], "--together"),
        (["grid", "--cache-gb=nan", "runs"], "--cache-gb"),
        (["forward", "--prior-floor=0", "m", "f", "ark:o"], "--prior-floor"),
        (["forward", "--prior-floor=nan", "m", "f", "ark:o"], "--prior-floor"),
        (["forward", "--prior-floor=2", "m", "f", "ark:o"], "--prior-floor needs --pseudo-log-likelihoods"),
        (["forward", "--threads=-1", "m", "f", "ark:o"], "--threads"),
        (["evaluate", "--max-lost=nan", "m", "f", "l"], "--max-lost"),
        (["predict", "--acoustic-scale=-1", "a.wav"], "--acoustic-scale"),
        (["predict", "--acoustic-scale=nan", "a.wav"], "--acoustic-scale"),
        (["predict", "--window=inf", "a.wav"], "--window"),
    ],
)
def test_other_commands_have_ranges_too(words, said, refused):
    assert said in refused(*words)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--num-classes=3", "--class-names=a,b"], "--num-classes=3, but --class-names holds 2 names"),
        (["--kernels=5x4"], "--kernels is of 1 layers, but --channels of 2"),
        (["--pools=2x2,2x2,2x2"], "--pools is of 3 layers, but --channels of 2"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, said, refused, tmp_path):
    assert said in refused("train", *options, *DATA, tmp_path / "run", status=1)


def test_as_many_constant_layers_as_there_are_are_refused_before_anything_is_read(refused, tmp_path):
    words = ["transfer", "--from=x", "--constant-layers=6", *DATA, tmp_path / "run"]
    assert "--constant-layers=6: of 6 layers one must learn" in refused(*words, status=1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("--seed=2\n--seed=3\n", "line 2: --seed is there a second time, after line 1"),
        ("--config=other.conf\n", "line 1: expected --option=value with an option of this command"),
        ("--seed=2 3\n", "line 1: Invalid value for '--seed'"),
        ("--seed\n", "line 1: expected --option=value"),
        ("\xe4\n", "line 1: byte 0xE4 is not UTF-8"),
    ],
)
def test_a_line_of_a_configuration_that_cannot_be_meant_is_named(content, said, refused, tmp_path):
    (tmp_path / "x.conf").write_bytes(content.encode("latin-1"))
    assert f"{tmp_path}/x.conf, {said}" in refused("train", "--config", tmp_path / "x.conf", *DATA, "run", status=1)


def test_a_number_sign_inside_a_value_is_no_comment(refused, tmp_path):
    (tmp_path / "x.conf").write_text("--class-names=a#1,b#2   # two\n--num-classes=3\n")
    said = refused("train", "--config", tmp_path / "x.conf", *DATA, tmp_path / "run", status=1)
    assert "--class-names holds 2 names" in said


def write_data(folder, feats, labels):
    folder.mkdir()
    with TableWriter(f"ark,scp:{folder}/feats.ark,{folder}/feats.scp", "matrix") as writer:
        writer.write(folder.name, np.asarray(feats, dtype=np.float32))
    with TableWriter(f"ark,scp:{folder}/labels.ark,{folder}/labels.scp", "int_vector") as writer:
        writer.write(folder.name, np.asarray(labels, dtype=np.int32))
    return [folder, folder]


def test_data_that_do_not_fit_the_options_are_one_line(refused, tmp_path):
    feats = np.random.default_rng(0).standard_normal((10, 12))
    holed = np.where(np.arange(12) == 3, np.nan, feats)
    good, dev = write_data(tmp_path / "u", feats, [0, 1] * 5), write_data(tmp_path / "v", feats, [0, 1] * 5)
    cases = [
        (["--batch-size=256", *good, *dev], "u: 10 frames, fewer than a minibatch of 256; give a smaller --batch-size"),
        (["--kernels=13x4,3x3", *good, *dev], "--kernels 13x4 and --pools 2x2 are too large for layer 1"),
        (["--kernels=3x3,9x9", *good, *dev], "--kernels 9x9 and --pools 2x2 are too large for layer 2"),
        ([*write_data(tmp_path / "nan", holed, [0, 1] * 5), *dev], "has a feature that is infinite or no number"),
        ([*write_data(tmp_path / "neg", feats, [0, -1] * 5), *dev], "neg has label -1"),
        ([*write_data(tmp_path / "huge", feats, [0, 2**31 - 1] * 5), *dev], "huge has label 2147483647"),
        (["--num-classes=1", *good, *dev], "u has label 1, but there are 1 classes"),
    ]
    for words, said in cases:
        words = ["--batch-size=8", "--kernels=3x3,3x3", *words]
        assert said in refused("train", *words, tmp_path / "run", status=1)


def test_a_network_that_memory_cannot_hold_is_one_line(tmp_path):
    feats = np.zeros((10, 12))
    data = [*write_data(tmp_path / "u", feats, [0, 1] * 5), *write_data(tmp_path / "v", feats, [0, 1] * 5)]
    options = ["--batch-size=8", "--hidden=65536,65536,65536", "--kernels=3x3,3x3"]
    # a limit stands for a smaller machine
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))"
    program = f"{limit}; from asrser_nn.__main__ import cli; cli()"
    words = [sys.executable, "-c", program, "train", *options]
    done = subprocess.run([*words, *data, tmp_path / "run"], capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "not enough memory" in done.stderr and not (tmp_path / "run").exists()
