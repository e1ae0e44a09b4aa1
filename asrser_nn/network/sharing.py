"""Networks of several tasks that have their first layers in common."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from asrser_nn.network.convnet import ConvNet


def share_layers(networks: Sequence[ConvNet], number: int, statistics: bool) -> None:
    """Give all networks the first layers of the first one.

    statistics: those of BatchNorm too; otherwise each network keeps running statistics of its own, under the same
        weights, scales and shifts
    """
    first, *others = networks
    for network in others:
        for i in range(number):
            if statistics:
                network.layers[i] = first.layers[i]
            else:
                share_parameters(first.layers[i], network.layers[i])


def share_parameters(source: nn.Module, target: nn.Module) -> None:
    for theirs, ours in zip(source.modules(), target.modules(), strict=True):
        for name, parameter in theirs.named_parameters(recurse=False):
            setattr(ours, name, parameter)


def count_parameters(networks: Sequence[ConvNet]) -> int:
    """Of all networks together, what they share counted once."""
    return sum(p.numel() for p in {id(p): p for network in networks for p in network.parameters()}.values())


def layers_in_common(networks: Sequence[ConvNet]) -> int:
    """How many of the first layers do the same with the same frames.

    That is, their weights, BatchNorm's statistics and the normalisation of the input are equal, to the last bit.
    """

    def equal(a: nn.Module, b: nn.Module) -> bool:
        ours, theirs = a.state_dict(), b.state_dict()
        return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)

    def same_input(a: ConvNet, b: ConvNet) -> bool:
        of_equal_shape = replace(a.shape, num_classes=b.shape.num_classes) == b.shape
        return of_equal_shape and torch.equal(a.mean, b.mean) and torch.equal(a.stddev, b.stddev)

    first, *others = networks
    if not all(same_input(first, other) for other in others):
        return 0
    number = 0
    for layer, *theirs in zip(*(network.layers for network in networks), strict=True):
        if not all(equal(layer, other) for other in theirs):
            break
        number += 1
    return number
