"""The fast convolutional layers are the plain ones: values, gradients, running statistics, and a whole training."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asrser_nn.network.conv_layers import conv_norm_relu_pool, is_data
from asrser_nn.network.convnet import ConvLayer, ConvNet, Shape
from asrser_nn.runs import Method
from asrser_nn.training.loop import Data, Display, Learner, make_optimiser, run_epoch


def plain(x: Tensor, conv: nn.Conv2d, norm: nn.BatchNorm2d, pool: tuple[int, int]) -> Tensor:
    return F.max_pool2d(F.relu(norm(conv(x))), pool)


def everything(compute, inputs: int, kernel: tuple[int, int], padding: tuple[int, int], pool, x: Tensor):
    """Output, gradients and running statistics of a layer some of whose scales are negative."""
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(inputs, 6, kernel, padding=padding, bias=False).double(), nn.BatchNorm2d(6).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    with torch.no_grad():
        norm.running_mean.normal_()
    x = x.clone().requires_grad_(inputs > 1)
    out = compute(x, conv, norm, pool)
    (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)).sum().backward()
    found = [out, conv.weight.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var]
    if inputs > 1:
        found.append(x.grad)
    return [value.detach() for value in found] + [norm.num_batches_tracked.double()]


@pytest.mark.parametrize(
    ("inputs", "kernel", "padding", "pool", "whole"),
    [
        (1, (5, 4), (0, 0), (2, 2), True),
        (1, (3, 4), (1, 1), (2, 1), True),
        (1, (1, 2), (0, 0), (4, 3), True),
        (1, (2, 1), (0, 0), (3, 1), True),
        (1, (5, 5), (0, 0), (2, 2), False),  # 27 columns
        (3, (3, 4), (0, 0), (2, 2), True),
        (3, (3, 4), (1, 2), (3, 2), False),
    ],
)
def test_values_gradients_and_statistics_are_those_of_the_plain_layer(inputs, kernel, padding, pool, whole) -> None:
    x = torch.randn(70, inputs, 40, 31, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 0.5
    assert is_data(x, nn.Conv2d(inputs, 6, kernel, padding=padding), pool) == (whole and inputs == 1)
    expected = everything(plain, inputs, kernel, padding, pool, x)
    found = everything(conv_norm_relu_pool, inputs, kernel, padding, pool, x)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("inputs", [1, 3])
def test_reduced_precision_changes_values_and_gradients_by_its_rounding(inputs: int) -> None:
    x = torch.randn(70, inputs, 40, 31, generator=torch.Generator().manual_seed(1))

    def found(precision: torch.dtype) -> list[Tensor]:
        torch.manual_seed(0)
        conv, norm = nn.Conv2d(inputs, 6, (5, 4), bias=False), nn.BatchNorm2d(6)
        with torch.autocast("cpu", precision, enabled=precision == torch.bfloat16):
            out = conv_norm_relu_pool(x, conv, norm, (2, 2))
            F.cross_entropy(out.flatten(2).mean(2), torch.arange(70) % 6).backward()
        assert conv.weight.grad is not None and norm.weight.grad is not None
        return [out.detach(), conv.weight.grad, norm.weight.grad]

    for reduced, full, most in zip(found(torch.bfloat16), found(torch.float32), (0.01, 0.1, 0.05), strict=True):
        assert 1e-6 < (reduced - full).norm() / full.norm() < most  # the kernels' gradients are small differences


def test_in_inference_the_running_statistics_are_used_and_left_alone() -> None:
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(1, 6, (5, 4), bias=False).double(), nn.BatchNorm2d(6).double().eval()
    for value in (norm.weight.data, norm.bias.data, norm.running_mean):
        value.normal_()
    norm.running_var.uniform_(0.5, 2)
    x = torch.randn(70, 1, 40, 31, dtype=torch.float64) + 0.5
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    torch.testing.assert_close(conv_norm_relu_pool(x, conv, norm, (2, 2)), plain(x, conv, norm, (2, 2)))
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())


@pytest.mark.parametrize("inputs", [1, 2])
def test_equal_values_under_a_pool_share_one_gradient(inputs: int) -> None:
    """Repeated edge frames make neighbours equal: the gradient must not be counted for each of them."""
    frame = torch.randn(8, inputs, 40, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    arguments = (inputs, (5, 4), (0, 0), (2, 2), frame.expand(8, inputs, 40, 31))
    kernel_gradients = [everything(compute, *arguments)[1] for compute in (conv_norm_relu_pool, plain)]
    torch.testing.assert_close(*kernel_gradients, rtol=1e-9, atol=1e-9)


def test_one_channel_that_needs_a_gradient_gets_it() -> None:
    x = torch.randn(4, 1, 12, 13, requires_grad=True)
    conv, norm = nn.Conv2d(1, 6, (3, 2), bias=False), nn.BatchNorm2d(6)
    gradients = [
        torch.autograd.grad(way(x, conv, norm, (2, 2)).square().sum(), x)[0] for way in (conv_norm_relu_pool, plain)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)


def test_a_training_follows_the_plain_loop_step_by_step(
    monkeypatch: pytest.MonkeyPatch, device: torch.device, small_shape: Shape, make_corpus, method: Method
) -> None:
    """Plain layers and torch's RMSProp, over 120 steps, in double precision: rounding grows on the way, but slowly."""
    losses, weights = [], []
    for fast in (True, False):
        network = ConvNet(small_shape).double().to(device)
        corpus = make_corpus(1, 20).to(device)
        corpus.rows = (corpus.rows.double() - 5) / 2
        optimiser = make_optimiser(network, 0, method)
        if not fast:
            monkeypatch.setattr(ConvLayer, "forward", lambda self, x: plain(x, self.conv, self.norm, self.pool))
            groups = [{name: group[name] for name in ("params", "weight_decay")} for group in optimiser.param_groups]
            optimiser = torch.optim.RMSprop(groups, lr=1e-3, alpha=0.99, eps=1e-8)
        learner = Learner(network, optimiser, 0, method, Display())
        records = [run_epoch([learner], [Data(corpus, corpus, [*"abcd"])], epoch)[0] for epoch in range(1, 5)]
        losses.append([record[name] for record in records for name in ("train_loss", "dev_loss")])
        weights.append(torch.cat([value.detach().flatten() for value in network.parameters()]))
    assert corpus.num_frames // 32 * 4 > 110
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    torch.testing.assert_close(*weights, rtol=1e-6, atol=1e-6)
    assert not torch.equal(*weights)  # both ways have been taken
