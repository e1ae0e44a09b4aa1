"""The ConvNet of the paper: conv, conv, three fully connected layers, output; layers are numbered 1 to 6.

A layer is its weights with the BatchNorm, ReLU and pooling or dropout that follow. Sizes at line ends are those of the
paper: 31 frames of 40 filterbanks, 144 classes.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asrser_nn.data.corpus import Corpus
from asrser_nn.network.conv_layers import conv_norm_relu_pool, is_data
from asrser_nn.network.shape import Shape


class ConvLayer(nn.Module):
    """Convolution, BatchNorm, ReLU, max pooling. No bias: BatchNorm's shift is one."""

    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int], padding: tuple[int, int], pool: tuple[int, int]
    ):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu" and (self.training or is_data(x, self.conv, self.pool)):
            return conv_norm_relu_pool(x, self.conv, self.norm, self.pool)
        return F.max_pool2d(F.relu(self.norm(self.conv(x))), self.pool)

    def slide(self, x: Tensor, step: int) -> Tensor:
        """The same for the windows that begin at every column of x, which share nearly everything.

        Neighbours in a window stand `step` columns apart in x: the product of the pools before this layer. Pooling
        keeps its reach but moves by one column, so that the result holds the output of all phases. Inference only.
        """
        x = F.relu(self.norm(F.conv2d(x, self.conv.weight, padding=self.conv.padding, dilation=(1, step))))
        return F.max_pool2d(x, self.pool, stride=(self.pool[0], 1), dilation=(1, step))


class Dropout(nn.Module):
    """As nn.Dropout, but from a generator of its own: other networks in the process do not change what is dropped.

    It compares random numbers, which takes a third of the time of Bernoulli's on a CPU.
    """

    def __init__(self, probability: float):
        super().__init__()
        self.keep = 1 - probability
        self.generator = torch.Generator()

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.keep == 1:
            return x
        kept = torch.rand(x.shape, device=x.device, generator=self.generator) < self.keep
        return x * (kept / self.keep)


class FullLayer(nn.Module):
    """Fully connected, BatchNorm, ReLU, dropout."""

    def __init__(self, inputs: int, outputs: int, dropout: float):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm1d(outputs)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(F.relu(self.norm(self.linear(x.flatten(1)))))


class OutputLayer(nn.Module):
    """The logits of the classes; softmax is part of the loss."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1))


class ConvNet(nn.Module):
    def __init__(self, shape: Shape, dropout: float = 0.4, seed: int = 1):
        """Weights from N(0, 2/n), n the number of inputs of a unit."""
        super().__init__()
        self.shape = shape
        self.num_conv = len(shape.channels)
        self.dropout = dropout
        sizes = shape.sizes()  # (1, 40, 31), (64, 18, 14), (128, 8, 6)
        layers: list[nn.Module] = [
            ConvLayer(before[0], after[0], kernel, padding, pool)
            for before, after, kernel, padding, pool in zip(
                sizes[:-1], sizes[1:], shape.kernels, shape.paddings, shape.pools, strict=True
            )
        ]
        widths = (math.prod(sizes[-1]), *shape.hidden)  # 6144, 1024, 1024, 1024
        layers += [FullLayer(*pair, dropout) for pair in zip(widths[:-1], widths[1:], strict=True)]
        layers.append(OutputLayer(widths[-1], shape.num_classes))
        self.layers = nn.ModuleList(layers)  # layer l of the paper is layers[l - 1]
        self.register_buffer("mean", torch.zeros(shape.num_coefficients))
        self.register_buffer("stddev", torch.ones(shape.num_coefficients))
        self.mean: Tensor
        self.stddev: Tensor
        generator = torch.Generator().manual_seed(seed)
        for layer in self.layers:
            initialise(layer, generator)

    def seed_dropout(self, seed: int) -> None:
        generator = torch.Generator(self.mean.device).manual_seed(seed)
        for layer in self.layers:
            if isinstance(layer, FullLayer):
                layer.dropout.generator = generator

    def normalise(self, rows: Tensor) -> Tensor:
        """Raw filterbanks (rows, 40) to mean 0 and variance 1, by the statistics of the training set; in place."""
        return rows.sub_(self.mean).div_(self.stddev)

    def shape_input(self, windows: Tensor, constant_layers: int = 0) -> Tensor:
        """What Corpus.inputs gathers, (batch, width, values), as input of layer constant_layers + 1."""
        if windows.dim() == 4:  # computed for this minibatch by the layer before
            return windows
        if constant_layers == 0:
            return windows.transpose(1, 2).unsqueeze(1)  # (256, 31, 40) → (256, 1, 40, 31)
        if constant_layers <= self.num_conv:
            channels = self.shape.channels[constant_layers - 1]
            return windows.unflatten(2, (channels, -1)).permute(0, 2, 3, 1)  # (256, 14, 64·18) → (256, 64, 18, 14)
        return windows.flatten(1)  # (256, 1, 1024) → (256, 1024)

    def num_products(self) -> list[int]:
        """Multiplications of each layer for one frame; in the paper's network 1.3, 14, 6.3, 1.0, 1.0, 0.15 million."""
        products = [sum(p.numel() for p in layer.parameters() if p.dim() > 1) for layer in self.layers]
        sizes = zip(self.shape.sizes(), self.shape.kernels, self.shape.paddings, strict=False)
        for i, (size, kernel, padding) in enumerate(sizes):
            products[i] *= math.prod(n + 2 * p - k + 1 for n, k, p in zip(size[1:], kernel, padding, strict=True))
        return products

    def forward(self, windows: Tensor, constant_layers: int = 0, last: int | None = None) -> Tensor:
        """Apply the layers after `constant_layers` up to `last` (all).

        windows: (batch, width, values), from Corpus.inputs
        returns: (batch, classes) logits, or the output of layer `last`
        """
        x = self.shape_input(windows, constant_layers)  # (256, 1, 40, 31)
        for layer in self.layers[constant_layers:last]:
            x = layer(x)  # (256, 64, 18, 14), (256, 128, 8, 6), three times (256, 1024), (256, 144)
        return x

    # What all frames share: the convolutional layers once per row instead of once per window

    @property
    def can_slide(self) -> bool:
        """Padding in time belongs to a window, not to a row, so its values cannot be shared."""
        return all(time == 0 for _, time in self.shape.paddings)

    def window_offsets(self, layer: int) -> Tensor:
        """Columns of a frame's window in the output of convolutional layer `layer`, counted from its start."""
        step = math.prod(time for _, time in self.shape.pools[:layer])
        return step * torch.arange(self.shape.sizes()[layer][2])

    def slide(self, rows: Tensor, first: int, last: int) -> Tensor:
        """Convolutional layers first+1..last over consecutive rows of a corpus.

        rows: (rows, values), normalised filterbanks or the result of this function for layer `first`
        returns: (fewer rows, channels·frequencies): row r belongs to the windows that begin at row r
        """
        channels = 1 if first == 0 else self.shape.channels[first - 1]
        x = rows.T.unflatten(0, (channels, -1)).unsqueeze(0)  # (1, 1, 40, rows)
        for layer in range(first, last):
            step = math.prod(time for _, time in self.shape.pools[:layer])
            conv = self.layers[layer]
            assert isinstance(conv, ConvLayer)
            x = conv.slide(x, step)  # (1, 64, 18, rows - 4), (1, 128, 8, rows - 10)
        return x.squeeze(0).flatten(0, 1).T


def initialise(layer: nn.Module, generator: torch.Generator) -> None:
    for module in layer.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, std=math.sqrt(2 / module.weight[0].numel()), generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@torch.no_grad()
def layer_outputs(
    network: ConvNet, corpus: Corpus, constant_layers: int, last: int, chunk: int = 2048
) -> Iterator[tuple[Tensor, Tensor]]:
    """The output of layer `last` for all frames in order, of a corpus whose rows are the output of `constant_layers`.

    In inference mode, whatever mode the network is in. Convolutional layers are computed once per row, which gives the
    same numbers as window by window, to rounding, in a fraction of the time.

    yields: frames (chunk,), outputs (chunk, values of layer `last`)
    """
    was_training = network.training
    network.eval()
    slide = network.can_slide and corpus.transform is None and constant_layers < network.num_conv <= last
    first = network.num_conv if slide else constant_layers
    offsets = network.window_offsets(first).to(corpus.rows.device) if slide else corpus.offsets
    span = int(corpus.offsets[-1]) + 1
    for frames in torch.arange(corpus.num_frames, device=corpus.rows.device).split(chunk):
        if slide:
            starts = corpus.starts[frames]
            begin, end = int(starts[0]), int(starts[-1]) + span
            columns = network.slide(corpus.rows[begin:end], constant_layers, first)
            windows = columns[(starts - begin)[:, None] + offsets]
        else:
            windows = corpus.inputs(frames)
        yield frames, network(windows, first, last).flatten(1)
    network.train(was_training)


def log_posteriors(network: ConvNet, corpus: Corpus, constant_layers: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """frames (chunk,), log p(class | frame) (chunk, classes), natural log, for all frames in order."""
    for frames, logits in layer_outputs(network, corpus, constant_layers, network.shape.num_layers):
        yield frames, logits.float().log_softmax(1)
