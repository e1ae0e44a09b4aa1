"""The output of layers that do not change, in the place of their input: what the layers behind them start from."""

from dataclasses import replace

import torch
from torch import Tensor

from asrser_nn.data.corpus import Corpus
from asrser_nn.network.convnet import ConvNet, layer_outputs


def output_shape(network: ConvNet, corpus: Corpus, last: int) -> tuple[int, int]:
    """Rows and values of the output of layer `last` for all frames of a corpus, as hold_constant keeps it."""
    if last <= network.num_conv:  # one row per frame: neighbouring windows share them
        return len(corpus.rows), network.shape.channels[last - 1] * network.shape.sizes()[last][1]
    return corpus.num_frames, network.shape.hidden[last - network.num_conv - 1]


@torch.no_grad()
def hold_constant(network: ConvNet, corpus: Corpus, first: int, last: int, once: bool) -> Corpus:
    """A corpus whose rows are the output of layer `last` instead of `first`: what layer last+1 learns from.

    The layers between are a fixed function of the input: they are computed here `once`, or else for every minibatch.
    """
    if last == first:
        return corpus
    by_row = last <= network.num_conv
    if not once or (by_row and not (network.can_slide and corpus.transform is None)):
        before = corpus.transform

        def transform(windows: Tensor) -> Tensor:
            with torch.no_grad():
                return network(windows if before is None else before(windows), first, last)

        return replace(corpus, transform=transform)
    was_training = network.training
    network.eval()
    rows = corpus.rows.new_zeros(output_shape(network, corpus, last))
    if by_row:
        offsets = network.window_offsets(last).to(rows.device)
        lost = int(corpus.offsets[-1] - offsets[-1])  # rows at the end at which no window begins
        for begin in range(0, len(rows) - lost, 4096):
            columns = network.slide(corpus.rows[begin : begin + 4096 + lost], first, last)
            rows[begin : begin + len(columns)] = columns
        result = replace(corpus, rows=rows, offsets=offsets)
    else:
        for frames, outputs in layer_outputs(network, corpus, first, last):
            rows[frames] = outputs.to(rows)
        starts = torch.arange(len(rows), device=rows.device)
        result = replace(corpus, rows=rows, starts=starts, offsets=starts.new_zeros(1), transform=None)
    network.train(was_training)
    return result
