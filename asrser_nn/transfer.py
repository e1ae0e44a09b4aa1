"""Layers copied from one network to another, the first of them held constant."""

import hashlib
from dataclasses import replace

import torch
from torch import Tensor

from asrser_nn.data import Corpus
from asrser_nn.files import Failure
from asrser_nn.network import ConvNet, layer_outputs


def copy_layers(source: ConvNet, target: ConvNet) -> None:
    """All layers but the output, with their BatchNorm statistics. The normalisation of the input is not copied."""
    if replace(source.shape, num_classes=target.shape.num_classes) != target.shape:
        raise Failure(
            f"the layers to copy are those of {source.shape}, but the options ask for {target.shape}: "
            "give both networks the same configuration"
        )
    for theirs, ours in zip(source.layers[:-1], target.layers[:-1], strict=True):
        ours.load_state_dict(theirs.state_dict())


def checksums(network: ConvNet, num_layers: int) -> list[str]:
    """SHA-256 of each of the first layers: weights, BatchNorm's scale, shift and running statistics."""
    sums = []
    for layer in network.layers[:num_layers]:
        digest = hashlib.sha256()
        for name, value in layer.state_dict().items():
            digest.update(name.encode() + value.cpu().numpy().tobytes())
        sums.append(digest.hexdigest())
    return sums


@torch.no_grad()
def hold_constant(network: ConvNet, corpus: Corpus, first: int, last: int, cache_bytes: int) -> Corpus:
    """A corpus whose rows are the output of layer `last` instead of `first`: what layer last+1 learns from.

    The layers between are a fixed function of the input, so they are computed here once, if the result fits into
    cache_bytes, or else for every minibatch. Convolutional layers are kept as one row per frame, not as one window per
    frame: neighbouring windows share them.
    """
    if last == first:
        return corpus
    by_row = last <= network.num_conv
    values = network.shape.channels[last - 1] * network.shape.sizes()[last][1] if by_row else layer_width(network, last)
    num_rows = len(corpus.rows) if by_row else corpus.num_frames
    cacheable = not by_row or (network.can_slide and corpus.transform is None)
    if not cacheable or corpus.rows.element_size() * num_rows * values > cache_bytes:
        before = corpus.transform

        def transform(windows: Tensor) -> Tensor:
            with torch.no_grad():
                return network(windows if before is None else before(windows), first, last)

        return replace(corpus, transform=transform)
    was_training = network.training
    network.eval()
    rows = corpus.rows.new_zeros((num_rows, values))
    if by_row:
        offsets = network.window_offsets(last).to(rows.device)
        lost = int(corpus.offsets[-1] - offsets[-1])  # rows at the end at which no window begins
        for begin in range(0, num_rows - lost, 4096):
            columns = network.slide(corpus.rows[begin : begin + 4096 + lost], first, last)
            rows[begin : begin + len(columns)] = columns
        result = replace(corpus, rows=rows, offsets=offsets)
    else:
        for frames, outputs in layer_outputs(network, corpus, first, last):
            rows[frames] = outputs.to(rows)
        starts = torch.arange(num_rows, device=rows.device)
        result = replace(corpus, rows=rows, starts=starts, offsets=starts.new_zeros(1), transform=None)
    network.train(was_training)
    return result


def layer_width(network: ConvNet, layer: int) -> int:
    """Number of outputs of a fully connected layer."""
    return network.shape.hidden[layer - network.num_conv - 1]


def free_memory(device: torch.device) -> int:
    """Bytes that can be had on a device now."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        with open("/proc/meminfo") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return 2**31  # not Linux: assume a small machine
