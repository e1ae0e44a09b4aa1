"""Options that several commands share, and how they are read: lists of numbers, configuration files."""

import math
import re
from collections.abc import Callable
from typing import Any

import click

from asrser_io.files import Failure
from asrser_io.text import is_word, read_lines
from asrser_nn.network.shape import RANGES, Shape
from asrser_nn.runs import as_text


def read_config(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> None:
    """Lines --option=value, then perhaps '# reason', become defaults: what stands on the command line wins."""
    known = {option: p for p in context.command.params for option in p.opts if isinstance(p, click.Option)}
    known.pop("--config", None)
    defaults: dict[str, Any] = dict(context.default_map or {})
    for path in paths:
        first_line: dict[str, int] = {}
        for number, line in enumerate(read_lines(path, may_be_pipe=True), 1):
            setting = re.split(r"(?:^|\s)#", line)[0].strip()
            if not setting:
                continue
            name, equals, value = setting.partition("=")
            where = f"{path}, line {number}"
            if name not in known or not equals:
                raise Failure(f"{where}: expected --option=value with an option of this command, found '{setting}'")
            if name in first_line:
                raise Failure(f"{where}: {name} is there a second time, after line {first_line[name]}")
            first_line[name] = number
            try:
                known[name].type_cast_value(context, value.strip())
            except click.BadParameter as error:
                raise Failure(f"{where}: {error.format_message()}") from error
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
    """A list such as 64,128, or of pairs such as 5x4,3x3; each number in a range."""

    def __init__(self, least: int, most: int, pairs: bool = False):
        self.least, self.most, self.pairs = least, most, pairs
        self.name = "FxT,…" if pairs else "N,…"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        try:
            numbers = [tuple(int(word) for word in part.split("x")) for part in value.split(",")]
        except ValueError:
            numbers = [()]
        if any(len(part) != 1 + self.pairs for part in numbers):
            form = "pairs such as 5x4,3x3" if self.pairs else "numbers such as 64,128"
            self.fail(f"expected {form}, found '{value}'", parameter, context)
        if outside := [number for part in numbers for number in part if not self.least <= number <= self.most]:
            self.fail(f"{outside[0]} is not in the range {self.least}<=x<={self.most}.", parameter, context)
        return tuple(numbers) if self.pairs else tuple(number for (number,) in numbers)


class Names(click.ParamType):
    """A list such as anger,neutral,silence; an empty one where there are no names."""

    name = "NAME,…"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        names = tuple(value.split(",")) if value else ()
        for name in names:
            if not is_word(name):
                self.fail(f"the name '{name}' in '{value}' is empty or holds white space", parameter, context)
            if names.count(name) > 1:
                self.fail(f"the name '{name}' is there twice in '{value}'", parameter, context)
        return names


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
    click.option("--threads", type=click.IntRange(0, 1024), default=0, help="CPU threads; 0: as many as torch takes"),
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
    type=Real(0),
    help="memory to compute the output of constant layers once, not for each minibatch; default: what is free",
)
MATCHING = [
    click.option(
        "--max-lost", type=Real(0, 100), default=5.0,
        help="per cent of utterances that may lack features or labels, or differ in length",
    )
]  # fmt: skip
NETWORK = [
    click.option(
        "--context", type=click.IntRange(*RANGES["context"]), default=Shape.context,
        help="frames on either side of the one to classify",
    ),
    click.option(
        "--channels", type=Numbers(*RANGES["channels"]), default=as_text(Shape.channels),
        help="channels of the convolutional layers",
    ),
    click.option(
        "--kernels", type=Numbers(*RANGES["kernels"], pairs=True), default=as_text(Shape.kernels),
        help="kernels, frequency x time",
    ),
    click.option(
        "--paddings", type=Numbers(*RANGES["paddings"], pairs=True), default=as_text(Shape.paddings),
        help="zeros on either side, frequency x time",
    ),
    click.option(
        "--pools", type=Numbers(*RANGES["pools"], pairs=True), default=as_text(Shape.pools),
        help="max pooling and its stride, frequency x time",
    ),
    click.option(
        "--hidden", type=Numbers(*RANGES["hidden"]), default=as_text(Shape.hidden),
        help="units of the fully connected layers",
    ),
    click.option(
        "--dropout", type=Real(0, 1, max_open=True), default=0.4,
        help="probability to drop a unit of a fully connected layer",
    ),
    click.option(
        "--num-classes", type=click.IntRange(*RANGES["num_classes"]), default=0,
        help="0: the largest label of the training set, plus one",
    ),
    click.option("--class-names", type=Names(), default="", help="in the order of the labels; default: 0,1,…"),
]  # fmt: skip
METHOD = [
    click.option("--batch-size", type=click.IntRange(2), default=256, help="frames per minibatch"),
    click.option(
        "--learning-rate", type=Real(0, min_open=True), default=1e-3,
        help="of RMSProp; the paper: 1e-3 for ASR, 1e-4 for SER",
    ),
    click.option(
        "--rmsprop-decay", type=Real(0, 1, max_open=True), default=0.99, help="of the mean squared gradient"
    ),
    click.option("--rmsprop-epsilon", type=Real(1e-37), default=1e-8, help="added to its root"),
    click.option(
        "--l2", type=Real(0), default=1e-3,
        help="this times the weight is added to a convolutional weight's gradient",
    ),
    click.option("--max-epochs", type=click.IntRange(1), default=100, help="stop here at the latest"),
    click.option(
        "--patience", type=click.IntRange(1), default=3,
        help="stop when dev accuracy has not improved for so many epochs",
    ),
    click.option(
        "--seed", type=click.IntRange(0, 2**64 - 1), default=1,
        help="fixes initialisation, order of frames and dropout",
    ),
]  # fmt: skip
FILES = [
    click.option(
        "--config", multiple=True, type=click.Path(exists=True, dir_okay=False), is_eager=True, expose_value=False,
        callback=read_config, help="file of lines --option=value   # reason; the command line wins",
    ),
    click.option("--tensorboard/--no-tensorboard", default=False, help="events for TensorBoard in DIR/tensorboard"),
]  # fmt: skip
DATA = [click.argument(name) for name in ("train_feats", "train_labels", "dev_feats", "dev_labels")]
