"""Options that several commands share, and how they are read: lists of numbers, configuration files."""

import math
from collections.abc import Callable
from typing import Any

import click

from asrser_io.files import Failure
from asrser_io.text import read_lines


def read_config(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> None:
    """Lines --option=value, then perhaps '# reason', become defaults: what stands on the command line wins."""
    known = {option: p for p in context.command.params for option in p.opts if isinstance(p, click.Option)}
    defaults: dict[str, Any] = dict(context.default_map or {})
    for path in paths:
        for number, line in enumerate(read_lines(path), 1):
            setting = line.partition("#")[0].strip()
            if not setting:
                continue
            name, equals, value = setting.partition("=")
            if name not in known or not equals:
                raise Failure(
                    f"{path}, line {number}: expected --option=value with an option of this command, found '{setting}'"
                )
            defaults[str(known[name].name)] = value.strip()
    context.default_map = defaults


class Real(click.FloatRange):
    """A number in a range, and finite: click itself lets nan pass every range."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        number = super().convert(value, parameter, context)
        if not math.isfinite(number):
            self.fail(f"{number} is not in the range {self._describe_range()}.", parameter, context)
        return number


class Numbers(click.ParamType):
    """A list such as 64,128, or of pairs such as 5x4,3x3."""

    def __init__(self, pairs: bool = False):
        self.pairs = pairs
        self.name = "FxT,…" if pairs else "N,…"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        try:
            if not self.pairs:
                return tuple(int(word) for word in value.split(","))
            pairs = tuple(tuple(int(word) for word in pair.split("x")) for pair in value.split(","))
            if all(len(pair) == 2 for pair in pairs):
                return pairs
        except ValueError:
            pass
        form = "pairs such as 5x4,3x3" if self.pairs else "numbers such as 64,128"
        self.fail(f"expected {form}, found '{value}'", parameter, context)


class Names(click.ParamType):
    """A list such as anger,neutral,silence."""

    name = "NAME,…"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        return tuple(name for name in value.split(",") if name) if isinstance(value, str) else value


def options(*groups: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorate


PRECISIONS = click.Choice(["fp32", "tf32", "bf16"])
WHERE = [
    click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help="auto: a GPU if there is one"
    ),
    click.option("--threads", default=0, help="CPU threads; 0: as many as torch takes"),
]
COMPUTE = [
    *WHERE,
    click.option(
        "--precision",
        type=PRECISIONS,
        default="fp32",
        help="of products: tf32 on a GPU, bf16 also on a CPU; sums and weights are float32",
    ),
]
CACHE = click.option(
    "--cache-gb",
    type=click.FloatRange(min=0),
    help="memory to compute the output of constant layers once, not for each minibatch; default: what is free",
)
MATCHING = [
    click.option(
        "--max-lost", default=5.0, help="per cent of utterances that may lack features or labels, or differ in length"
    )
]
NETWORK = [
    click.option("--context", default=15, help="frames on either side of the one to classify"),
    click.option("--channels", type=Numbers(), default="64,128", help="channels of the convolutional layers"),
    click.option("--kernels", type=Numbers(pairs=True), default="5x4,3x3", help="kernels, frequency x time"),
    click.option(
        "--paddings", type=Numbers(pairs=True), default="0x0,0x0", help="zeros on either side, frequency x time"
    ),
    click.option(
        "--pools", type=Numbers(pairs=True), default="2x2,2x2", help="max pooling and its stride, frequency x time"
    ),
    click.option("--hidden", type=Numbers(), default="1024,1024,1024", help="units of the fully connected layers"),
    click.option("--dropout", default=0.4, help="probability to drop a unit of a fully connected layer"),
    click.option("--num-classes", default=0, help="0: the largest label of the training set, plus one"),
    click.option("--class-names", type=Names(), default="", help="in the order of the labels; default: 0,1,…"),
]
METHOD = [
    click.option("--batch-size", default=256, help="frames per minibatch"),
    click.option("--learning-rate", default=1e-3, help="of RMSProp; the paper: 1e-3 for ASR, 1e-4 for SER"),
    click.option("--rmsprop-decay", default=0.99, help="of the mean squared gradient"),
    click.option("--rmsprop-epsilon", default=1e-8, help="added to its root"),
    click.option("--l2", default=1e-3, help="this times the weight is added to a convolutional weight's gradient"),
    click.option("--max-epochs", default=100, help="stop here at the latest"),
    click.option("--patience", default=3, help="stop when dev accuracy has not improved for so many epochs"),
    click.option("--seed", default=1, help="fixes initialisation, order of frames and dropout"),
]
FILES = [
    click.option(
        "--config", multiple=True, type=click.Path(exists=True, dir_okay=False), is_eager=True, expose_value=False,
        callback=read_config, help="file of lines --option=value   # reason; the command line wins",
    ),
    click.option("--tensorboard/--no-tensorboard", default=False, help="events for TensorBoard in DIR/tensorboard"),
]  # fmt: skip
DATA = [click.argument(name) for name in ("train_feats", "train_labels", "dev_feats", "dev_labels")]
