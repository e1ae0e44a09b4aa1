"""asrser_nn grid"""

import sys
from pathlib import Path
from typing import Any

import click

from asrser_io.files import Failure
from asrser_nn.commands.options import CACHE, COMPUTE, options


@click.command()
@click.option("--only", multiple=True, type=int, help="only this line of LIST, counted from 1; may be repeated")
@click.option(
    "--together", default=0, help="runs made at the same time, which share --threads; 0: what threads and memory allow"
)
@options([CACHE], COMPUTE)
@click.argument("runs", metavar="LIST")
def grid(only: tuple[int, ...], together: int, cache_gb: float | None, runs: str, **compute: Any) -> None:
    """Make every run of LIST that is not complete, some at the same time; several processes may share the work.

    A line of LIST is a directory, a tab, and the commands that fill it, separated by ' ; ', without 'asrser_nn':

    \b
    exp/ser/fold_03<tab>train --config conf/paper/ser.conf … exp/ser/fold_03 ; evaluate exp/ser/fold_03 …
    """
    from asrser_nn.data.corpus import RecentCorpora
    from asrser_nn.network.device import own_stream, pick_device
    from asrser_nn.training.grid import read_list, run_grid
    from asrser_nn.training.run import Computing, cache_memory, share_of_threads, trainings_at_once

    device = pick_device(compute["device"])
    # By the length of the list, not by what is left of it: a grid that was stopped goes on with as many threads a run.
    most = max(1, len(only or read_list(Path(runs))))
    together = min(together or trainings_at_once(device, compute["threads"]), most)
    compute["threads"] = share_of_threads(compute["threads"], together)
    how = Computing(device, cache_memory(cache_gb, device, together), RecentCorpora().load)

    group = click.get_current_context().find_root().command
    assert isinstance(group, click.Group)

    def call(words: list[str], display: Any) -> None:
        if words[0] not in group.commands:
            raise Failure(f"{runs}: there is no command '{words[0]}'")
        taken = {parameter.name for parameter in group.commands[words[0]].params}
        arguments = [*words[1:], *(f"--{name}={value}" for name, value in compute.items() if name in taken)]
        try:
            with own_stream(device):
                group.commands[words[0]].main(
                    arguments, f"asrser_nn {words[0]}", standalone_mode=False, obj=(how, display)
                )
        except click.ClickException as error:
            raise Failure(f"{words[0]}: {error.format_message()}") from error

    failures = run_grid(Path(runs), only, call, sys.stderr.isatty(), together)
    if failures:
        raise Failure(f"{len(failures)} runs failed. {'; '.join(failures)}")
