"""asrser_nn summary"""

import json
from pathlib import Path

import click

from asrser_io.files import write_text
from asrser_nn.commands.runs import read_networks


@click.command()
@click.option("--title", default="SER", help="what the figures are of: the corpus, the configuration")
@click.option("--paper/--no-paper", default=True, help="the paper's figures beside them: for its four emotions only")
@click.argument("out", metavar="OUT")
@click.argument("path", metavar="LIST", type=click.Path(path_type=Path))
def summary(title: str, paper: bool, out: str, path: Path) -> None:
    """Sum up the folds of LIST (as for grid) as OUT.json and, to be read, OUT.txt: mean over folds, each, and pooled.

    They are the folds of one experiment, evaluated with a silence class. Those that are not complete are named.
    """
    from asrser_nn.study.summary import as_text, read_folds, summarise_folds

    folds, missing = read_folds(read_networks(path))
    result = summarise_folds(folds)
    text = as_text(result, title, paper, missing)
    write_text(f"{out}.json", json.dumps({"title": title, "missing": missing, **result}, indent=1) + "\n")
    write_text(f"{out}.txt", text)
    print(text, end="")
