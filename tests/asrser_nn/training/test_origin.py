"""A training goes on, and is taken as done, on the data and the layers that it began with, and on no others."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from asrser_io.tables import TableWriter
from asrser_nn.__main__ import cli
from asrser_nn.commands.runs import evaluation_of, training_of
from asrser_nn.data.corpus import changes, corpus_of, fingerprint
from asrser_nn.data.tables import read_feats, read_labels
from asrser_nn.network.model import load_model, network_checksum
from asrser_nn.runs import Run

NAMES = "--class-names=a,b,c,silence"


@pytest.fixture
def utterances(world: Path):
    """Of the little world by part: [(utterance, features, labels), …]."""
    parts = {}
    for part in ("train", "dev"):
        labels = dict(read_labels(str(world / part)))
        parts[part] = [(key, feats.copy(), labels[key].copy()) for key, feats in read_feats(str(world / part))]
    return parts


def write(folder: Path, utterances) -> list[str]:
    """A data directory; returns it as features and labels."""
    folder.mkdir(exist_ok=True)
    for column, (name, kind) in enumerate((("feats", "matrix"), ("labels", "int_vector")), 1):
        with TableWriter(f"ark,scp:{folder}/{name}.ark,{folder}/{name}.scp", kind) as writer:
            for utterance in utterances:
                writer.write(utterance[0], utterance[column])
    return [str(folder)] * 2


@pytest.fixture
def call(capfd, small_options):
    """Run a command in this process: (exit status, stderr)."""

    def run(*words) -> tuple[int, str]:
        status = 0
        try:
            cli([str(word) for word in words])
        except SystemExit as end:
            status = int(end.code or 0)
        return status, capfd.readouterr().err

    return run


@pytest.fixture
def data(utterances, tmp_path):
    return [*write(tmp_path / "train", utterances["train"]), *write(tmp_path / "dev", utterances["dev"])]


@pytest.fixture
def kill_after(monkeypatch):
    """The process ends before the checkpoint of an epoch."""

    def arm(epoch: int) -> None:
        from asrser_nn.training.display import LineDisplay

        def end_epoch(self, record) -> None:
            if record["epoch"] == epoch:
                raise KeyboardInterrupt

        monkeypatch.setattr(LineDisplay, "end_epoch", end_epoch)

    return arm


def fewer(part):
    return part[:-1]


def louder(part):
    return [(name, feats + np.float32(0.5) * (i == 0), labels) for i, (name, feats, labels) in enumerate(part)]


def relabelled(part):
    (name, feats, labels), *rest = part
    return [(name, feats, (labels + 1) % 4), *rest]


def renamed(part):
    return [(f"{name}x", feats, labels) for name, feats, labels in part]


CHANGES = {
    fewer: "train: 40 utterances, now 39, {frames} frames, now {fewer}",
    louder: "train: other features (their mean 5.",
    relabelled: "train: other labels",
    renamed: "train: other names",
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("killed", [True, False])
def test_other_data_behind_the_same_names_are_refused(
    change, killed, data, utterances, call, kill_after, monkeypatch, small_options, tmp_path
):
    arguments = ["train", *small_options, NAMES, "--max-epochs=3", *data, tmp_path / "run"]
    with monkeypatch.context():
        if killed:
            kill_after(2)
        assert call(*arguments)[0] == (130 if killed else 0)
    monkeypatch.undo()
    left = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    assert ("checkpoint.pt" in left) == killed and ("final.pt" in left) != killed
    write(tmp_path / "train", change(utterances["train"]))
    status, said = call(*arguments)
    frames = [len(labels) for _, _, labels in utterances["train"]]
    expected = CHANGES[change].format(frames=sum(frames), fewer=sum(frames[:-1]))
    assert status == 1 and said.count("\n") == 1 and expected in said and "remove it" in said
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == left
    write(tmp_path / "train", utterances["train"])  # the same again
    assert call(*arguments)[0] == 0


def test_another_dev_set_is_refused(data, utterances, call, small_options, tmp_path):
    arguments = ["train", *small_options, NAMES, "--max-epochs=1", *data, tmp_path / "run"]
    assert call(*arguments)[0] == 0
    write(tmp_path / "dev", fewer(utterances["dev"]))
    status, said = call(*arguments)
    assert status == 1 and "(dev: 8 utterances, now 7, " in said


def test_the_same_data_elsewhere_are_the_same(data, utterances, call, small_options, tmp_path):
    options = ["train", *small_options, NAMES, "--max-epochs=1"]
    assert call(*options, *data, tmp_path / "run")[0] == 0
    moved = [*write(tmp_path / "moved", utterances["train"]), f"{tmp_path}/x/../dev", f"scp:{tmp_path}/dev/labels.scp"]
    (tmp_path / "x").mkdir()
    status, said = call(*options, *moved, tmp_path / "run")
    assert (status, said) == (0, f"asrser_nn: {tmp_path}/run is complete: nothing to do\n")


def test_layers_of_a_source_that_was_trained_again_are_refused(data, call, small_options, tmp_path):
    source = ["train", *small_options, NAMES, "--max-epochs=1", *data, tmp_path / "source"]
    moved = ["transfer", "--from", tmp_path / "source", "--constant-layers=2", *small_options, NAMES, "--max-epochs=1"]
    assert call(*source)[0] == 0 and call(*moved, *data, tmp_path / "run")[0] == 0
    (tmp_path / "source/final.pt").unlink()
    assert call(*source, "--seed=2")[0] == 0
    status, said = call(*moved, *data, tmp_path / "run")
    assert status == 1 and "(layers: others than those of the source now)" in said


@pytest.mark.parametrize("name", ["checkpoint.pt", "final.pt"])
def test_what_an_older_version_left_is_refused(name, data, call, kill_after, monkeypatch, small_options, tmp_path):
    arguments = ["train", *small_options, NAMES, "--max-epochs=2", *data, tmp_path / "run"]
    if name == "checkpoint.pt":
        kill_after(2)
    call(*arguments)
    monkeypatch.undo()
    content = torch.load(tmp_path / "run" / name, weights_only=True)
    del content.get("about", content)["data"]
    torch.save(content, tmp_path / "run" / name)
    status, said = call(*arguments)
    assert status == 1 and "of an older version of asrser_nn, which does not say on what data" in said


def test_a_directory_where_another_process_is_at_work_is_refused(data, call, small_options, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/claim.1").touch()
    status, said = call("train", *small_options, NAMES, *data, tmp_path / "run")
    assert status == 1 and f"{tmp_path}/run: another process is at work in it" in said


def test_a_complete_run_of_a_grid_is_refused_when_its_test_set_has_changed(
    data, utterances, call, small_options, tmp_path
):
    (tmp_path / "classes").write_text("".join(f"{name} a\n" for name, _, _ in utterances["dev"]))
    runs = []
    for name in "ab":
        directory = f"{tmp_path}/{name}"
        training = training_of(["train", *small_options, NAMES, "--max-epochs=1", *data, directory])
        deciding = ["--silence-class=silence", f"--utt2class={tmp_path}/classes", f"--json={directory}/test.json"]
        evaluation = evaluation_of([*deciding, directory, *data[2:]])
        runs.append(Run(directory, "ser", None, name, training, (evaluation,)))
    lines = [json.dumps(run.as_data()) + "\n" for run in runs]
    (tmp_path / "one").write_text(lines[0])
    (tmp_path / "both").write_text("".join(lines))
    assert call("grid", tmp_path / "one")[0] == 0
    data_of_test = json.loads((tmp_path / "a/test.json").read_text())["data"]
    assert data_of_test["utterances"] == 8 and "classes" in data_of_test["sha256"]
    marked = json.loads((tmp_path / "a/run.json").read_text())["origin"]  # the report asks it
    network = network_checksum(load_model(tmp_path / "a").network)
    assert (marked["evaluation 1"], marked["network"]) == (data_of_test, network)
    assert json.loads((tmp_path / "a/test.json").read_text())["network"] == network
    assert call("grid", tmp_path / "one")[0] == 0

    (tmp_path / "classes").write_text("".join(f"{name} b\n" for name, _, _ in utterances["dev"]))
    status, said = call("grid", tmp_path / "both")
    assert status == 1 and f"{tmp_path}/a was made from other data" in said
    assert "(evaluation 1: other classes)" in said
    assert not (tmp_path / "b").exists()  # before anything is made


def test_a_fingerprint_is_of_the_data_and_not_of_their_windows(utterances):
    found = [fingerprint(corpus_of(list(utterances["dev"]), context)) for context in (0, 6)]
    assert found[0] == found[1] and changes(*found) == ""
    values = np.concatenate([feats for _, feats, _ in utterances["dev"]]).astype(np.float64)
    assert found[0]["mean"] == pytest.approx(values.mean(), rel=1e-5)
    labels = np.concatenate([labels for _, _, labels in utterances["dev"]])
    assert found[0]["label_counts"] == {str(i): int((labels == i).sum()) for i in range(4)}
    assert (found[0]["frames"], found[0]["coefficients"]) == values.shape


def test_where_one_utterance_ends_and_the_next_begins_is_part_of_the_fingerprint(utterances):
    (_, feats, labels), *_ = utterances["dev"]
    ways = []
    for cut in (5, 6):
        parts = [("a", feats[:cut], labels[:cut]), ("b", feats[cut:], labels[cut:])]
        ways.append(fingerprint(corpus_of(parts, 6)))
    assert changes(*ways) == "other names"


def test_info_tells_the_data_in_a_line(data, call, capfd, small_options, tmp_path):
    call("train", *small_options, NAMES, "--max-epochs=1", *data, tmp_path / "run")
    with pytest.raises(SystemExit):
        cli(["info", str(tmp_path / "run")])
    said = capfd.readouterr().out
    assert "train: 40 utterances, " in said and "dev: 8 utterances, " in said and "sha256" not in said


def test_a_run_whose_network_is_trained_again_loses_its_mark_and_its_decodings(data, call, small_options, tmp_path):
    directory = tmp_path / "run"
    training = training_of(["train", *small_options, NAMES, "--max-epochs=1", *data, str(directory)])
    evaluation = evaluation_of([f"--json={directory}/dev.json", str(directory), *data[2:]])
    run = Run(str(directory), "asr", None, None, training, (evaluation,), ("decode_dev",))
    (tmp_path / "runs").write_text(json.dumps(run.as_data()) + "\n")
    assert call("grid", tmp_path / "runs")[0] == 0
    (directory / "decode_dev").mkdir()
    (directory / "decode_dev/best_wer").touch()
    (directory / "final.pt").unlink()
    other = replace(training, method=replace(training.method, seed=2))
    words = [f"--{name}={value}" for name, value in (("seed", other.method.seed), ("max-epochs", 1))]
    assert call("train", *small_options, NAMES, *words, *data, directory)[0] == 0  # by hand, with another seed
    assert not (directory / "run.json").exists()
    (directory / "final.pt").unlink()
    assert call("grid", tmp_path / "runs")[0] == 0
    assert not (directory / "decode_dev/best_wer").exists()
