"""Runs from command lines, and from lists that hold one a line, checked as the commands' options are."""

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from asrser_io.files import Failure
from asrser_io.text import read_lines
from asrser_nn.commands.evaluate import evaluate
from asrser_nn.commands.multitask import part_of_hybrid
from asrser_nn.commands.train import train
from asrser_nn.commands.transfer import transfer
from asrser_nn.network.shape import as_tuples
from asrser_nn.runs import Evaluation, Hybrid, Run, Training, as_text


def training_of(words: Sequence[str]) -> Training:
    """What `asrser_nn <words>` makes; the words begin with train or transfer, or multitask for one task of a hybrid."""
    command = {"train": train, "transfer": transfer, "multitask": part_of_hybrid}[words[0]]
    return Training.of(command.make_context(words[0], list(words[1:])).params)


def evaluation_of(words: Sequence[str]) -> Evaluation:
    """What `asrser_nn evaluate <words>` does."""
    return Evaluation.of(evaluate.make_context("evaluate", list(words)).params)


def read_list(path: Path) -> list[Run | Hybrid]:
    """A run is a line of JSON, as its as_data gives it; local/list_runs.py writes such lists."""
    runs: dict[str, Run | Hybrid] = {}
    for number, line in enumerate(read_lines(path, may_be_pipe=True), 1):
        try:
            run = run_or_hybrid_of(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise Failure(
                f"{path}, line {number}: expected a run as JSON, as local/list_runs.py writes it, found {line!r:.60}"
            ) from error
        except (Failure, click.BadParameter) as error:
            said = error.format_message() if isinstance(error, click.BadParameter) else error
            raise Failure(f"{path}, line {number}: {said}") from error
        if runs.setdefault(os.path.abspath(run.directory), run) is not run:
            raise Failure(f"{path}, line {number}: the directory {run.directory} stands there twice")
    if not runs:
        raise Failure(f"{path}: there is no run in it")
    return list(runs.values())


def read_networks(path: Path) -> list[Run]:
    """The runs of a list, one for each network: a hybrid is as many as it has tasks."""
    return [part for run in read_list(path) for part in run.parts]


def run_or_hybrid_of(data: Any) -> Run | Hybrid:
    if not isinstance(data, dict) or "parts" not in data:
        return run_of(data)
    check_names(data, "a hybrid", [field.name for field in fields(Hybrid)])
    if not isinstance(data["directory"], str) or not isinstance(data["parts"], list) or not data["parts"]:
        raise Failure("a hybrid has a directory, a text, and parts, a list of runs")
    return Hybrid(data["directory"], tuple(map(run_of, data["parts"])))


def run_of(data: Any) -> Run:
    """The inverse of Run.as_data, with every value checked as the option of its name would be."""
    check_names(data, "a run", [field.name for field in fields(Run)])
    if not isinstance(data["evaluations"], list) or not isinstance(data["decodings"], list):
        raise Failure("evaluations and decodings are lists")
    texts = [data["directory"], data["task"], *data["decodings"]]
    texts += [data[name] for name in ("source_task", "fold") if data[name] is not None]
    if not all(isinstance(text, str) and text for text in texts):
        raise Failure("directory, task, source_task, fold and decodings are texts; source_task and fold may be null")
    command = train if data["source_task"] is None else transfer
    if isinstance(data["training"], dict) and "shared_layers" in data["training"]:
        command = part_of_hybrid
    training = checked(data["training"], command, Training.names())
    evaluations = [checked(entry, evaluate, Evaluation.names()) for entry in data["evaluations"]]
    parts = {"training": Training.of(training), "evaluations": tuple(map(Evaluation.of, evaluations))}
    return Run(**data | parts | {"decodings": tuple(data["decodings"])})


def checked(data: Any, command: click.Command, names: Collection[str]) -> dict[str, Any]:
    """Values as the options and arguments of a command that have these names take them."""
    parameters = {str(parameter.name): parameter for parameter in command.params if parameter.name in names}
    check_names(data, str(command.name), parameters)
    return {name: value_of(data[name], parameter) for name, parameter in parameters.items()}


def value_of(value: Any, parameter: click.Parameter) -> Any:
    if value is None and parameter.type is click.STRING and not parameter.required:
        return None
    if not isinstance(value, (int | float) if is_number(parameter) else (str | list)):
        raise click.BadParameter(f"{value!r}", param=parameter)
    return parameter.type(as_text(as_tuples(value)), parameter, None)


def is_number(parameter: click.Parameter) -> bool:
    return isinstance(parameter.type, click.types.IntParamType | click.types.FloatParamType)


def check_names(data: Any, what: str, names: Collection[str]) -> None:
    if not isinstance(data, dict):
        raise Failure(f"expected {what} as names and values, found {data!r:.50}")
    if wrong := sorted(set(names) ^ set(data)):
        raise Failure(f"{what} {'lacks' if wrong[0] in names else 'has no'} {wrong[0]}")
