"""List the runs of the study that train for one task, one a line, for `asrser_nn grid`, `summary` and `report`.

Usage: python local/list_runs.py [options] <work-dir> <task> [-- options of asrser_nn train]
 e.g.: python local/list_runs.py --layers 0,3,5 --controls 3 . ser -- --seed 2 >exp/transfer/runs.ser
Reads exp/<task>/task.json of all tasks, which local/declare_task.py writes. The baselines come first, then layers from
each of the other tasks.

Layers go from the network of every fold, or to every fold, where one of the two tasks has folds. At paper size these
are 1 + 8 x 6 runs for ASR and 8 + 8 x 6 for SER. Where both have, they go from the first fold to the first one, and so
on; the shorter list of folds begins again, until every network has been used and every fold as often as any other.

Of tasks that share a corpus no network is taken that was trained on a speaker of the target's dev or test set: layers
go to the fold of the same name, else to each fold from the first network that will do. Where none does, that is said on
standard error.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import click

from asrser_io.files import Failure
from asrser_io.messages import as_script
from asrser_io.text import read_map, some_of
from asrser_nn.commands.runs import evaluation_of, training_of
from asrser_nn.runs import FITTED, Run
from asrser_nn.study.task import Task, read_task

CONF = Path(__file__).resolve().parent.parent / "conf/paper"
PARTS = ("dev", "test")
Fold = str | None  # None: of a task without folds


@cache
def speakers(data: str) -> set[str]:
    return set(read_map(f"{data}/utt2spk").values())


def has_heard(work: str, source: Task, source_fold: Fold, target: Task, target_fold: Fold) -> bool:
    """Whether the source's network was trained on a speaker by whom the target is judged."""
    trained = speakers(source.path(source.feats, work, source_fold, "train"))
    return any(trained & speakers(target.path(target.feats, work, target_fold, part)) for part in PARTS)


def pairs_of_folds(work: str, source: Task, target: Task) -> list[tuple[Fold, Fold]]:
    """From which fold of the source to which of the target layers go."""
    theirs, ours = source.folds or (None,), target.folds or (None,)
    if source.corpus != target.corpus:
        number = len(ours) * -(-len(theirs) // len(ours))
        return [(theirs[i % len(theirs)], ours[i % len(ours)]) for i in range(number)]
    if source.name == target.name:
        return [(fold, fold) for fold in ours]
    pairs = []
    for mine in ours:
        some = [mine] if source.folds == target.folds else theirs
        fit = [fold for fold in some if not has_heard(work, source, fold, target, mine)]
        pairs += [(fold, mine) for fold in (fit[:1] if target.folds else fit)]
    return pairs


def make_run(
    work: str,
    directory: str,
    task: Task,
    fold: Fold,
    options: list[str],
    command: Sequence[str] = ("train",),
    source_task: str | None = None,
) -> Run:
    """options: of the training, whatever its command; source_task: that of its layers"""

    def data(part: str) -> list[str]:
        return [task.path(given, work, fold, part) for given in (task.feats, task.labels)]

    classes = ["--num-classes", str(task.num_classes)]
    if task.class_names:
        classes = ["--class-names", ",".join(task.class_names)]
    training = training_of([*command, *classes, *options, *data("train"), *data("dev"), directory])
    evaluations = []
    for part in PARTS:
        to = ["--json", f"{directory}/evaluate_{part}.json", "--precision", training.method.precision]
        if task.silence_class:
            to += ["--silence-class", task.silence_class, "--predictions", f"{directory}/predictions_{part}.txt"]
        if task.utt2class:
            to += ["--utt2class", task.path(task.utt2class, work, fold, part)]
        evaluations.append(evaluation_of([*to, directory, *data(part)]))
    return Run(
        directory=directory,
        task=task.name,
        source_task=source_task,
        fold=fold,
        training=training,
        evaluations=tuple(evaluations),
        decodings=task.decodings,
    )


def transfer(network: str, constant_layers: int, statistics: str = "copied") -> list[str]:
    return ["transfer", "--from", network, "--constant-layers", str(constant_layers), "--statistics", statistics]


def name_of_fold(source_fold: Fold, fold: Fold) -> str:
    """Of a transfer, behind the number of layers."""
    if source_fold and fold and source_fold != fold:
        return f"/fold_{fold}_from_{source_fold}"
    return f"/fold_{fold or source_fold}" if fold or source_fold else ""


class Grid(NamedTuple):
    """Which transfers there are for each pair of tasks."""

    layers: list[int]  # how many stay constant
    controls: list[int]  # for which of these also layers of the task itself, fitted and random ones
    draws: int  # of random layers, for each fold; no two of them are the same


def runs_of(work: str, task: Task, others: list[Task], exp: str, grid: Grid, options: list[str]) -> Iterator[Run]:
    """Baselines, transfers and controls of one seed. exp: the folder of that seed"""
    for fold in task.folds or (None,):
        yield make_run(work, task.baseline(exp, fold), task, fold, options)
    pairs = {source.name: (source, pairs_of_folds(work, source, task)) for source in [*others, task]}
    for num_constant in grid.layers:
        with_controls = num_constant in grid.controls
        names = [other.name for other in others] + [task.name] * with_controls
        if with_controls and num_constant > 0:  # layers that learn have statistics of what they learn from
            names += [FITTED + other.name for other in others]
        for name in names:
            source, folds = pairs[name.removeprefix(FITTED)]
            statistics = "fitted" if name.startswith(FITTED) else "copied"
            folder = f"{exp}/transfer/{name}2{task.name}/l{num_constant}"
            for source_fold, fold in folds:
                directory = folder + name_of_fold(source_fold, fold)
                command = transfer(source.baseline(exp, source_fold), num_constant, statistics)
                yield make_run(work, directory, task, fold or source_fold, options, command, name)
        if with_controls and num_constant > 0:  # no random layer held constant is training from scratch
            folder = f"{exp}/transfer/random2{task.name}/l{num_constant}"
            for fold in task.folds or (None,):
                for number in range(1, grid.draws + 1):
                    name = (f"fold_{fold}_" if fold else "") + f"draw_{number}"
                    command = transfer(f"random:{name}", num_constant, "fitted")
                    yield make_run(work, f"{folder}/{name}", task, fold, options, command, "random")


def say_left_out(work: str, task: Task, others: list[Task]) -> None:
    for source in others:
        possible = {fold for _, fold in pairs_of_folds(work, source, task)}
        if without := [str(fold) for fold in task.folds or (None,) if fold not in possible]:
            folds = f", {len(without)} of {len(task.folds)} folds ({some_of(without)})" if task.folds else ""
            said = f"no layers from {source.label} to {task.label}{folds}: no network there has not been trained on"
            print(f"local/list_runs.py: {said} speakers of its dev or test set", file=sys.stderr)


def folder_of_seed(work: str, seed: int) -> str:
    return f"{work}/exp" + (f"/seed{seed}" if seed > 1 else "")


def layers_of(text: str) -> list[int]:
    if not re.fullmatch(r"[0-9]+(,[0-9]+)*|none", text):
        raise argparse.ArgumentTypeError(f"expected numbers with commas, such as 0,3,5, or none, not '{text}'")
    return [] if text == "none" else list(dict.fromkeys(map(int, text.split(","))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--layers", type=layers_of, default="0,1,2,3,4,5", help="how many stay constant, a transfer for each; or none")
    add("--controls", type=layers_of, default="none", help="for which also from the same task, fitted and at random")
    add("--random-draws", type=int, default=2, help="how many random ones for each fold and each seed")
    add("--seeds", type=int, default=1, help="3: everything with the seeds 1, 2 and 3")
    add("--tasks", default="asr,ser", help="between which layers go, with commas")
    add("--nnet-config", help="options of asrser_nn train; default: that of the task in conf/paper")
    add("work", metavar="work-dir")
    add("task")
    add("options", nargs="*", help="further options of asrser_nn train; they win")
    given = parser.parse_args()
    options = ["--config", given.nnet_config or str(CONF / f"{given.task}.conf"), *given.options]
    work = given.work.rstrip("/") or "/"
    runs: list[Run] = []
    with as_script("local/list_runs.py"):
        try:
            if given.seeds < 1:
                raise Failure(f"--seeds is a number of seeds, at least 1, not {given.seeds}")
            if given.random_draws < 1:
                raise Failure(f"--random-draws is a number of draws, at least 1, not {given.random_draws}")
            if without := set(given.controls) - set(given.layers):
                raise Failure(f"--controls {min(without)} is not among --layers {','.join(map(str, given.layers))}")
            grid = Grid(given.layers, given.controls, given.random_draws)
            task = read_task(work, given.task)
            sources = [name for name in given.tasks.split(",") if name != task.name] if given.layers else []
            others = [read_task(work, name) for name in sources]
            say_left_out(work, task, others)
            for seed in range(1, given.seeds + 1):
                exp = folder_of_seed(work, seed)
                words = [*options, "--seed", str(seed)] if seed > 1 else options
                runs += runs_of(work, task, others, exp, grid, words)
            if (first := runs[0].training.method.seed) in range(2, given.seeds + 1):
                added = f"--seeds {given.seeds} adds seeds 2 to {given.seeds}"
                raise Failure(f"{added}, but {first} is the first one already")
        except click.ClickException as error:
            raise Failure(error.format_message()) from error
        for run in runs:
            print(json.dumps(run.as_data()))


if __name__ == "__main__":
    main()
