"""A run as data: what it is, the training that makes its network, and how that is evaluated; lists hold one a line.

Imports neither torch nor numpy: it is looked at before anything slow.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from asrser_io.files import Failure
from asrser_nn.network.shape import Shape

# before the source task of a run: its layers have got BatchNorm statistics of the target's speech
FITTED = "fitted+"


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
    """Where layers come from (a model, or no training: random:NAME), and how many of the first stay constant.

    statistics: of a model's BatchNorm: "copied" with its layers, or "fitted" to the new training set, as of random ones
    """

    source: str
    constant_layers: int
    statistics: str = "copied"

    @property
    def draw(self) -> str | None:
        """What this draw of random layers is called; None if they are those of a model."""
        kind, _, name = self.source.partition(":")
        return name if kind == "random" else None

    @property
    def is_fitted(self) -> bool:
        return self.draw is not None or self.statistics == "fitted"


@dataclass(frozen=True)
class Sharing:
    """How a network shares its first layers with those of other tasks, which learn at the same time."""

    shared_layers: int
    batchnorm: str  # statistics of the shared layers: "shared" or "own", by each task
    normalisation: str  # of the input: the same
    passes: float  # over this task's frames in an epoch
    baseline: str | None  # the separate network of this task; None: its dev accuracy counts as it is


@dataclass(frozen=True)
class Training:
    sources: Sources
    shape: Shape
    dropout: float
    method: Method
    transfer: Transfer | None = None
    sharing: Sharing | None = None

    def __post_init__(self) -> None:
        names, layers = self.sources.class_names, self.shape.num_layers
        if names and self.shape.num_classes not in (0, len(names)):
            raise Failure(f"--num-classes={self.shape.num_classes}, but --class-names holds {len(names)} names")
        if self.transfer and self.transfer.constant_layers >= layers:
            raise Failure(f"--constant-layers={self.transfer.constant_layers}: of {layers} layers one must learn")
        if self.sharing and self.sharing.shared_layers >= layers:
            raise Failure(f"--shared-layers={self.sharing.shared_layers}: of {layers} layers one is each task's own")

    def options(self) -> dict[str, Any]:
        """All of it on one level, by the names that the commands' options have."""
        flat = asdict(self.sources) | asdict(self.shape) | {"dropout": self.dropout} | asdict(self.method)
        del flat["num_coefficients"]
        for part in (self.transfer, self.sharing):
            flat |= asdict(part) if part else {}
        return flat

    @staticmethod
    def names() -> set[str]:
        """All names that options() may have."""
        kinds = (Sources, Shape, Method, Transfer, Sharing)
        return {"dropout"} | {field.name for kind in kinds for field in fields(kind)}

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
            sharing=Sharing(**pick(Sharing)) if "shared_layers" in options else None,
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
    source_task: str | None  # what its layers come from, or FITTED and that; "random": no training; None: from scratch
    fold: str | None
    training: Training
    evaluations: tuple[Evaluation, ...] = ()
    decodings: tuple[str, ...] = ()  # folders in it that others add before it is complete

    @property
    def constant_layers(self) -> int | None:
        return self.training.transfer.constant_layers if self.training.transfer else None

    @property
    def shared_layers(self) -> int | None:
        return self.training.sharing.shared_layers if self.training.sharing else None

    @property
    def parts(self) -> tuple["Run", ...]:
        """One for each task that is learned."""
        return (self,)

    @property
    def experiment(self) -> str:
        """What it is called in tables: asr, or ser2asr."""
        return f"{self.source_task}2{self.task}" if self.source_task else self.task

    def as_data(self) -> dict[str, Any]:
        """For JSON. Training and evaluations are on one level each, by the names of the commands' options."""
        evaluations = [asdict(evaluation) for evaluation in self.evaluations]
        return vars(self) | {"training": self.training.options(), "evaluations": evaluations}


@dataclass(frozen=True)
class Hybrid:
    """Tasks whose networks share their first layers and learn together. Each has its directory in this one's."""

    directory: str
    parts: tuple[Run, ...]

    def __post_init__(self) -> None:
        names = [part.task for part in self.parts]
        if twice := [name for name in names if names.count(name) > 1]:
            raise Failure(f"{self.directory}: {twice[0]} is there twice among the tasks of a hybrid")
        for part in self.parts:
            if part.directory != (expected := f"{self.directory}/{part.task}"):
                raise Failure(f"the directory of a hybrid's task is {expected}, not {part.directory}")
        check_together({part.task: part.training for part in self.parts})

    @property
    def task(self) -> str:
        return "+".join(part.task for part in self.parts)

    @property
    def source_task(self) -> str:
        return "hybrid"

    @property
    def constant_layers(self) -> int | None:
        return None

    @property
    def shared_layers(self) -> int | None:
        return self.parts[0].shared_layers

    def as_data(self) -> dict[str, Any]:
        return {"directory": self.directory, "parts": [part.as_data() for part in self.parts]}


def check_together(trainings: dict[str, Training]) -> None:
    """Refuse trainings, by task, that cannot share layers or differ in what concerns them all."""
    (first, a), *others = trainings.items()
    for task, b in trainings.items():
        if b.sharing is None or b.transfer is not None:
            raise Failure(f"{task}: no task of a hybrid, whose layers are shared and from no other network")
    for task, b in others:
        for name, ours in common_options(a).items():
            if ours != (theirs := common_options(b)[name]):
                raise Failure(
                    f"--{name.replace('_', '-')} is {as_text(ours)} for {first}, but {as_text(theirs)} for {task}: "
                    "networks that share layers have the same"
                )


def common_options(training: Training) -> dict[str, Any]:
    """Those in which tasks that learn together may not differ."""
    names = {field.name for field in fields(Shape)} | {"dropout", "seed", "precision"}
    names |= {"shared_layers", "batchnorm", "normalisation"}
    return {name: value for name, value in training.options().items() if name in names - {"num_classes"}}
