"""A run as data: what it is, the training that makes its network, and how that is evaluated; lists hold one a line.

Imports neither torch nor numpy: it is looked at before anything slow.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from asrser_io.files import Failure
from asrser_nn.network.shape import Shape


def as_text(value: Any) -> str:
    """An option's value as it would be typed."""
    if isinstance(value, tuple):
        return ",".join("x".join(map(str, part)) if isinstance(part, tuple) else str(part) for part in value)
    return str(value)


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
    """Where layers come from (a model, or no training: random:NAME), and how many of the first stay constant."""

    source: str
    constant_layers: int

    @property
    def draw(self) -> str | None:
        """What this draw of random layers is called; None if they are those of a model."""
        kind, _, name = self.source.partition(":")
        return name if kind == "random" else None


@dataclass(frozen=True)
class Training:
    sources: Sources
    shape: Shape
    dropout: float
    method: Method
    transfer: Transfer | None = None

    def __post_init__(self) -> None:
        names, layers = self.sources.class_names, self.shape.num_layers
        if names and self.shape.num_classes not in (0, len(names)):
            raise Failure(f"--num-classes={self.shape.num_classes}, but --class-names holds {len(names)} names")
        if self.transfer and self.transfer.constant_layers >= layers:
            raise Failure(f"--constant-layers={self.transfer.constant_layers}: of {layers} layers one must learn")

    def options(self) -> dict[str, Any]:
        """All of it on one level, by the names that the commands' options have."""
        flat = asdict(self.sources) | asdict(self.shape) | {"dropout": self.dropout} | asdict(self.method)
        del flat["num_coefficients"]
        return flat | (asdict(self.transfer) if self.transfer else {})

    @staticmethod
    def names() -> set[str]:
        """All names that options() may have."""
        return {"dropout"} | {field.name for kind in (Sources, Shape, Method, Transfer) for field in fields(kind)}

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


@dataclass(frozen=True)
class Evaluation:
    """On what a network is evaluated; the options of `asrser_nn evaluate` explain the rest."""

    feats: str
    labels: str
    max_lost: float
    silence_class: str | None
    utt2class: str | None
    precision: str
    json_path: str | None
    predictions: str | None

    @classmethod
    def names(cls) -> list[str]:
        return [field.name for field in fields(cls)]

    @classmethod
    def of(cls, options: dict[str, Any]) -> "Evaluation":
        return cls(**{name: options[name] for name in cls.names()})


@dataclass(frozen=True)
class Run:
    """A directory that is to hold a trained network and its evaluations."""

    directory: str
    task: str  # what its network learns
    source_task: str | None  # what its layers come from, "random" if from no training; None: trained from scratch
    fold: str | None
    training: Training
    evaluations: tuple[Evaluation, ...] = ()
    decodings: tuple[str, ...] = ()  # folders in it that others add before it is complete

    @property
    def constant_layers(self) -> int | None:
        return self.training.transfer.constant_layers if self.training.transfer else None

    @property
    def experiment(self) -> str:
        """What it is called in tables: asr, or ser2asr."""
        return f"{self.source_task}2{self.task}" if self.source_task else self.task

    def as_data(self) -> dict[str, Any]:
        """For JSON. Training and evaluations are on one level each, by the names of the commands' options."""
        evaluations = [asdict(evaluation) for evaluation in self.evaluations]
        return vars(self) | {"training": self.training.options(), "evaluations": evaluations}
