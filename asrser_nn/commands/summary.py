"""asrser_nn summary"""

import json
from pathlib import Path

import click

from asrser_io.files import write_text
from asrser_nn.commands.runs import read_networks


@click.command()
@click.option("--title", help="what the figures are of: the corpus, the configuration; default: the task")
@click.option(
    "--paper/--no-paper", default=True, help="the paper's figures beside those of its tasks: for its four emotions only"
)
@click.argument("out", metavar="OUT")
@click.argument("path", metavar="LIST", type=click.Path(path_type=Path))
def summary(title: str | None, paper: bool, out: str, path: Path) -> None:
    """Sum up the folds of LIST (as for grid) as OUT.json and, to be read, OUT.txt: mean over folds, each, and pooled.

    They are the folds of one experiment, evaluated with a silence class. Those that are not complete are named.
    """
    from asrser_nn.study.paper import ROWS
    from asrser_nn.study.summary import as_text, read_folds, summarise_folds

    runs = read_networks(path)
    folds, missing = read_folds(runs)
    result = summarise_folds(folds)
    title, experiment = title or runs[0].experiment.upper(), runs[0].experiment
    text = as_text(result, title, experiment if paper and experiment in ROWS else None, missing)
    write_text(f"{out}.json", json.dumps({"title": title, "missing": missing, **result}, indent=1) + "\n")
    write_text(f"{out}.txt", text)
    print(text, end="")
