"""The commands as a recipe calls them: processes, files, exit status and one clear line."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from asrser_io.tables import TableWriter
from asrser_nn.__main__ import cli
from asrser_nn.commands.runs import evaluation_of, training_of
from asrser_nn.data.tables import read_feats, read_labels
from asrser_nn.runs import Run

COMMAND = [sys.executable, "-m", "asrser_nn"]


@pytest.fixture
def data(world: Path) -> list[str]:
    return [str(world / "train"), str(world / "train"), str(world / "dev"), str(world / "dev")]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: (exit status, stdout, stderr)."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        status = 0
        try:
            cli([str(argument) for argument in arguments])
        except SystemExit as end:
            status = int(end.code or 0)
        return (status, *capfd.readouterr())

    return run


@pytest.fixture(scope="module")
def trained(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory of a short training."""
    directory = tmp_path_factory.mktemp("trained") / "run"
    options = ["--context=6", "--channels=4,6", "--kernels=3x2,3x3", "--hidden=32,32,32", "--batch-size=32"]
    more = ["--max-epochs=3", "--class-names=a,b,c,silence", "--tensorboard"]
    parts = [world / "train", world / "train", world / "dev", world / "dev"]
    done = subprocess.run([*COMMAND, "train", *options, *more, *parts, directory], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{directory}: dev frame error ")
    epochs = [line.split(":")[0] for line in done.stderr.splitlines()]
    assert epochs == ["epoch 1", "epoch 2", "epoch 3"]  # line by line where stderr is no terminal
    return directory


def test_a_run_directory_holds_what_the_readme_says(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert names == {"final.pt", "config", "history.json", "learning_curve.png", "tensorboard"}
    history = json.loads((trained / "history.json").read_text())
    assert [record["epoch"] for record in history] == [1, 2, 3]
    assert (trained / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert any((trained / "tensorboard").iterdir())


def test_forward_writes_the_log_posteriors_of_every_utterance(trained: Path, world: Path, tmp_path: Path, call) -> None:
    status, _, _ = call("forward", trained, world / "dev", f"ark,scp:{tmp_path}/o.ark,{tmp_path}/o.scp")
    assert status == 0
    scores = dict(read_feats(f"scp:{tmp_path}/o.scp"))
    feats = dict(read_feats(str(world / "dev")))
    assert list(scores) == list(feats)
    for key, matrix in scores.items():
        assert matrix.shape == (len(feats[key]), 4)
        np.testing.assert_allclose(np.exp(matrix).sum(1), 1, rtol=1e-5)


def test_forward_to_a_pipe_gives_what_a_file_gets(trained: Path, world: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m asrser_nn forward {trained} scp:{world}/dev/feats.scp ark:- > {tmp_path}/o.ark"
    subprocess.run(command, shell=True, check=True)
    subprocess.run([*COMMAND, "forward", trained, world / "dev", f"ark:{tmp_path}/file.ark"], check=True)
    assert (tmp_path / "o.ark").read_bytes() == (tmp_path / "file.ark").read_bytes()


def test_a_rare_class_gains_over_a_common_one(trained: Path, world: Path, tmp_path: Path, call) -> None:
    (tmp_path / "counts").write_text(" [ 1000 100 0 10 ]\n")
    call("forward", trained, world / "dev", f"ark:{tmp_path}/posteriors")
    call("forward", f"--priors={tmp_path}/counts", trained, world / "dev", f"ark:{tmp_path}/likelihoods")
    posteriors = dict(read_feats(f"ark:{tmp_path}/posteriors"))
    total = 1000 + 100 + 1 + 10  # no class has a count below the floor of 1
    for key, matrix in read_feats(f"ark:{tmp_path}/likelihoods"):
        expected = posteriors[key] - np.log(np.array([1000, 100, 1, 10]) / total)
        np.testing.assert_allclose(matrix, expected, atol=1e-5)


def test_the_models_own_priors_are_its_training_labels(trained: Path, world: Path, tmp_path: Path, call) -> None:
    call("forward", trained, world / "dev", f"ark:{tmp_path}/posteriors")
    call("forward", "--pseudo-log-likelihoods", trained, world / "dev", f"ark:{tmp_path}/likelihoods")
    labels = np.concatenate([value for _, value in read_labels(str(world / "train"))])
    posteriors = dict(read_feats(f"ark:{tmp_path}/posteriors"))
    for key, matrix in read_feats(f"ark:{tmp_path}/likelihoods"):
        expected = posteriors[key] - np.log(np.bincount(labels) / len(labels))
        np.testing.assert_allclose(matrix, expected, atol=1e-5)


def test_priors_of_another_model_are_refused(trained: Path, world: Path, tmp_path: Path, call) -> None:
    (tmp_path / "counts").write_text(" [ 1 2 3 ]\n")
    status, _, err = call("forward", f"--priors={tmp_path}/counts", trained, world / "dev", f"ark:{tmp_path}/o.ark")
    assert status == 1
    assert "3 counts, but the model has 4 classes: priors of another model?" in err
    for wrong in ("-1", "nan", "inf"):
        (tmp_path / "counts").write_text(f" [ 1 2 3 {wrong} ]\n")
        status, _, err = call("forward", f"--priors={tmp_path}/counts", trained, world / "dev", f"ark:{tmp_path}/o.ark")
        assert status == 1 and "counts: a count that is negative, infinite or no number" in err
    (tmp_path / "counts").write_text(" [ 0 0 0 0 ]\n")
    status, _, err = call("forward", f"--priors={tmp_path}/counts", trained, world / "dev", f"ark:{tmp_path}/o.ark")
    assert status == 1 and "counts: all counts are 0" in err
    assert not (tmp_path / "o.ark").exists()


def test_evaluate_prints_and_writes_the_same_figures(trained: Path, world: Path, tmp_path: Path, call) -> None:
    out = tmp_path / "dev.json"
    status, text, _ = call(
        "evaluate", trained, world / "dev", world / "dev", "--json", out, "--predictions", tmp_path / "p"
    )
    assert status == 0
    result = json.loads(out.read_text())
    assert f"{result['frames']['error']:.2f} %" in text
    best = max(record["dev_accuracy"] for record in json.loads((trained / "history.json").read_text()))
    assert result["frames"]["error"] == pytest.approx(100 - best)
    assert len((tmp_path / "p").read_text().splitlines()) == 1 + 8


@pytest.mark.parametrize(("feats", "said"), [([[np.nan] * 12], "a feature that is infinite or no number"),
                                             (np.zeros((0, 12)), "a holds no frames")])  # fmt: skip
def test_forward_refuses_features_that_are_none(feats, said, trained: Path, tmp_path: Path, call) -> None:
    with TableWriter(f"ark:{tmp_path}/f.ark", "matrix") as writer:
        writer.write("a", np.asarray(feats, dtype=np.float32))
    status, _, err = call("forward", trained, f"ark:{tmp_path}/f.ark", f"ark:{tmp_path}/o.ark")
    assert status == 1 and said in err and len(err.splitlines()) == 1
    assert not (tmp_path / "o.ark").exists()


def test_decisions_on_utterances_need_the_class_of_each(trained: Path, world: Path, tmp_path: Path, call) -> None:
    names = list(dict(read_feats(str(world / "dev"))))
    lines, deciding = [f"{name} a\n" for name in names], ["--silence-class=silence"]
    for content, options, said in [
        (lines[1:], deciding, f"1 of the utterances are not in it, as {names[0]}"),
        ([f"{names[0]} silence\n", *lines[1:]], deciding, "of the class 'silence', expected one of a"),
        (lines, [], "--utt2class is for decisions on utterances, which need --silence-class"),
        (lines, [*deciding, f"--predictions={tmp_path}/out.json"], "--json and --predictions are to be different"),
        (lines, [*deciding, f"--predictions={tmp_path}/no/p"], f"{tmp_path}/no/p: there is no such folder"),
        (lines, ["--silence-class=sil"], "--silence-class=sil: this model's classes are a, b, c, silence"),
    ]:
        (tmp_path / "classes").write_text("".join(content))
        options = [*options, f"--utt2class={tmp_path}/classes", f"--json={tmp_path}/out.json"]
        status, _, err = call("evaluate", *options, trained, world / "dev", world / "dev")
        assert status == 1 and said in err and len(err.splitlines()) == 1
    assert not (tmp_path / "out.json").exists()


def test_utterances_that_are_left_out_are_counted_and_named(trained: Path, world: Path, tmp_path: Path, call) -> None:
    labels = dict(read_labels(str(world / "dev")))
    names = list(labels)
    with TableWriter(f"ark:{tmp_path}/l", "int_vector") as writer:
        for name in names[1:]:
            writer.write(name, labels[name])
    words = ["evaluate", trained, world / "dev", f"ark:{tmp_path}/l"]
    status, _, err = call(*words)
    assert status == 1 and f"1 of 8 utterances of {world}/dev and ark:{tmp_path}/l cannot be used" in err
    assert f"(1 without labels: {names[0]}); --max-lost allows 5 %" in err
    status, _, err = call(*words, "--max-lost=20")
    assert status == 0 and f"1 of 8 utterances of {world}/dev left out (1 without labels: {names[0]})" in err


def test_info_shows_layers_classes_and_origin(trained: Path, call) -> None:
    status, text, _ = call("info", trained)
    assert status == 0
    for part in ("4 × 5 × 6", "6 × 1 × 2", "classes: a b c silence", "--batch-size=32", "commit: ", "best_epoch: "):
        assert part in text


def test_a_complete_training_is_left_alone_and_another_one_refused(trained: Path, data: list[str], call) -> None:
    arguments = [line for line in (trained / "config").read_text().splitlines() if line.startswith("--")]
    before = (trained / "final.pt").stat().st_mtime_ns
    status, _, err = call("train", *arguments, *data, trained)
    assert (status, err) == (0, f"asrser_nn: {trained} is complete: nothing to do\n")
    status, _, err = call("train", *arguments, "--seed=7", *data, trained)
    assert status == 1 and "--seed=1" in err and "--seed=7" in err and "remove it" in err
    assert (trained / "final.pt").stat().st_mtime_ns == before


def test_the_config_of_a_run_trains_the_same_network_again(
    trained: Path, data: list[str], tmp_path: Path, call
) -> None:
    assert call("train", "--config", trained / "config", *data, tmp_path / "again")[0] == 0
    ours, theirs = (torch.load(path / "final.pt", weights_only=True) for path in (tmp_path / "again", trained))
    for name, value in ours["weights"].items():
        assert torch.equal(value, theirs["weights"][name]), name


def test_a_model_and_features_are_read_from_named_pipes(trained: Path, world: Path, tmp_path: Path, call) -> None:
    os.mkfifo(tmp_path / "model")
    os.mkfifo(tmp_path / "feats")
    feeders = [
        threading.Thread(target=(tmp_path / name).write_bytes, args=(content.read_bytes(),))
        for name, content in (("model", trained / "final.pt"), ("feats", world / "dev/feats.ark"))
    ]
    for feeder in feeders:
        feeder.start()
    assert call("forward", tmp_path / "model", f"ark:{tmp_path}/feats", f"ark:{tmp_path}/piped")[0] == 0
    assert call("forward", trained, world / "dev", f"ark:{tmp_path}/plain")[0] == 0
    for feeder in feeders:
        feeder.join()
    assert (tmp_path / "piped").read_bytes() == (tmp_path / "plain").read_bytes()


def test_a_config_of_another_editor_is_read_and_one_in_another_encoding_refused(data, tmp_path: Path, call) -> None:
    path = tmp_path / "windows.conf"
    path.write_bytes("# größer\r\n--precision=fp33".encode("utf-8-sig"))
    status, _, err = call("train", "--config", path, *data, tmp_path / "run")
    assert status != 0 and "'fp33' is not one of" in err  # the option is read, without mark and carriage return
    path.write_bytes("--precision=fp32\n# größer\n".encode("latin-1"))
    status, _, err = call("train", "--config", path, *data, tmp_path / "run")
    assert status == 1 and err.startswith(f"asrser_nn train: {path}, line 2: byte 0xF6 is not UTF-8")


def test_the_command_line_wins_over_a_config_and_a_later_config_over_an_earlier(data, tmp_path: Path, call) -> None:
    (tmp_path / "a.conf").write_text("# a comment\n--seed=2   # a reason\n--max-epochs=1\n--hidden=4,4,4\n")
    (tmp_path / "b.conf").write_text("--hidden=5,5,5\n--context=6\n--kernels=3x2,3x3\n--channels=2,2\n")
    configs = ["--config", tmp_path / "a.conf", "--config", tmp_path / "b.conf"]
    assert call("train", *configs, "--seed=3", *data, tmp_path / "run")[0] == 0
    text = (tmp_path / "run/config").read_text()
    for line in ("--seed=3\n", "--hidden=5,5,5\n", "--max-epochs=1\n"):
        assert line in text


@pytest.mark.parametrize("line", ["--no-such=1", "seed=1", "--seed 1"])
def test_an_unknown_line_of_a_config_is_refused_with_its_number(line: str, data, tmp_path: Path, call) -> None:
    (tmp_path / "a.conf").write_text(f"--seed=2\n{line}\n")
    status, _, err = call("train", "--config", tmp_path / "a.conf", *data, tmp_path / "run")
    assert status == 1 and "a.conf, line 2" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["paper/asr", "paper/ser", "quick/asr", "quick/ser"])
def test_the_shipped_configurations_are_read(name: str, root: Path, tmp_path: Path, call) -> None:
    _, _, err = call("train", "--config", root / f"conf/{name}.conf", *["ark:/absent"] * 4, tmp_path / "run")
    assert err == "asrser_nn train: ark:/absent: cannot read /absent: No such file or directory\n"


def test_labels_of_another_model_are_refused(data, small_options, tmp_path: Path, call) -> None:
    status, _, err = call("train", *small_options, "--num-classes=3", *data, tmp_path / "run")
    assert status == 1 and "has label 3, but there are 3 classes" in err and "another model?" in err


def test_features_of_another_dimension_are_refused(trained: Path, tmp_path: Path, call) -> None:
    with TableWriter(f"ark:{tmp_path}/f.ark", "matrix") as writer:
        writer.write("a", np.zeros((5, 13)))
    (tmp_path / "l").write_text("a 0 0 0 0 0\n")
    for command in (["forward", trained, f"ark:{tmp_path}/f.ark", f"ark:{tmp_path}/o"],
                    ["evaluate", trained, f"ark:{tmp_path}/f.ark", f"ark:{tmp_path}/l"]):  # fmt: skip
        status, _, err = call(*command)
        assert status == 1 and "13 coefficients per frame, but the model takes 12" in err
    assert not (tmp_path / "o").exists()


def test_utterances_in_both_train_and_dev_are_refused(data, small_options, tmp_path: Path, call) -> None:
    status, _, err = call("train", *small_options, *data[:2], *data[:2], tmp_path / "run")
    assert status == 1 and "40 utterances are in" in err


@pytest.mark.parametrize("content", [b"", b"x" * 1000, None])
def test_a_model_file_of_another_format_is_refused(content: bytes | None, tmp_path: Path, call) -> None:
    path = tmp_path / "final.pt"
    if content is None:
        torch.save({"weights": torch.zeros(3)}, path)  # of another toolkit
    else:
        path.write_bytes(content)
    status, _, err = call("info", path)
    assert status == 1 and "no model " in err and " of asrser_nn" in err
    assert call("info", tmp_path / "absent")[2].endswith("no such model file or run directory\n")


@pytest.mark.parametrize("limit", [2_000, 200_000])
def test_a_full_disk_leaves_nothing_half_written(limit: int, data, small_options, tmp_path: Path) -> None:
    """A limit on the size of a file stands for the full disk: at 2 kB the checkpoint fails."""
    done = subprocess.run(
        [*COMMAND, "train", *small_options, "--max-epochs=1", "--hidden=64,64,64", *data, tmp_path / "run"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    if limit == 2_000:
        assert done.returncode == 1
        assert "cannot write" in done.stderr and done.stderr.splitlines()[-1].endswith("checkpoint.pt: File too large")
        assert names == ["claim.1", "config"]
    else:
        assert done.returncode == 0, done.stderr


def test_a_folder_that_cannot_be_made_is_named(data, small_options, tmp_path: Path, call) -> None:
    (tmp_path / "file").write_text("")
    status, _, err = call("train", *small_options, *data, tmp_path / "file" / "run")
    assert status == 1 and f"{tmp_path}/file/run" in err and "Traceback" not in err


def test_ctrl_c_ends_with_130_and_the_same_command_continues(data, small_options, tmp_path: Path) -> None:
    command = [*COMMAND, "train", *small_options, "--max-epochs=200", "--patience=200", *data, tmp_path / "run"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "run/checkpoint.pt").exists():
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "interrupted; the same command continues" in err and "Traceback" not in err
    assert not any(path.name.endswith(".tmp") for path in (tmp_path / "run").iterdir())
    again = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert again.stderr is not None
    assert "continues after epoch" in again.stderr.readline()
    again.kill()
    again.communicate()


def write_list(path: Path, commands: dict[Path, list[str]], evaluated: list[str] | None = None) -> None:
    """A run for each directory, made by the command; evaluated: on these features and labels"""
    lines = []
    for directory, words in commands.items():
        evaluations = []
        if evaluated:
            evaluations.append(evaluation_of(["--json", f"{directory}/dev.json", str(directory), *evaluated]))
        source = "asr" if words[0] == "transfer" else None
        training = training_of([*words, str(directory)])
        run = Run(str(directory), "ser", source, None, training, tuple(evaluations))
        lines.append(json.dumps(run.as_data()) + "\n")
    path.write_text("".join(lines))


def test_ctrl_c_ends_all_runs_of_a_grid(data, small_options, tmp_path: Path) -> None:
    options = [*small_options, "--max-epochs=200", "--patience=200", *data]
    runs = [tmp_path / name for name in "ab"]
    write_list(tmp_path / "runs", {run: ["train", *options] for run in runs})
    command = [*COMMAND, "grid", "--together=2", "--threads=2", tmp_path / "runs"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not all((run / "checkpoint.pt").exists() for run in runs):
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted; the same command continues" in err and "Traceback" not in err


def test_runs_trained_together_are_those_trained_alone(data, small_options, trained: Path, tmp_path: Path) -> None:
    """Byte for byte, with early stopping at different epochs and layers that come from another network."""
    sizes = small_options[:4]  # without the batch size, which is not that of `trained`
    methods = [
        ["train", *sizes, "--max-epochs=6", "--learning-rate=0.01", "--seed=1"],
        ["train", *sizes, "--max-epochs=9", "--patience=1", "--learning-rate=0.03", "--seed=2"],
        ["transfer", f"--from={trained}", "--constant-layers=1", *sizes, "--max-epochs=4", "--seed=3"],
        ["transfer", "--from=random", "--constant-layers=3", *sizes, "--max-epochs=5", "--seed=4"],
    ]
    runs = {}
    for number, method in enumerate(methods):
        alone, run = tmp_path / f"alone{number}", tmp_path / f"together{number}"
        subprocess.run([*COMMAND, *method, "--threads=1", *data, alone], check=True)
        runs[run] = [*method, *data]
    write_list(tmp_path / "runs", runs, data[2:])
    done = subprocess.run(
        [*COMMAND, "grid", "--together=3", "--threads=3", tmp_path / "runs"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "" and "4 to do, 3 at a time" in done.stderr and "4/4" in done.stderr
    epochs = set()
    for number in range(len(methods)):
        alone, run = tmp_path / f"alone{number}", tmp_path / f"together{number}"
        assert (run / "final.pt").read_bytes() == (alone / "final.pt").read_bytes()
        epochs.add(len(json.loads((run / "history.json").read_text())))
        output = (run / "output").read_text()
        assert output.startswith(f"{run}: dev frame error") and output.count("dev frame error") == 1
    assert len(epochs) > 1


def test_transfer_leaves_a_directory_with_its_checksums(
    trained: Path, data, small_options, tmp_path: Path, call
) -> None:
    arguments = ["transfer", "--from", trained, "--constant-layers=4", "--max-epochs=1", *small_options, *data]
    status, out, err = call(*arguments, tmp_path / "run")
    assert status == 0 and "dev frame error" in out
    assert [line.split(":")[0] for line in err.splitlines()] == ["epoch 0", "epoch 1"]
    result = json.loads((tmp_path / "run/transfer.json").read_text())
    assert len(result["sha256_before"]) == 4 and result["sha256_before"] == result["sha256_after"]
    assert call(*arguments, tmp_path / "run")[2].endswith("is complete: nothing to do\n")


def test_gpu_asked_for_and_absent_is_an_error(trained: Path, world: Path, tmp_path: Path, call) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    status, _, err = call("forward", "--device=cuda", trained, world / "dev", f"ark:{tmp_path}/o.ark")
    assert status == 1 and "finds no GPU" in err


def test_help_is_quick_because_torch_is_not_imported() -> None:
    program = "import sys, asrser_nn.__main__ as m; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], env=dict(os.environ)).returncode == 0
