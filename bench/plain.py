"""What asrser_nn is compared with: the paper's training as a competent newcomer writes it in plain PyTorch."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from asrser_nn.data.corpus import Corpus
from asrser_nn.network.device import precision_context
from synthetic import BATCH, CLASSES, synthetic_corpus


class Windows(Dataset[Any]):
    """One window of 31 frames per item."""

    def __init__(self, corpus: Corpus):
        self.corpus = corpus

    def __len__(self) -> int:
        return self.corpus.num_frames

    def __getitem__(self, frame: int) -> tuple[Tensor, Tensor]:
        start = int(self.corpus.starts[frame])
        return self.corpus.rows[start : start + 31].T.unsqueeze(0), self.corpus.labels[frame]


def minibatches() -> Iterator[tuple[Tensor, Tensor]]:
    """Without end, from a corpus so large that the loader's start of an epoch does not count."""
    corpus = synthetic_corpus(400 * BATCH)
    loader = DataLoader(Windows(corpus), BATCH, shuffle=True, drop_last=True, num_workers=2, persistent_workers=True)
    while True:
        yield from loader


def layers() -> list[nn.Sequential]:
    def full(inputs: int) -> nn.Sequential:
        return nn.Sequential(nn.Linear(inputs, 1024), nn.BatchNorm1d(1024), nn.ReLU(), nn.Dropout(0.4))

    return [
        nn.Sequential(nn.Conv2d(1, 64, (5, 4)), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(64, 128, (3, 3)), nn.BatchNorm2d(128), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *[full(6144), full(1024), full(1024)],
        nn.Sequential(nn.Linear(1024, CLASSES)),
    ]


def trainer(device: torch.device, precision: str, constant_layers: int = 0) -> Callable[[Tensor, Tensor], float]:
    """A function that makes one training step of windows (256, 1, 40, 31) and labels, and returns the loss."""
    parts = layers()
    for layer in parts[:constant_layers]:
        layer.eval().requires_grad_(False)
    network = nn.Sequential(*parts).to(device)
    learning = [weights for weights in network.parameters() if weights.requires_grad]
    optimiser = torch.optim.RMSprop(learning, lr=1e-3, alpha=0.99)

    def step(windows: Tensor, labels: Tensor) -> float:
        optimiser.zero_grad()
        with precision_context(device, precision):
            loss = F.cross_entropy(network(windows.to(device)), labels.to(device))
        loss.backward()
        optimiser.step()
        return loss.item()

    return step
