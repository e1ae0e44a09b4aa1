"""The training is the paper's, repeatable, resumable, and stops when it should."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from asrser_io.files import Failure
from asrser_nn.network.convnet import ConvNet, Shape, log_posteriors
from asrser_nn.network.model import load_model
from asrser_nn.runs import Method, Training
from asrser_nn.training.loop import Data, Display, Learner, Progress, dev_scores, fit, make_optimiser, train_epoch
from asrser_nn.training.run import Computing, train_network
from asrser_nn.training.transfer import CacheMemory

HOW = Computing(torch.device("cpu"), CacheMemory(0))


class Killed(Exception):
    pass


class KilledAfter(Display):
    """Stands for a kill: the process ends when the given epoch has been trained, before its checkpoint."""

    def __init__(self, epoch: int):
        self.epoch = epoch

    def end_epoch(self, record) -> None:
        if record["epoch"] == self.epoch:
            raise Killed


def run(directory: Path, make_corpus, training: Training, display: Display | None = None):
    directory.mkdir(exist_ok=True)
    data = Data(make_corpus(1, 20), make_corpus(2, 5), [*"abcd"])
    return train_network(directory, training, data, HOW, display or Display())


def with_method(training: Training, **changes) -> Training:
    return replace(training, method=replace(training.method, **changes))


def learner(network: ConvNet, method: Method) -> Learner:
    return Learner(network, make_optimiser(network, 0, method), 0, method, Display())


def test_one_step_is_rmsprop_with_l2_in_the_gradient_of_convolution_weights_only(
    small_network: ConvNet, make_corpus, method: Method
) -> None:
    method = replace(method, l2=0.5)
    corpus = make_corpus(1, 5)
    network = small_network
    for layer in network.layers:
        if hasattr(layer, "dropout"):
            layer.dropout.p = 0.0
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    network.train()
    labels = corpus.labels[:32]
    F.cross_entropy(network(corpus.inputs(torch.arange(32))), labels).backward()
    optimiser = make_optimiser(network, 0, method)
    optimiser.step()
    for name, parameter in network.named_parameters():
        gradient = parameter.grad + (0.5 * before[name] if name.endswith("conv.weight") else 0)
        mean_square = 0.01 * gradient**2  # decay 0.99, from zero
        expected = before[name] - 1e-3 * gradient / (mean_square.sqrt() + 1e-8)
        torch.testing.assert_close(parameter.detach(), expected, msg=name)


def test_each_frame_is_seen_at_most_once_an_epoch_in_an_order_that_changes(
    small_network: ConvNet, make_corpus, method: Method
) -> None:
    corpus = make_corpus(1, 5)
    seen: list[torch.Tensor] = []
    gather = corpus.inputs
    corpus.inputs = lambda frames: (seen.append(frames), gather(frames))[1]
    orders = []
    for seed in (1, 2):
        train_epoch([learner(small_network, method)], [corpus], seed)
        orders.append(torch.cat(seen).tolist())
        seen.clear()
    expected = corpus.num_frames // 32 * 32  # the last, partial minibatch is dropped
    assert [len(set(order)) for order in orders] == [expected, expected] == [len(order) for order in orders]
    assert orders[0] != orders[1]


def test_the_network_learns_and_the_model_holds_the_best_epoch(tmp_path: Path, make_corpus, training: Training) -> None:
    model = run(tmp_path / "run", make_corpus, with_method(training, max_epochs=8))
    assert model.about["dev_accuracy"] > 60  # chance is 25
    dev = make_corpus(2, 5)
    model.network.normalise(dev.rows)
    assert dev_scores(model.network, dev, 0, "fp32")[1] == pytest.approx(model.about["dev_accuracy"])
    loaded = load_model(tmp_path / "run")
    for name, value in model.network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], value), name
    assert loaded.label_counts.tolist() == torch.bincount(make_corpus(1, 20).labels).tolist()
    found = {path.name for path in (tmp_path / "run").iterdir()}
    assert found == {"final.pt", "config", "history.json", "learning_curve.png"}


def test_training_stops_when_dev_has_not_improved_for_the_patience(monkeypatch, small_network, method) -> None:
    accuracies = iter([50.0, 60.0, 55.0, 60.0, 59.0, 70.0])
    monkeypatch.setattr(
        "asrser_nn.training.loop.run_epoch", lambda *a, **k: [{"epoch": a[2], "dev_accuracy": next(accuracies)}]
    )
    progress = Progress()
    method = replace(method, max_epochs=100, patience=3)
    fit([learner(small_network, method)], [], progress, lambda: None)
    assert (progress.epoch, progress.best_epoch, progress.best_accuracy) == (5, 2, 60.0)


@pytest.mark.parametrize("epoch", [1, 2, 4])
def test_a_killed_training_continues_and_ends_with_the_same_file(
    epoch: int, tmp_path: Path, make_corpus, training: Training
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(whole, make_corpus, training)
    with pytest.raises(Killed):
        run(killed, make_corpus, training, KilledAfter(epoch))
    assert not (killed / "final.pt").exists()
    assert (killed / "checkpoint.pt").exists() == (epoch > 1)
    run(killed, make_corpus, training)
    assert (killed / "final.pt").read_bytes() == (whole / "final.pt").read_bytes()


def test_a_damaged_checkpoint_is_refused_and_named_and_left(tmp_path: Path, make_corpus, training: Training) -> None:
    with pytest.raises(Killed):
        run(tmp_path, make_corpus, training, KilledAfter(2))
    path = tmp_path / "checkpoint.pt"
    content = path.read_bytes()
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    parts = torch.load(path, weights_only=True)
    (weights,) = parts["weights"]
    lacking = {**parts, "weights": [{name: value for name, value in weights.items() if name != "mean"}]}
    without = {name: value for name, value in parts.items() if name != "optimiser"}
    for damaged in (content[:100], bytes(changed), b"", lacking, without):
        if isinstance(damaged, dict):
            torch.save(damaged, path)
        else:
            path.write_bytes(damaged)
        before = path.read_bytes()
        with pytest.raises(Failure) as error:
            run(tmp_path, make_corpus, training)
        message = str(error.value)
        assert message.startswith(f"{path}: ") and "remove it to start afresh" in message and "\n" not in message
        assert path.read_bytes() == before and not (tmp_path / "final.pt").exists()


def test_the_seed_fixes_everything_and_another_seed_changes_it(tmp_path: Path, make_corpus, training: Training) -> None:
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(tmp_path / name, make_corpus, with_method(training, max_epochs=1, seed=seed))
        files.append((tmp_path / name / "final.pt").read_bytes())
    assert files[0] == files[1] != files[2]


def test_a_diverged_training_is_a_failure(small_network: ConvNet, make_corpus, method: Method) -> None:
    small_network.layers[-1].linear.weight.data.fill_(float("nan"))
    with pytest.raises(Failure, match="diverged"):
        train_epoch([learner(small_network, method)], [make_corpus(1, 5)], 1)


def test_bfloat16_follows_float32_closely(small_shape: Shape, make_corpus, method: Method) -> None:
    losses = {}
    for precision in ("fp32", "bf16"):
        network = ConvNet(small_shape)
        corpus = make_corpus(1, 20)
        corpus.rows = (corpus.rows - 5) / 2
        learns = learner(network, replace(method, precision=precision))
        ((losses[precision], _),) = train_epoch([learns], [corpus], 1)
    assert losses["fp32"] != losses["bf16"]
    assert losses["fp32"] == pytest.approx(losses["bf16"], rel=0.02)


def test_a_model_file_holds_nothing_but_data(tmp_path: Path, make_corpus, training: Training) -> None:
    run(tmp_path / "run", make_corpus, with_method(training, max_epochs=1))
    content = torch.load(io.BytesIO((tmp_path / "run/final.pt").read_bytes()), weights_only=True)
    assert content["format"] == "asrser_nn model"


def test_log_posteriors_are_normalised(small_network: ConvNet, make_corpus) -> None:
    for _, scores in log_posteriors(small_network, make_corpus(1, 2)):
        torch.testing.assert_close(scores.exp().sum(1), torch.ones(len(scores)))
