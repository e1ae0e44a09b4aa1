"""A training as data: on what, with which network, by which method.

Imports neither torch nor numpy: it is looked at before anything slow.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from asrser_nn.network.shape import Shape


@dataclass(frozen=True)
class Sources:
    """Where frames and labels come from: data directories or rspecifiers."""

    train_feats: str
    train_labels: str
    dev_feats: str
    dev_labels: str
    class_names: tuple[str, ...]  # none: they are numbers
    max_lost: float  # per cent of the utterances that may lack features or labels, or differ in length


@dataclass(frozen=True)
class Method:
    """The numbers of a training; the commands' options of the same names explain them."""

    batch_size: int
    learning_rate: float
    rmsprop_decay: float
    rmsprop_epsilon: float
    l2: float
    max_epochs: int
    patience: int
    seed: int
    precision: str


@dataclass(frozen=True)
class Transfer:
    """Where layers come from (a model or 'random'), and how many of the first stay constant."""

    source: str
    constant_layers: int


@dataclass(frozen=True)
class Training:
    sources: Sources
    shape: Shape
    dropout: float
    method: Method
    transfer: Transfer | None = None

    def options(self) -> dict[str, Any]:
        """All of it on one level, by the names that the commands' options have."""
        flat = asdict(self.sources) | asdict(self.shape) | {"dropout": self.dropout} | asdict(self.method)
        del flat["num_coefficients"]
        return flat | (asdict(self.transfer) if self.transfer else {})

    @classmethod
    def of(cls, options: dict[str, Any]) -> "Training":
        """What `options` gives. Other names are not looked at."""

        def pick(kind: type) -> dict[str, Any]:
            return {field.name: options[field.name] for field in fields(kind) if field.name in options}

        return cls(
            sources=Sources(**pick(Sources)),
            shape=Shape(num_coefficients=0, **pick(Shape)),
            dropout=options["dropout"],
            method=Method(**pick(Method)),
            transfer=Transfer(**pick(Transfer)) if "source" in options else None,
        )
