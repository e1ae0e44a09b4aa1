"""List networks of several tasks that learn together, for `asrser_nn grid` and `report`: a hybrid a line.

Usage: python local/list_hybrids.py [options] <work-dir> [-- options of asrser_nn train]
 e.g.: python local/list_hybrids.py --shared-layers 1,3 --nnet-config ser=conf/quick/ser.conf . >exp/hybrid/runs
Reads exp/<task>/task.json, as local/list_runs.py does. For each number of shared layers there is one for every fold.
Folds of one name go together; of tasks whose folds differ the first goes with the first one, and so on; the shorter
list of folds begins again.

Every task is measured by the dev accuracy of its network that was trained from scratch with the same seed and fold,
which stages 7, 10 and 11 make.
"""

import argparse
import json
from collections.abc import Iterator

import click
from list_runs import CONF, Fold, folder_of_seed, layers_of, make_run

from asrser_io.files import Failure
from asrser_io.messages import as_script
from asrser_nn.runs import Hybrid
from asrser_nn.study.task import Task, read_task

SHARED_OR_OWN = ("batchnorm", "normalisation")


def folds_together(tasks: list[Task]) -> Iterator[tuple[Fold, list[Fold]]]:
    """What each hybrid is called, and the fold of each task in it."""
    most = max((task.folds for task in tasks), key=len)
    for i, name in enumerate(most or [None]):
        others = [task.folds[i % len(task.folds)] if task.folds else None for task in tasks]
        yield name, [name if name in task.folds else other for task, other in zip(tasks, others, strict=True)]


def hybrids(
    work: str, tasks: list[Task], exp: str, shared_layers: list[int], options: dict[str, list[str]]
) -> Iterator[Hybrid]:
    """Of one seed. exp: the folder of that seed; options: of the training of each task"""
    for number in shared_layers:
        for name, folds in folds_together(tasks):
            directory = f"{exp}/hybrid/{'+'.join(task.name for task in tasks)}/l{number}"
            directory += f"/fold_{name}" if name else ""
            parts = []
            for task, fold in zip(tasks, folds, strict=True):
                command = ["multitask", "--shared-layers", str(number), "--baseline", task.baseline(exp, fold)]
                where = f"{directory}/{task.name}"
                parts.append(make_run(work, where, task, fold or name, options[task.name], command, "hybrid"))
            yield Hybrid(directory, tuple(parts))


def named(text: str) -> tuple[str, str]:
    task, _, value = text.partition("=")
    if not task or not value:
        raise argparse.ArgumentTypeError(
            f"expected a task and its value, such as ser=conf/quick/ser.conf, not '{text}'"
        )
    return task, value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--shared-layers", type=layers_of, default="0,1,2,3,4,5", help="how many the tasks share, a hybrid for each")
    add("--tasks", default="asr,ser", help="that learn together, with commas")
    add("--seeds", type=int, default=1, help="3: everything with the seeds 1, 2 and 3")
    add(
        "--nnet-config", type=named, action="append", default=[], metavar="TASK=FILE", help="options of asrser_nn train"
    )
    add(
        "--passes", type=named, action="append", default=[], metavar="TASK=NUMBER", help="as asrser_nn multitask has it"
    )
    for name in SHARED_OR_OWN:
        add(f"--{name}", choices=["shared", "own"], help="as asrser_nn multitask has it")
    add("work", metavar="work-dir")
    add("options", nargs="*", help="further options of asrser_nn train; they win")
    given = parser.parse_args()
    work = given.work.rstrip("/") or "/"
    names = given.tasks.split(",")
    lines = []
    with as_script("local/list_hybrids.py"):
        try:
            for task, _ in [*given.nnet_config, *given.passes]:
                if task not in names:
                    raise Failure(f"{task} is none of the tasks {given.tasks}")
            tasks = [read_task(work, name) for name in names]
            configs, passes = dict(given.nnet_config), dict(given.passes)
            for seed in range(1, given.seeds + 1):
                options = {}
                for name in names:
                    options[name] = ["--config", configs.get(name, str(CONF / f"{name}.conf")), *given.options]
                    for what in SHARED_OR_OWN:
                        options[name] += [f"--{what}", getattr(given, what)] if getattr(given, what) else []
                    options[name] += ["--passes", passes[name]] if name in passes else []
                    options[name] += ["--seed", str(seed)] if seed > 1 else []
                lines += hybrids(work, tasks, folder_of_seed(work, seed), given.shared_layers, options)
        except click.ClickException as error:
            raise Failure(error.format_message()) from error
        for hybrid in lines:
            print(json.dumps(hybrid.as_data()))


if __name__ == "__main__":
    main()
