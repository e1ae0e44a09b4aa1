"""asrser_nn multitask, and the options of one of its tasks."""

from pathlib import Path
from typing import Any

import click

from asrser_io.files import Failure
from asrser_nn.commands.options import COMPUTE, DATA, FILES, MATCHING, METHOD, NETWORK, WHERE, Real, options
from asrser_nn.runs import Training, check_together

SHARED_OR_OWN = click.Choice(["shared", "own"])
SHARING = [
    click.option(
        "--shared-layers", required=True, type=click.IntRange(0), help="how many of the first layers the tasks share"
    ),
    click.option(
        "--batchnorm", type=SHARED_OR_OWN, default="own",
        help="BatchNorm statistics of the shared layers: of all tasks, or each task's own",
    ),
    click.option(
        "--normalisation", type=SHARED_OR_OWN, default="own",
        help="mean and variance of the input: of all training sets, or each task's own",
    ),
]  # fmt: skip


@click.command("multitask")
@options(SHARING)
@click.option("--passes", type=Real(0, min_open=True), default=1.0)
@click.option("--baseline")
@options(DATA, [click.argument("dir")], FILES, NETWORK, METHOD, MATCHING, COMPUTE)
def part_of_hybrid(**_: Any) -> None:
    """The options of one task, as lists of runs hold them: no command of its own."""


class Task(click.ParamType):
    name = "NAME=MODEL"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        name, _, model = value.partition("=")
        if not name or not model or "/" in name or name in (".", ".."):
            self.fail(f"expected a name and a run directory, such as asr=exp/asr, found '{value}'", parameter, context)
        return name, model


@click.command()
@options(SHARING)
@click.option(
    "--passes", nargs=2, type=(str, Real(0, min_open=True)), multiple=True, metavar="NAME NUMBER",
    help="how often a task sees its frames in an epoch; default: once",
)  # fmt: skip
@options(WHERE)
@click.argument("tasks", nargs=-1, required=True, type=Task(), metavar="NAME=MODEL...")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
def multitask(
    tasks: tuple[tuple[str, str], ...], directory: Path, passes: tuple[tuple[str, float], ...], **given: Any
) -> None:
    """Train networks of several tasks together, whose first layers are the same.

    MODEL is the run directory of a network that has learned the task alone. From there come data, classes, sizes and
    method. Minibatches of the tasks take turns, each with its own loss and learning rate, until the mean of their dev
    accuracies, each divided by that of its MODEL, improves no more.

    DIR/NAME holds what `train` leaves, one for each task. A training that was killed continues.

    \b
    asrser_nn multitask --shared-layers 3 asr=exp/asr ser=exp/ser/fold_03 exp/hybrid/l3/fold_03
    """
    names = [name for name, _ in tasks]
    if twice := [name for name in names if names.count(name) > 1]:
        raise Failure(f"the task {twice[0]} is there twice")
    if unknown := [name for name, _ in passes if name not in names]:
        raise Failure(f"--passes {unknown[0]}: the tasks are {', '.join(names)}")
    sharing = {f"--{name.replace('_', '-')}": given[name] for name in ("shared_layers", "batchnorm", "normalisation")}
    trainings = {}
    for name, model in tasks:
        own = sharing | {"--passes": dict(passes).get(name, 1.0), "--baseline": model}
        trainings[name] = learned_by(model, own)
    check_together(trainings)
    from asrser_nn.commands.train import run_trainings

    run_trainings(directory, {directory / name: training for name, training in trainings.items()}, given)


def learned_by(path: str, more: dict[str, Any]) -> Training:
    """The training that a model comes from, with further options."""
    from asrser_nn.network.model import load_model
    from asrser_nn.training.directory import ARGUMENTS

    config = load_model(path).config
    if "--from" in config or "--shared-layers" in config:
        raise Failure(f"{path}: its layers come from another network; give one that was trained alone")
    lines = {name: value for name, value in config.items() if name.startswith("--")} | more
    data = [name.replace("_", "-") for name in ARGUMENTS]
    if missing := [name for name in data if name not in config]:
        raise Failure(f"{path}: it does not say on what it was trained ({missing[0]} is missing)")
    words = [f"{name}={value}" for name, value in lines.items()]
    words += ["--", *(config[name] for name in data), path]
    return Training.of(part_of_hybrid.make_context("multitask", words).params)
