"""A little world in which a small network learns in a second: classes are bumps at different frequencies."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from asrser_io.tables import TableWriter
from asrser_nn.data.corpus import Corpus, corpus_of
from asrser_nn.network.convnet import ConvNet, Shape
from asrser_nn.runs import Method, Sources, Training

SMALL = Shape(
    num_coefficients=12, num_classes=4, context=6, channels=(4, 6), kernels=((3, 2), (3, 3)), hidden=(32, 32, 32)
)


def make_utterances(seed: int, number: int, prefix: str = "utt") -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(utterance, (frames, 12) raw features around 5, (frames,) labels 0..3): runs of a class, bump at 3·class."""
    random = np.random.default_rng(seed)
    utterances = []
    for i in range(number):
        labels = np.repeat(random.integers(4, size=6), random.integers(4, 14, size=6)).astype(np.int32)
        feats = 5 + 2 * random.standard_normal((len(labels), 12))
        feats[np.arange(len(labels)), 3 * labels] += 6
        utterances.append((f"{prefix}{i:03d}", feats.astype(np.float32), labels))
    return utterances


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Every device that training runs on."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU here")
    return torch.device(request.param)


@pytest.fixture
def small_shape() -> Shape:
    return SMALL


@pytest.fixture
def small_options() -> list[str]:
    """The same as small_shape, for the commands."""
    sizes = ["--context=6", "--channels=4,6", "--kernels=3x2,3x3", "--hidden=32,32,32"]
    return [*sizes, "--batch-size=32", "--threads=1"]


@pytest.fixture
def make_corpus() -> Callable[[int, int], Corpus]:
    """A corpus of the little world from a seed and a number of utterances."""
    return lambda seed, number: corpus_of(make_utterances(seed, number), SMALL.context)


@pytest.fixture(autouse=True)
def no_commit_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit to the checkout between two trainings is no difference between them."""
    monkeypatch.setattr("asrser_nn.training.run.code_commit", lambda: "a commit")


@pytest.fixture
def small_network() -> ConvNet:
    """Untrained, but with BatchNorm statistics that are not those of initialisation."""
    torch.manual_seed(3)
    network = ConvNet(SMALL, dropout=0.4)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.normal_()
            module.bias.data.normal_()
    return network.eval()


@pytest.fixture
def method() -> Method:
    return Method(
        batch_size=32,
        learning_rate=1e-3,
        rmsprop_decay=0.99,
        rmsprop_epsilon=1e-8,
        l2=1e-3,
        max_epochs=4,
        patience=3,
        seed=1,
        precision="fp32",
    )


@pytest.fixture
def training(small_shape: Shape, method: Method) -> Training:
    """Of the small network, from scratch; the tests have its data in memory."""
    sources = Sources("train", "train", "dev", "dev", ("a", "b", "c", "d"), max_lost=5.0)
    return Training(sources, replace(small_shape, num_coefficients=0, num_classes=0), 0.4, method)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data directories train and dev (feats.scp, labels.scp) of the little world."""
    folder = tmp_path_factory.mktemp("world")
    for part, seed, number in (("train", 1, 40), ("dev", 2, 8)):
        (folder / part).mkdir()
        utterances = make_utterances(seed, number, f"{part}_")
        for name, kind, column in (("feats", "matrix", 1), ("labels", "int_vector", 2)):
            with TableWriter(f"ark,scp:{folder}/{part}/{name}.ark,{folder}/{part}/{name}.scp", kind) as writer:
                for utterance in utterances:
                    writer.write(utterance[0], utterance[column])
    return folder
