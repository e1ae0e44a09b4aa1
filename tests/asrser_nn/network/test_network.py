"""The network is the paper's, sees each frame with its neighbours only, and gives the same numbers by every way."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from asrser_io.files import Failure
from asrser_nn.data.corpus import corpus_of, mean_and_stddev
from asrser_nn.network.convnet import ConvNet, Shape, layer_outputs, log_posteriors
from asrser_nn.network.device import precision_context


def outputs(network: ConvNet, corpus, first: int = 0, last: int | None = None) -> Tensor:
    return torch.cat([part for _, part in layer_outputs(network, corpus, first, last or network.shape.num_layers)])


def test_a_window_repeats_the_edge_frames_and_never_leaves_its_utterance() -> None:
    first = np.array([[1.0], [2], [3]], dtype=np.float32)
    second = np.array([[7.0], [8]], dtype=np.float32)
    corpus = corpus_of([("a", first, np.array([0, 1, 2])), ("b", second, np.array([3, 4]))], context=2)
    windows = corpus.inputs(torch.arange(5)).squeeze(2).tolist()
    assert windows == [[1, 1, 1, 2, 3], [1, 1, 2, 3, 3], [1, 2, 3, 3, 3], [7, 7, 7, 8, 8], [7, 7, 8, 8, 8]]
    assert corpus.labels.tolist() == [0, 1, 2, 3, 4] and corpus.ends == [3, 5]


def test_the_papers_network_has_the_sizes_of_the_design() -> None:
    shape = Shape(num_coefficients=40, num_classes=144)
    assert shape.sizes() == [(1, 40, 31), (64, 18, 14), (128, 8, 6)]
    network = ConvNet(shape)
    assert len(network.layers) == 6
    weights = [64 * 20, 128 * 64 * 9, 6144 * 1024, 1024 * 1024, 1024 * 1024, 1024 * 144 + 144]
    norms = [2 * 64, 2 * 128, 2 * 1024, 2 * 1024, 2 * 1024, 0]
    assert [sum(p.numel() for p in layer.parameters()) for layer in network.layers] == [
        weight + norm for weight, norm in zip(weights, norms, strict=True)
    ]


def test_weights_are_drawn_with_variance_two_over_the_inputs() -> None:
    network = ConvNet(Shape(num_coefficients=40, num_classes=144, hidden=(256, 256, 256)))
    for parameter, inputs in [
        (network.layers[0].conv.weight, 20),
        (network.layers[1].conv.weight, 576),
        (network.layers[2].linear.weight, 6144),
        (network.layers[5].linear.weight, 256),
    ]:
        assert parameter.std().item() == pytest.approx(math.sqrt(2 / inputs), rel=0.06)
        assert abs(parameter.mean().item()) < 4 * math.sqrt(2 / inputs / parameter.numel())


def test_dropout_keeps_the_mean_and_follows_its_seed_alone(small_network: ConvNet) -> None:
    dropout = small_network.layers[2].dropout
    x = torch.ones(400, 1000)
    assert torch.equal(dropout(x), x)  # in inference mode
    dropout.train()
    dropped = []
    for seed in (1, 2, 1):
        small_network.seed_dropout(seed)
        torch.rand(seed)  # somebody else's random numbers
        dropped.append(dropout(x))
    assert torch.equal(dropped[0], dropped[2]) and not torch.equal(dropped[0], dropped[1])
    torch.testing.assert_close(dropped[0].unique(), torch.tensor([0, 1 / 0.6]))
    assert dropped[0].mean().item() == pytest.approx(1, abs=0.01)  # ten times its standard deviation


def test_the_first_kernel_is_five_frequencies_by_four_frames() -> None:
    network = ConvNet(Shape(num_coefficients=40, num_classes=2, channels=(1,), kernels=((5, 4),), paddings=((0, 0),),
                            pools=((1, 1),), hidden=(2,)))  # fmt: skip
    kernel = torch.zeros(5, 4)
    kernel[4, 0] = 1  # the value 4 frequencies above and 0 frames after
    network.layers[0].conv.weight.data[:] = kernel
    window = torch.randn(1, 31, 40)
    found = network.eval()(window, last=1)[0, 0]
    torch.testing.assert_close(found, window[0, :28, 4:40].T.relu() / math.sqrt(1 + 1e-5))


def test_normalisation_gives_the_frames_mean_zero_and_variance_one(make_corpus, small_network: ConvNet) -> None:
    corpus = make_corpus(1, 10)
    small_network.mean, small_network.stddev = mean_and_stddev(corpus)
    small_network.normalise(corpus.rows)
    frames = corpus.inputs(torch.arange(corpus.num_frames))[:, 6]  # padding is not counted
    torch.testing.assert_close(frames.mean(0), torch.zeros(12), atol=1e-5, rtol=0)
    torch.testing.assert_close(frames.std(0, correction=0), torch.ones(12), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"pools": ((2, 3), (1, 2))},
        {"pools": ((2, 1), (2, 2)), "kernels": ((3, 4), (2, 3))},
        {"paddings": ((1, 0), (1, 0))},
        {"paddings": ((1, 1), (1, 1))},  # cannot be shared between windows
        {"channels": (4,), "kernels": ((3, 2),), "paddings": ((0, 0),), "pools": ((2, 2),)},
    ],
)
def test_whole_utterances_give_what_single_windows_give(change, device, small_shape: Shape, make_corpus) -> None:
    network = ConvNet(replace(small_shape, **change)).eval().to(device)
    corpus = make_corpus(3, 5).to(device)
    with torch.no_grad(), precision_context(device, "fp32"):
        plain = network(corpus.inputs(torch.arange(corpus.num_frames, device=device)))
        torch.testing.assert_close(outputs(network, corpus), plain, atol=1e-4, rtol=0)


def test_the_papers_network_gives_the_same_for_whole_utterances_on_real_speech(golden) -> None:
    from asrser_nn.data.tables import read_feats

    network = ConvNet(Shape(num_coefficients=40, num_classes=144)).eval()
    utterances = [(key, feats, np.zeros(len(feats))) for key, feats in read_feats(f"ark:{golden}/feats/fbank.ark")]
    corpus = corpus_of(utterances[:1], context=15)
    network.mean, network.stddev = mean_and_stddev(corpus)
    network.normalise(corpus.rows)
    with torch.no_grad():
        plain = network(corpus.inputs(torch.arange(corpus.num_frames))).log_softmax(1)
    fast = torch.cat([part for _, part in log_posteriors(network, corpus)])
    torch.testing.assert_close(fast, plain, atol=1e-4, rtol=0)


def test_chunks_do_not_show(small_network: ConvNet, make_corpus) -> None:
    corpus = make_corpus(3, 5)
    whole = outputs(small_network, corpus)
    parts = torch.cat([part for _, part in layer_outputs(small_network, corpus, 0, 6, chunk=7)])
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=0)


def test_an_utterance_of_one_frame_is_classified(small_network: ConvNet) -> None:
    corpus = corpus_of([("a", np.ones((1, 12), dtype=np.float32), np.zeros(1))], context=6)
    assert outputs(small_network, corpus).shape == (1, 4)


def test_computing_outputs_leaves_the_mode_of_the_network_alone(small_network: ConvNet, make_corpus) -> None:
    small_network.train()
    before = {name: value.clone() for name, value in small_network.state_dict().items()}
    outputs(small_network, make_corpus(3, 2))
    assert small_network.training
    for name, value in small_network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_kernels_that_leave_nothing_are_refused() -> None:
    with pytest.raises(Failure, match="5x4 and --pools 2x2 are too large for layer 1, whose input is 5 x 31"):
        ConvNet(Shape(num_coefficients=5, num_classes=2))
