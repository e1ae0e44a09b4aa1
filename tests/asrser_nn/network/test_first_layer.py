"""The fast first layer is the plain one: values, gradients, running statistics, and a whole training."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asrser_nn import first_layer
from asrser_nn.first_layer import applies, conv_norm_relu_pool
from asrser_nn.network import ConvNet, Shape
from asrser_nn.training import Display, Method, make_optimiser, run_epoch


def layer(kernel: tuple[int, int], padding: tuple[int, int], channels: int = 6) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    torch.manual_seed(0)
    conv = nn.Conv2d(1, channels, kernel, padding=padding, bias=False)
    norm = nn.BatchNorm2d(channels)
    nn.init.normal_(norm.weight)  # some are negative
    nn.init.normal_(norm.bias)
    with torch.no_grad():
        norm.running_mean.normal_()
    return conv.double(), norm.double()


def everything(compute, conv: nn.Conv2d, norm: nn.BatchNorm2d, x: Tensor) -> list[Tensor]:
    out = compute(x)
    (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)).sum().backward()
    found = [out, conv.weight.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var]
    return [value.detach().clone() for value in found] + [norm.num_batches_tracked.double()]


@pytest.mark.parametrize(
    ("kernel", "padding", "pool"),
    [((5, 4), (0, 0), (2, 2)), ((3, 3), (1, 1), (2, 1)), ((1, 1), (0, 0), (4, 3)), ((2, 1), (0, 0), (3, 1))],
)
def test_values_gradients_and_statistics_are_those_of_the_plain_layer(kernel, padding, pool) -> None:
    found = []
    for fast in (False, True):
        conv, norm = layer(kernel, padding)
        x = torch.randn(70, 1, 40, 31, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 0.5
        x = x[..., : x.shape[3] - (x.shape[3] + 2 * padding[1] - kernel[1] + 1) % pool[1]]
        x = x[:, :, : x.shape[2] - (x.shape[2] + 2 * padding[0] - kernel[0] + 1) % pool[0]]
        assert applies(conv, pool, x)
        found.append(
            everything(lambda x: conv_norm_relu_pool(x, conv, norm, pool), conv, norm, x)  # noqa: B023
            if fast
            else everything(lambda x: F.max_pool2d(F.relu(norm(conv(x))), pool), conv, norm, x)  # noqa: B023
        )
    for plain, fast in zip(*found, strict=True):
        torch.testing.assert_close(fast, plain, rtol=1e-9, atol=1e-9)


def test_equal_values_under_a_pool_share_one_gradient() -> None:
    """Repeated edge frames make neighbours equal: the gradient must not be counted for each of them."""
    frame = torch.randn(8, 1, 40, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = []
    for compute in (
        lambda x, conv, norm: F.max_pool2d(F.relu(norm(conv(x))), (2, 2)),
        lambda x, conv, norm: conv_norm_relu_pool(x, conv, norm, (2, 2)),
    ):
        conv, norm = layer((5, 4), (0, 0))
        found.append(everything(lambda x: compute(x, conv, norm), conv, norm, frame.expand(8, 1, 40, 31)))  # noqa: B023
    torch.testing.assert_close(found[1][1], found[0][1], rtol=1e-9, atol=1e-9)


def test_pools_that_leave_something_over_and_inner_layers_take_the_plain_way() -> None:
    data = torch.zeros(2, 1, 40, 31)
    assert applies(nn.Conv2d(1, 4, (5, 4)), (2, 2), data)
    assert not applies(nn.Conv2d(1, 4, (5, 5)), (2, 2), data)  # 27 columns
    assert not applies(nn.Conv2d(2, 4, (5, 4)), (2, 2), torch.zeros(2, 2, 40, 31))
    assert not applies(nn.Conv2d(1, 4, (5, 4)), (2, 2), data.requires_grad_())


def test_a_training_follows_the_plain_loop_step_by_step(
    monkeypatch: pytest.MonkeyPatch, small_shape: Shape, make_corpus, method: Method
) -> None:
    """Over 120 steps, in double precision: rounding grows on the way, but slowly."""
    losses, ways = [], []
    for fast in (True, False):
        monkeypatch.setattr(first_layer, "applies", lambda *a: (ways.append(fast), fast and applies(*a))[1])  # noqa: B023
        torch.manual_seed(1)
        network = ConvNet(small_shape).double()
        corpus = make_corpus(1, 20)
        corpus.rows = (corpus.rows.double() - 5) / 2
        optimiser = make_optimiser(network, 0, method)
        records = [run_epoch(network, optimiser, corpus, corpus, epoch, 0, method, Display()) for epoch in range(1, 5)]
        losses.append([record[name] for record in records for name in ("train_loss", "dev_loss")])
    assert corpus.num_frames // 32 * 4 > 110
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert applies(network.layers[0].conv, (2, 2), torch.zeros(1, 1, 12, 13)) and set(ways) == {True, False}
