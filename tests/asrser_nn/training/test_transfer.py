"""Constant means constant, and how the constant part is computed makes no difference."""

import copy
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from asrser_io.files import Failure
from asrser_nn.data.corpus import Corpus
from asrser_nn.network.constant_layers import hold_constant
from asrser_nn.network.convnet import ConvNet, Shape
from asrser_nn.network.model import load_model
from asrser_nn.runs import Method, Training, Transfer, as_text
from asrser_nn.training.loop import Data, Display, Learner, make_optimiser, run_epoch
from asrser_nn.training.run import Computing, compare_constant_layers, train_network
from asrser_nn.training.transfer import CacheMemory, checksums, copy_layers, output_bytes, worth_keeping

CPU = torch.device("cpu")


@pytest.fixture
def source(tmp_path: Path, make_corpus, training: Training) -> Path:
    """A trained network of the same sizes, but with three classes."""
    train, dev = make_corpus(5, 10), make_corpus(6, 3)
    train.labels.clamp_(max=2)
    dev.labels.clamp_(max=2)
    (tmp_path / "source").mkdir()
    training = replace(training, method=replace(training.method, max_epochs=2))
    data = Data(train, dev, ["a", "b", "c"])
    train_network(tmp_path / "source", training, data, Computing(CPU, CacheMemory(0)), Display())
    return tmp_path / "source"


class Records(Display):
    def __init__(self, stop_after: int | None = None):
        self.records: list[dict] = []
        self.stop_after = stop_after

    def end_epoch(self, record) -> None:
        self.records.append(record)
        if record["epoch"] == self.stop_after:
            raise KeyboardInterrupt


def transfer(
    directory: Path, source: Path | str, layers: int, make_corpus, training, cache=2**30, display=None, **options
):
    directory.mkdir(exist_ok=True)
    data = Data(make_corpus(1, 20), make_corpus(2, 5), [*"abcd"])
    training = replace(training, transfer=Transfer(str(source), layers, **options))
    return train_network(directory, training, data, Computing(CPU, CacheMemory(cache)), display or Display())


def untrained(training: Training) -> ConvNet:
    shape = replace(training.shape, num_coefficients=12, num_classes=4)
    return ConvNet(shape, training.dropout, training.method.seed)


@pytest.mark.parametrize("layers", range(6))
def test_the_first_layers_stay_exactly_as_they_were_and_all_others_move(
    layers: int, source: Path, tmp_path: Path, make_corpus, training: Training
) -> None:
    before = load_model(source).network
    records = Records()
    model = transfer(tmp_path / "run", source, layers, make_corpus, training, display=records)
    for number, (ours, theirs) in enumerate(zip(model.network.layers[:5], before.layers[:5], strict=True), 1):
        for name, value in ours.state_dict().items():
            if number <= layers:
                assert torch.equal(value, theirs.state_dict()[name]), (number, name)
        if number > layers:
            assert not torch.equal(ours.norm.running_mean, theirs.norm.running_mean), number
            assert not torch.equal(ours.norm.weight, theirs.norm.weight), number
    assert model.network.shape.num_classes == 4
    result = model.about["transfer"]
    assert result["sha256_before"] == result["sha256_after"] == checksums(before, layers)
    first = [0, 1] if layers < 5 else [1, 2]  # epoch 0: the output layer alone
    assert [record["epoch"] for record in records.records][:2] == first


def test_layers_differ_in_their_checksums_when_only_running_statistics_moved(small_network: ConvNet) -> None:
    before = checksums(small_network, 5)
    small_network.layers[1].norm.running_mean[0] += 1e-6
    after = checksums(small_network, 5)
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True, True, True]
    with pytest.raises(Failure, match=r"layers \[2\] were to be held constant and have changed"):
        compare_constant_layers(Transfer("x", 5), before, after)


def test_the_output_only_epoch_moves_the_output_layer_alone(
    source: Path, tmp_path, make_corpus, training: Training
) -> None:
    with pytest.raises(KeyboardInterrupt):
        transfer(tmp_path / "run", source, 0, make_corpus, training, display=Records(stop_after=1))
    weights = torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)["weights"][0]
    theirs = load_model(source).network.state_dict()
    for name, value in theirs.items():
        if name.startswith("layers.") and not name.startswith("layers.5"):
            assert torch.equal(weights[name], value), name
    assert not torch.equal(weights["layers.5.linear.weight"], untrained(training).layers[5].linear.weight)


@pytest.mark.parametrize("layers", range(1, 6))
def test_computed_once_or_every_time_the_constant_layers_give_the_same_network(
    layers: int, source: Path, small_shape: Shape, make_corpus, method: Method
) -> None:
    """In double precision, where the order of a sum cannot matter: what is left must be equal."""
    found = {}
    for once in (True, False):
        network = ConvNet(small_shape, dropout=0.4)
        copy_layers(load_model(source).network, network)
        network.double()
        corpus = make_corpus(1, 20)
        corpus.rows = (corpus.rows.double() - 5) / 2
        held = hold_constant(network, corpus, 0, layers, once)
        assert (held.transform is None) == once
        optimiser = make_optimiser(network, layers, method)
        learner = Learner(network, optimiser, layers, method, Display())
        records = [run_epoch([learner], [Data(held, held, [*"abcd"])], epoch)[0] for epoch in (1, 2)]
        found[once] = ([record["train_loss"] for record in records], network.state_dict())
    assert found[False][0] == pytest.approx(found[True][0], rel=1e-6)
    for name, value in found[False][1].items():
        torch.testing.assert_close(value, found[True][1][name], rtol=1e-6, atol=1e-9, msg=name)


def test_without_memory_a_transfer_still_runs(source: Path, tmp_path, make_corpus, training: Training) -> None:
    for cache in (2**30, 2**17, 0):  # for everything, for one of the two that are to be kept, for nothing
        transfer(tmp_path / str(cache), source, 2, make_corpus, training, cache=cache)
    accuracies = [load_model(tmp_path / str(cache)).about["dev_accuracy"] for cache in (2**30, 2**17, 0)]
    assert accuracies[1:] == pytest.approx([accuracies[0]] * 2, abs=2)


def test_what_is_kept_takes_the_memory_that_was_reserved(small_network: ConvNet, make_corpus) -> None:
    corpora = [make_corpus(1, 3), make_corpus(2, 2)]
    for layers in range(1, 6):
        kept = sum(hold_constant(small_network, corpus, 0, layers, True).rows.nbytes for corpus in corpora)
        assert output_bytes(small_network, corpora, layers) == kept
    assert output_bytes(small_network, corpora, 0) == 0


def test_what_saves_less_than_waiting_costs_is_not_kept() -> None:
    network = ConvNet(Shape(num_coefficients=40, num_classes=5))
    products = [20 * 64 * 36 * 28, 576 * 128 * 16 * 12, 6144 * 1024, 1024 * 1024, 1024 * 1024, 1024 * 5]
    assert network.num_products() == products
    memory = CacheMemory(18, trainings=2)
    # Two at a time have room for what they keep, or one at a time is quicker than two that compute it again each time.
    for layers, num_bytes, kept in [(1, 9, True), (1, 10, False), (2, 10, False), (3, 10, True), (5, 18, True)]:
        assert worth_keeping(network, layers, num_bytes, memory) == kept, (layers, num_bytes)
    assert not worth_keeping(network, 5, 19, memory)
    assert worth_keeping(network, 1, 18, CacheMemory(18))  # nobody waits


def test_memory_is_waited_for_and_given_back_after_a_failure() -> None:
    memory = CacheMemory(10)
    begun, order = threading.Event(), []

    def other() -> None:
        begun.set()
        with memory.take(6):
            order.append("second")

    thread = threading.Thread(target=other)
    with pytest.raises(Failure), memory.take(5):
        thread.start()
        begun.wait()
        with memory.take(5):  # what is left
            order.append("first")
        raise Failure("of a training")
    thread.join(timeout=30)
    assert order == ["first", "second"] and memory.free == 10


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_killed_transfer_continues_and_ends_with_the_same_file(
    epoch: int, source: Path, tmp_path, make_corpus, training: Training
) -> None:
    transfer(tmp_path / "whole", source, 2, make_corpus, training)
    with pytest.raises(KeyboardInterrupt):
        transfer(tmp_path / "cut", source, 2, make_corpus, training, display=Records(stop_after=epoch))
    transfer(tmp_path / "cut", source, 2, make_corpus, training)
    for name in ("final.pt", "transfer.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_input_is_normalised_by_the_target_not_the_source(
    source, tmp_path, make_corpus, training: Training
) -> None:
    training = replace(training, method=replace(training.method, max_epochs=1))
    model = transfer(tmp_path / "run", source, 5, make_corpus, training)
    frames = make_corpus(1, 20)
    values = frames.rows[frames.starts + 6].double()
    torch.testing.assert_close(model.network.mean.double(), values.mean(0), atol=1e-4, rtol=0)
    assert not torch.equal(model.network.mean, load_model(source).network.mean)


def test_random_layers_are_drawn_anew_for_each_seed_and_each_name(tmp_path, make_corpus, training: Training) -> None:
    def weights(name: str, seed: int) -> str:
        method = replace(training.method, max_epochs=1, seed=seed)
        run = tmp_path / f"{name} {seed} {len(list(tmp_path.iterdir()))}"
        model = transfer(run, name, 1, make_corpus, replace(training, method=method))
        assert model.about["transfer"]["from"] == name
        return str(model.network.layers[0].conv.weight.tolist())

    found = [weights(name, seed) for name in ("random", "random:a", "random:b") for seed in (1, 2)]
    found.append(str(untrained(training).layers[0].conv.weight.tolist()))  # with which a training from scratch begins
    assert len(set(found)) == 7
    assert weights("random:a", 2) == found[3]


def test_random_layers_put_out_what_new_batchnorm_promises_on_the_training_set(
    tmp_path, make_corpus, training: Training
) -> None:
    """Mean 0 and variance 1 of every unit, as behind trained layers; with the statistics of a new one far from it."""
    method = replace(training.method, max_epochs=1)
    network = transfer(tmp_path / "run", "random", 5, make_corpus, replace(training, method=method)).network
    assert all(mean < 0.1 and variance < 0.15 for mean, variance in moments(network, make_corpus(1, 20)))
    for layer in network.layers[:5]:
        layer.norm.reset_running_stats()
    assert all(variance > 0.5 for _, variance in moments(network, make_corpus(1, 20)))


@torch.no_grad()
def moments(network: ConvNet, corpus: Corpus) -> list[tuple[float, float]]:
    """Of each layer, how far mean and variance of any unit that its BatchNorm normalises are from 0 and 1."""
    network.normalise(corpus.rows)
    windows = corpus.inputs(torch.arange(corpus.num_frames))
    found = []
    for number, layer in enumerate(network.layers[:5]):
        before = network.shape_input(windows) if number == 0 else network(windows, last=number)
        norm = copy.deepcopy(layer.norm)
        norm.weight.fill_(1)
        norm.bias.zero_()
        y = norm(layer.conv(before) if number < 2 else layer.linear(before.flatten(1)))
        dims = [0, *range(2, y.dim())]
        found.append((float(y.mean(dims).abs().max()), float((y.var(dims) - 1).abs().max())))
    return found


def test_fitted_layers_have_the_weights_of_their_source_and_the_statistics_of_the_training_set(
    source: Path, tmp_path, make_corpus, training: Training
) -> None:
    training = replace(training, method=replace(training.method, max_epochs=1))
    theirs = load_model(source).network
    for statistics in ("copied", "fitted"):
        model = transfer(tmp_path / statistics, source, 5, make_corpus, training, statistics=statistics)
        for ours, other in zip(model.network.layers[:5], theirs.layers[:5], strict=True):
            weights, of_source = (layer.state_dict() for layer in (ours, other))
            different = {name for name in weights if not torch.equal(weights[name], of_source[name])}
            moved = {f"norm.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")}
            assert different == (moved if statistics == "fitted" else set())
        fits = all(mean < 0.1 and variance < 0.15 for mean, variance in moments(model.network, make_corpus(1, 20)))
        assert fits == (statistics == "fitted")
        about = model.about["transfer"]
        assert about["statistics"] == statistics and about["sha256_before"] == about["sha256_after"]


def test_random_layers_of_a_killed_training_are_those_it_began_with(tmp_path, make_corpus, training: Training) -> None:
    """Though statistics that are worked out a second time, elsewhere, could differ in a last bit."""
    with pytest.raises(KeyboardInterrupt):
        transfer(tmp_path / "cut", "random:a", 2, make_corpus, training, display=Records(stop_after=1))
    begun = torch.load(tmp_path / "cut/checkpoint.pt", weights_only=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asrser_nn.training.run.fit_statistics", lambda *arguments: None)
        model = transfer(tmp_path / "cut", "random:a", 2, make_corpus, training)
    assert torch.equal(model.network.layers[1].norm.running_var, begun["weights"][0]["layers.1.norm.running_var"])
    assert model.about["transfer"]["sha256_before"] == begun["progress"]["constant"] == checksums(model.network, 2)
    transfer(tmp_path / "whole", "random:a", 2, make_corpus, training)
    assert (tmp_path / "cut/final.pt").read_bytes() == (tmp_path / "whole/final.pt").read_bytes()


def test_a_training_begun_with_another_draw_is_not_gone_on_with(tmp_path, make_corpus, training: Training) -> None:
    with pytest.raises(KeyboardInterrupt):
        transfer(tmp_path / "run", "random:a", 2, make_corpus, training, display=Records(stop_after=1))
    with pytest.raises(Failure, match="layers: others than those of the source now"):
        transfer(tmp_path / "run", "random:b", 2, make_corpus, training)


def test_networks_of_other_sizes_and_too_many_layers_are_refused(
    source, tmp_path, make_corpus, training: Training
) -> None:
    other = replace(training, shape=replace(training.shape, hidden=(32, 32, 9)))
    with pytest.raises(Failure, match="--hidden 32,32,32, but asked for is 32,32,9"):
        transfer(tmp_path / "a", source, 2, make_corpus, other)
    with pytest.raises(Failure, match="--constant-layers=6: of 6 layers one must learn"):
        transfer(tmp_path / "b", source, 6, make_corpus, training)


def test_layers_of_another_shape_are_refused_by_what_differs(small_shape: Shape) -> None:
    other = replace(small_shape, hidden=(9, 10, 11), kernels=((2, 2), (3, 3)))
    with pytest.raises(Failure) as refused:
        copy_layers(ConvNet(other), ConvNet(replace(small_shape, num_classes=7)))
    theirs = f"--kernels 2x2,3x3, --hidden 9,10,11, but asked for is {as_text(small_shape.kernels)}, "
    assert theirs + as_text(small_shape.hidden) in str(refused.value)
    assert "channels" not in str(refused.value)
