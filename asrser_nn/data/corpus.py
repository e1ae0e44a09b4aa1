"""A corpus as one table of feature rows, and the windows of its frames gathered from it by index."""

import hashlib
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asrser_io.files import Failure
from asrser_io.text import some_of
from asrser_nn.data.tables import read_feats, read_labels


def pad_utterance(feats: np.ndarray, context: int) -> np.ndarray:
    """Repeat the first and last frame `context` times: every frame has a whole window, and none leaves its utterance.

    feats: (frames, coefficients) → (frames + 2·context, coefficients)
    """
    return np.pad(feats, ((context, context), (0, 0)), mode="edge")


@dataclass
class Corpus:
    """Frames of many utterances and what the network sees of each.

    The input of frame i is rows[starts[i] + offsets]. For filterbanks the offsets are 0..30; where some layers are held
    constant the rows are those layers' output instead, and the offsets as many columns as they leave (see convnet.py).
    """

    rows: Tensor  # (rows, values) float32
    starts: Tensor  # (frames,) int64, first row of each frame's window
    offsets: Tensor  # (width,) int64, the rows of a window, counted from its start
    labels: Tensor  # (frames,) int64
    utterances: list[str]
    ends: list[int]  # of each utterance: the index after its last frame
    transform: Callable[[Tensor], Tensor] | None = (
        None  # applied to a gathered window, where it could not be precomputed
    )

    @property
    def num_frames(self) -> int:
        return len(self.labels)

    @property
    def num_bytes(self) -> int:
        return sum(tensor.nbytes for tensor in (self.rows, self.starts, self.labels))

    def inputs(self, frames: Tensor) -> Tensor:
        """frames: (batch,) int64 → (batch, width, values), or what `transform` makes of it."""
        windows = self.rows[self.starts[frames, None] + self.offsets]
        return windows if self.transform is None else self.transform(windows)

    def to(self, device: torch.device) -> "Corpus":
        moved = {name: getattr(self, name).to(device) for name in ("rows", "starts", "offsets", "labels")}
        return replace(self, **moved)


def corpus_of(utterances: list[tuple[str, np.ndarray, np.ndarray]], context: int) -> Corpus:
    """A corpus from (utterance, features (frames, coefficients), labels (frames,)); empties the list as it goes."""
    lengths = [len(labels) for _, _, labels in utterances]
    names = [name for name, _, _ in utterances]
    rows = np.empty((sum(lengths) + 2 * context * len(lengths), utterances[0][1].shape[1]), dtype=np.float32)
    starts = np.empty(sum(lengths), dtype=np.int64)
    labels = np.empty(sum(lengths), dtype=np.int64)
    row = frame = 0
    for i, length in enumerate(lengths):
        _, feats, targets = utterances[i]
        utterances[i] = ("", feats[:0], targets[:0])  # freed as soon as it is copied: the corpus is in memory once
        rows[row : row + length + 2 * context] = pad_utterance(feats, context)
        starts[frame : frame + length] = np.arange(row, row + length)
        labels[frame : frame + length] = targets
        row += length + 2 * context
        frame += length
    return Corpus(
        rows=torch.from_numpy(rows),
        starts=torch.from_numpy(starts),
        offsets=torch.arange(2 * context + 1),
        labels=torch.from_numpy(labels),
        utterances=names,
        ends=np.cumsum(lengths).tolist(),
    )


def load_corpus(feats_source: str, labels_source: str, context: int, max_lost: float) -> Corpus:
    """Read features and labels and match them by utterance.

    feats_source, labels_source: data directories or rspecifiers
    max_lost: per cent of the utterances that may lack features or labels or differ in length before it is an error
    """
    labels = dict(read_labels(labels_source))
    utterances = []
    lost: dict[str, list[str]] = {"without labels": [], "without features": [], "of different lengths": [], "empty": []}
    dim = None
    for key, feats in read_feats(feats_source):
        dim = dim or feats.shape[1]
        if key not in labels:
            lost["without labels"].append(key)
            continue
        targets = labels.pop(key)
        if len(feats) == 0:
            lost["empty"].append(key)
        elif len(feats) != len(targets):
            lost["of different lengths"].append(f"{key} ({len(feats)} frames, {len(targets)} labels)")
        elif feats.shape[1] != dim:
            raise Failure(f"{feats_source}: {key} has {feats.shape[1]} coefficients per frame, those before it {dim}")
        else:
            utterances.append((key, feats, targets))
    lost["without features"] = list(labels)
    num_lost = sum(map(len, lost.values()))
    total = len(utterances) + num_lost
    found = "; ".join(f"{len(keys)} {what}: {some_of(keys)}" for what, keys in lost.items() if keys)
    if not utterances or 100 * num_lost > max_lost * total:
        raise Failure(
            f"{num_lost} of {total} utterances of {feats_source} and {labels_source} cannot be used "
            f"({found or 'both are empty'}); --max-lost allows {max_lost:g} %"
        )
    if num_lost:
        print(
            f"asrser_nn: warning: {num_lost} of {total} utterances of {feats_source} left out ({found})",
            file=sys.stderr,
        )
    return corpus_of(utterances, context)


def fingerprint(corpus: Corpus) -> dict[str, Any]:
    """What tells a corpus from any other: counts and mean, to be read, and checksums of all that is in it.

    corpus: as it was read, on the CPU and not normalised. The context of its windows makes no difference.
    """
    rows, context = corpus.rows.numpy(), len(corpus.offsets) // 2
    names, features = hashlib.sha256(), hashlib.sha256()
    total, begin = 0.0, 0
    for name, end in zip(corpus.utterances, corpus.ends, strict=True):
        first = int(corpus.starts[begin]) + context
        frames = rows[first : first + end - begin]  # without what pads the utterance
        names.update(f"{name} {end - begin}\n".encode(errors="surrogateescape"))
        features.update(frames.tobytes())
        total += float(frames.sum(dtype=np.float64))
        begin = end
    labels = corpus.labels.numpy()
    values, numbers = np.unique(labels, return_counts=True)
    return {
        "utterances": len(corpus.utterances),
        "frames": corpus.num_frames,
        "coefficients": rows.shape[1],
        "label_counts": {str(value): int(number) for value, number in zip(values, numbers, strict=True)},
        "mean": float(f"{total / (corpus.num_frames * rows.shape[1]):.6g}"),
        "sha256": {
            "names": names.hexdigest(),
            "features": features.hexdigest(),
            "labels": hashlib.sha256(labels.tobytes()).hexdigest(),
        },
    }


def changes(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """In words, how an earlier corpus differs from one of now, by their fingerprints; nothing if they are equal."""
    counts = ("utterances", "frames", "coefficients")
    said = [f"{theirs[name]} {name}, now {ours[name]}" for name in counts if theirs[name] != ours[name]]
    sums = theirs["sha256"], ours["sha256"]
    if said or sums[0] == sums[1]:
        return ", ".join(said)
    other = [name for name in {**sums[0], **sums[1]} if sums[0].get(name) != sums[1].get(name)]
    mean = f" (their mean {theirs['mean']:g}, now {ours['mean']:g})" if "features" in other else ""
    return f"other {' and '.join(other)}{mean}"


class RecentCorpora:
    """What load_corpus gives, from memory where it has been read not long ago: for many trainings in one process.

    The files are taken to stay as they are. The oldest are forgotten when all together take more than max_bytes.
    """

    def __init__(self, max_bytes: int = 2**30):
        self.max_bytes = max_bytes
        self.kept: dict[tuple[str, str, int, float], Corpus] = {}
        self.mutex = threading.Lock()

    def load(self, feats_source: str, labels_source: str, context: int, max_lost: float) -> Corpus:
        """As load_corpus. The rows are the caller's own, to be normalised."""
        key = (feats_source, labels_source, context, max_lost)
        with self.mutex:  # two that ask for the same at the same time: the second one waits, and need not read
            corpus = self.kept.pop(key, None) or load_corpus(*key)
            self.kept[key] = corpus  # the newest
            while self.kept and sum(kept.num_bytes for kept in self.kept.values()) > self.max_bytes:
                del self.kept[next(iter(self.kept))]
            return replace(corpus, rows=corpus.rows.clone()) if key in self.kept else corpus


def check_labels(corpus: Corpus, num_classes: int, source: str) -> None:
    """Refuse labels that the network has no output for, naming the first utterance that holds one."""
    wrong = ((corpus.labels < 0) | (corpus.labels >= num_classes)).nonzero()
    if len(wrong):
        frame = int(wrong[0])
        utterance = corpus.utterances[int(np.searchsorted(corpus.ends, frame, side="right"))]
        raise Failure(
            f"{source}: {utterance} has label {int(corpus.labels[frame])}, but there are {num_classes} classes "
            f"(0 to {num_classes - 1}): are these the labels of another model?"
        )


def check_coefficients(source: str, found: int, expected: int) -> None:
    if found != expected:
        raise Failure(f"{source}: {found} coefficients per frame, but the model takes {expected}: other features?")


def mean_and_stddev(*corpora: Corpus) -> tuple[Tensor, Tensor]:
    """Of each coefficient over all frames, padding not counted: two tensors (coefficients,) float32."""
    total = torch.zeros(corpora[0].rows.shape[1], dtype=torch.float64)
    squares = total.clone()
    for corpus in corpora:
        frames = corpus.starts + len(corpus.offsets) // 2  # the row of each frame itself
        for part in frames.split(100_000):
            rows = corpus.rows[part].double()
            total += rows.sum(0)
            squares += (rows * rows).sum(0)
    num_frames = sum(corpus.num_frames for corpus in corpora)
    mean = total / num_frames
    variance = squares / num_frames - mean * mean
    return mean.float(), variance.clamp(min=1e-8).sqrt().float()
