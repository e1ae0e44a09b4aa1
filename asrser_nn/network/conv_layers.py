"""Convolutional layers trained on a CPU in a fraction of the time, with the same result to rounding.

BatchNorm, ReLU and pooling are little arithmetic on much memory: each reads and writes all of a convolution's output,
forwards and backwards. BatchNorm and ReLU are monotone, so the pool can come before them, on what the convolution put
out: the maximum where BatchNorm's scale is positive, the minimum where it is negative (the kernels' sign is turned for
that). What then remains to be normalised is a quarter.

The first layer, with its one input channel, need not even write the convolution's output:

- What one pooled value depends on is a patch of 6×5 inputs (kernel 5×4, pool 2×2). All patches are gathered once; the
  four convolutions under a pool are four matrix products with them, made piece by piece in the cache.
- The convolution is linear, so mean and variance of its output follow from mean and covariance of the patches (30×30).
- They are known before the products, so BatchNorm's scale is part of the weights, and its shift the weight of a
  thirty-first input that is always 1.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PIECE = 2**19  # bytes of products, of some patches with all channels, that stay in the cache


class _LargestPositiveProduct(torch.autograd.Function):
    """relu(max over k of patches @ weights[k]); the backward pass makes the products again instead of keeping them."""

    @staticmethod
    def forward(ctx: Any, patches: Tensor, weights: Tensor) -> Tensor:
        """patches: (n, inputs), weights: (k, inputs, channels) → (n, channels), in the patches' precision"""
        ctx.piece = max(1, PIECE // patches.element_size() // weights.shape[2])
        ctx.weights_dtype = weights.dtype
        weights = weights.to(patches.dtype)
        largest = patches.new_empty(len(patches), weights.shape[2])
        for piece, out in zip(patches.split(ctx.piece), largest.split(ctx.piece), strict=True):
            torch.mm(piece, weights[0], out=out)
            for weight in weights[1:]:
                torch.maximum(out, piece @ weight, out=out)
            out.clamp_min_(0)
        ctx.save_for_backward(patches, weights, largest)
        return largest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        patches, weights, largest = ctx.saved_tensors
        result = torch.zeros_like(weights, dtype=ctx.weights_dtype)
        pieces = (patches.split(ctx.piece), largest.split(ctx.piece), gradients[0].split(ctx.piece))
        for piece, maximum, gradient in zip(*pieces, strict=True):
            # Of equal products the first gets the gradient, of negative ones none.
            left = torch.ops.aten.threshold_backward(gradient, maximum, 0)
            for weight, sums in zip(weights[:-1], result[:-1], strict=True):
                share = piece @ weight
                share = torch.eq(share, maximum, out=share).mul_(left)
                add_product(sums, piece.T, share)
                left.sub_(share)
            add_product(result[-1], piece.T, left)  # what no other product has claimed
        return None, result


def add_product(sums: Tensor, a: Tensor, b: Tensor) -> None:
    """sums += a @ b, where a and b may be of lower precision."""
    if a.dtype == sums.dtype:
        sums.addmm_(a, b)
    else:
        sums += a @ b


class _LargestAndMoments(torch.autograd.Function):
    """Of a convolution's output: what max pooling leaves, and mean and variance (not corrected) of each channel."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, pool: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """x: (256, 128, 16, 12) → (256, 128, 8, 6), (128,), (128,)"""
        largest, places = F.max_pool2d(x, pool, return_indices=True)
        mean, variance = torch.batch_norm_update_stats(x, None, None, 0.0)  # twenty times faster than torch.var_mean
        ctx.save_for_backward(x, places, mean)
        ctx.pool = pool
        return largest, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        x, places, mean = ctx.saved_tensors
        of_largest, of_mean, of_variance = gradients
        spread = torch.ops.aten.max_pool2d_with_indices_backward(
            of_largest, x, ctx.pool, ctx.pool, (0, 0), (1, 1), False, places
        )
        count = x.numel() / len(mean)
        slope = 2 * of_variance / count
        offset = of_mean / count - mean * slope
        return spread.addcmul_(x, slope[:, None, None]).add_(offset[:, None, None]), None


def conv_norm_relu_pool(x: Tensor, conv: nn.Conv2d, norm: nn.BatchNorm2d, pool: tuple[int, int]) -> Tensor:
    """max_pool2d(relu(norm(conv(x))), pool), in training with running statistics, or in inference if is_data(x, …).

    Under autocast the products are made in reduced precision, what is summed up and BatchNorm in single precision.

    x: (256, 1, 40, 31) → (256, 64, 18, 14), channels last in memory
    """
    reduced = torch.is_autocast_enabled("cpu")
    with torch.autocast("cpu", enabled=False):
        sign = torch.where(norm.weight < 0, -1.0, 1.0).to(x.dtype)
        kernels = conv.weight * sign[:, None, None, None]
        if is_data(x, conv, pool):
            cells = patches_under_pools(x, kernels.shape[2:], padding_of(conv), pool)  # (256, 18, 14, 31)
            weights = kernels_in_patch(kernels, pool)  # (4, 30, 64)
            if norm.training:
                mean, variance = output_moments(cells[..., :-1].flatten(0, 2), weights)
            else:
                assert norm.running_mean is not None and norm.running_var is not None
                mean, variance = norm.running_mean * sign, norm.running_var
            scale, shift = scale_and_shift(norm, sign, mean, variance)
            weights = torch.cat([weights * scale, shift.expand(len(weights), 1, -1)], 1)  # (4, 31, 64)
            patches = cells.flatten(0, 2).to(torch.bfloat16 if reduced else x.dtype)
            pooled = _LargestPositiveProduct.apply(patches, weights).to(x.dtype).unflatten(0, cells.shape[:3])
        else:
            with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
                outputs = F.conv2d(x, kernels, padding=conv.padding).to(x.dtype)
            largest, mean, variance = _LargestAndMoments.apply(outputs, pool)
            scale, shift = scale_and_shift(norm, sign, mean, variance)
            pooled = F.relu(torch.addcmul(shift, largest.permute(0, 2, 3, 1), scale))
        if norm.training:
            frequencies, times = outputs_of(x, conv)
            update_running_statistics(norm, (mean * sign).detach(), variance.detach(), len(x) * frequencies * times)
        return pooled.permute(0, 3, 1, 2)


def scale_and_shift(norm: nn.BatchNorm2d, sign: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """What BatchNorm does to a convolution's output with these moments: (channels,), (channels,)"""
    scale = sign * norm.weight / torch.sqrt(variance + norm.eps)
    return scale, norm.bias - mean * scale


def padding_of(conv: nn.Conv2d) -> tuple[int, int]:
    assert isinstance(conv.padding, tuple)
    return conv.padding[0], conv.padding[1]


def outputs_of(x: Tensor, conv: nn.Conv2d) -> list[int]:
    """Frequencies and times that the convolution puts out."""
    sizes = zip(x.shape[2:], padding_of(conv), conv.kernel_size, strict=True)
    return [size + 2 * pad - kernel + 1 for size, pad, kernel in sizes]


def is_data(x: Tensor, conv: nn.Conv2d, pool: tuple[int, int]) -> bool:
    """One channel that needs no gradient, and pools that leave nothing over: patches can be used."""
    whole = all(size % stride == 0 for size, stride in zip(outputs_of(x, conv), pool, strict=True))
    return conv.in_channels == 1 and not x.requires_grad and whole


def patches_under_pools(x: Tensor, kernel: torch.Size, padding: tuple[int, int], pool: tuple[int, int]) -> Tensor:
    """The inputs on which each pooled output depends, and a 1: (256, 1, 40, 31) → (256, 18, 14, 31)"""
    x = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))[:, 0]
    high, wide = (size + stride - 1 for size, stride in zip(kernel, pool, strict=True))
    cells = x.unfold(1, high, pool[0]).unfold(2, wide, pool[1])  # (256, 18, 14, 6, 5)
    patches = x.new_ones(*cells.shape[:3], high * wide + 1)
    patches[..., :-1].unflatten(-1, (high, wide)).copy_(cells)
    return patches


def kernels_in_patch(kernels: Tensor, pool: tuple[int, int]) -> Tensor:
    """The kernels at their places in a patch, zero around them: (64, 1, 5, 4) → (4, 30, 64)"""
    kernel = kernels[:, 0].permute(1, 2, 0)  # (5, 4, 64)
    return torch.stack(
        [
            F.pad(kernel, (0, 0, right, pool[1] - 1 - right, down, pool[0] - 1 - down)).flatten(0, 1)
            for down in range(pool[0])
            for right in range(pool[1])
        ]
    )


def output_moments(patches: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (not corrected) over all patches and places of patches @ weights.

    patches: (n, 30), weights: (4, 30, 64) → (64,), (64,)
    """
    centre = patches.mean(0)
    covariance = patches.T @ patches / len(patches) - torch.outer(centre, centre)
    means = centre @ weights  # (4, 64)
    variance = ((covariance @ weights) * weights).sum(1).mean(0) + means.var(0, correction=0)
    return means.mean(0), variance


@torch.no_grad()
def update_running_statistics(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: int) -> None:
    """As nn.BatchNorm2d does in training: the variance without bias."""
    assert norm.momentum is not None and norm.running_mean is not None and norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance * (count / (count - 1)), norm.momentum)
    norm.num_batches_tracked += 1
