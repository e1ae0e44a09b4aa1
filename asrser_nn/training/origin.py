"""What a run was made from: fingerprints of its data, and of the layers that it took over.

They stand in its checkpoint, its network and its mark, so that it neither goes on as nor is taken for another one when
the files behind the same names have changed.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asrser_io.files import Failure, described
from asrser_nn.data.corpus import Corpus, changes, fingerprint
from asrser_nn.network.convnet import ConvNet
from asrser_nn.network.model import load_model
from asrser_nn.prediction.evaluate import evaluation_fingerprint
from asrser_nn.runs import Run, Sharing, Training, Transfer
from asrser_nn.training.loop import Data
from asrser_nn.training.transfer import checksums

# "train", "dev", "evaluation 1", …: fingerprints; "layers": see origin_of_layers; "baseline": an accuracy
Origin = dict[str, Any]


def source_network(transfer: Transfer | None) -> ConvNet | None:
    """The network that layers come from, if they come from one."""
    return load_model(transfer.source).network if transfer and transfer.draw is None else None


def origin_of(data: Data, training: Training) -> Origin:
    """data: on the CPU and not normalised"""
    corpora = {"train": fingerprint(data.train), "dev": fingerprint(data.dev)}
    return corpora | from_networks(training.transfer, training.sharing)


def from_networks(transfer: Transfer | None, sharing: Sharing | None) -> Origin:
    """What a training takes from networks: layers, or an accuracy to compare with."""
    found: Origin = {"layers": origin_of_layers(transfer, source_network(transfer))}
    if sharing and sharing.baseline:
        found["baseline"] = load_model(sharing.baseline).about["dev_accuracy"]
    return found


def origin_of_layers(transfer: Transfer | None, source: ConvNet | None) -> str | None:
    """A checksum of all layers but the output; for random ones, which follow from the seed, their name."""
    if source is None:
        return transfer.source if transfer else None
    return hashlib.sha256("".join(checksums(source, source.shape.num_layers - 1)).encode()).hexdigest()


def check_origin(directory: Path, theirs: Origin | None, ours: Origin) -> None:
    """Refuse a directory whose training or evaluations were made, or begun, from something else than there is now.

    theirs: None where an older version kept none
    """
    if theirs is None:
        raise Failure(
            f"{directory} holds a training of an older version of asrser_nn, which does not say on what data: "
            "remove it or give another directory"
        )
    said = []
    for part, mine in ours.items():
        if part not in theirs:
            change = "not known"
        elif part == "layers":
            change = "" if theirs[part] == mine else "others than those of the source now"
        elif part == "baseline":
            change = "" if theirs[part] == mine else f"dev accuracy {theirs[part]:.2f} %, now {mine:.2f} %"
        else:
            try:
                change = changes(theirs[part], mine)
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                raise Failure(
                    f"{directory}: what it says of the data that it was made from is damaged ({described(error)}); "
                    "remove it to have it made again"
                ) from error
        if change:
            said.append(f"{part}: {change}")
    if said:
        raise Failure(
            f"{directory} was made from other data than there are now ({'; '.join(said)}): "
            "remove it, or give the same data or another directory"
        )


class Origins:
    """What runs would be made from now. Keeps no corpus, and reads none and no network twice."""

    def __init__(self, load: Callable[..., Corpus]):
        self.load = load
        self.fingerprints: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.networks: dict[tuple[Transfer | None, str | None], Origin] = {}

    def of(self, run: Run) -> Origin:
        sources, transfer, sharing = run.training.sources, run.training.transfer, run.training.sharing
        networks = transfer, sharing.baseline if sharing else None
        if networks not in self.networks:
            self.networks[networks] = from_networks(transfer, sharing)

        def data(feats: str, labels: str, max_lost: float, utt2class: str | None = None) -> dict[str, Any]:
            key = (feats, labels, max_lost, utt2class)
            if key not in self.fingerprints:
                corpus = self.load(feats, labels, run.training.shape.context, max_lost)
                self.fingerprints[key] = evaluation_fingerprint(corpus, utt2class)
            return self.fingerprints[key]

        return {
            "train": data(sources.train_feats, sources.train_labels, sources.max_lost),
            "dev": data(sources.dev_feats, sources.dev_labels, sources.max_lost),
            **self.networks[networks],
            **{
                f"evaluation {number}": data(entry.feats, entry.labels, entry.max_lost, entry.utt2class)
                for number, entry in enumerate(run.evaluations, 1)
            },
        }
