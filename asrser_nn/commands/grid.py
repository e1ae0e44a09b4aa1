"""asrser_nn grid"""

import sys
from pathlib import Path
from typing import Any

import click

from asrser_io.files import Failure
from asrser_nn.commands.options import CACHE, PRECISIONS, WHERE, options
from asrser_nn.commands.runs import read_list
from asrser_nn.runs import Hybrid, Run
from asrser_nn.training.directory import is_made, read_mark


@click.command()
@click.option(
    "--only", multiple=True, type=click.IntRange(1), help="only this line of LIST, counted from 1; may be repeated"
)
@click.option(
    "--together",
    type=click.IntRange(0, 1024),
    default=0,
    help="runs made at the same time, which share --threads; 0: what threads and memory allow",
)
@options([CACHE, *WHERE])
@click.option("--wait/--no-wait", default=True, help="for runs that other processes work on, and take over if one dies")
@click.option("--status", is_flag=True, help="only say how far LIST is, whoever works on it and wherever")
@click.option("--num-left", is_flag=True, help="only print the number of runs that are not complete")
@click.option("--precision", type=PRECISIONS, help="only runs that are listed with it")
@click.argument("path", metavar="LIST", type=click.Path(path_type=Path))
def grid(
    path: Path, only: tuple[int, ...], together: int, cache_gb: float | None, wait: bool, status: bool, num_left: bool,
    **compute: Any,
) -> None:  # fmt: skip
    """Make every run of LIST that is not complete, some at the same time.

    Several processes may share the work, on one machine or on many that share the directories.

    A line of LIST is a run as JSON: its directory, what it is, the options of its training and of its evaluations, as
    local/list_runs.py writes it. Every run is tried; those that fail are named.
    """
    runs = read_list(path)
    if outside := [number for number in only if not 1 <= number <= len(runs)]:
        raise Failure(f"{path} has {len(runs)} runs; there is no run {outside[0]}")
    precision = compute["precision"]
    parts = [part for run in runs for part in run.parts]
    if precision and (others := [part.directory for part in parts if part.training.method.precision != precision]):
        raise Failure(f"--precision={precision}, but {path} lists {others[0]} with another one; make the list anew")
    chosen = [runs[number - 1] for number in dict.fromkeys(only)] or runs

    if status or num_left:
        from asrser_nn.training import progress
        from asrser_nn.training.claims import Claims

        print(progress.status(str(path), chosen, Claims()) if status else progress.num_left(chosen))
        return

    from asrser_nn.data.corpus import RecentCorpora, load_corpus
    from asrser_nn.network.device import own_stream, pick_device, set_threads
    from asrser_nn.training.grid import make_run, run_grid
    from asrser_nn.training.origin import Origins, check_origin
    from asrser_nn.training.run import Computing, cache_memory, share_of_threads, trainings_at_once

    device, threads = pick_device(compute["device"]), compute["threads"]
    # By the length of the list, not by what is left of it: a grid that was stopped goes on with as many threads a run.
    together = min(together or trainings_at_once(device, threads), len(chosen))
    share = share_of_threads(threads, together)
    how = Computing(device, cache_memory(cache_gb, device, together), RecentCorpora().load)

    def make(run: Run | Hybrid, display: Any) -> None:
        set_threads(share)  # here, as it holds for this thread
        with own_stream(device):
            make_run(run, how, display)

    origins = Origins(load_corpus)
    for run in chosen:
        if is_made(run):
            for part in run.parts:
                check_origin(Path(part.directory), read_mark(part.directory)["origin"], origins.of(part))
    failures = run_grid(runs, chosen, make, sys.stderr.isatty(), together, wait)
    if failures:
        named = [f"{directory}: {reason}" for directory, reason in failures.items()]
        more = f"; and {len(named) - 3} more" if len(named) > 3 else ""
        raise Failure(f"{len(failures)} of {len(chosen)} runs failed: {'; '.join(named[:3])}{more}")
