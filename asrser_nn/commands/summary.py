"""asrser_nn summary"""

import json
from pathlib import Path

import click

from asrser_io.files import write_text


@click.command()
@click.option("--title", default="SER", help="what the figures are of: the corpus, the configuration")
@click.option("--paper/--no-paper", default=True, help="the paper's figures beside them: for its four emotions only")
@click.argument("out", metavar="OUT")
@click.argument("folds", metavar="FOLD_DIR...", nargs=-1, required=True)
def summary(title: str, paper: bool, out: str, folds: tuple[str, ...]) -> None:
    """Sum up the folds of an emotion corpus as OUT.json and, to be read, OUT.txt: mean over folds, each, and pooled.

    A FOLD_DIR holds evaluate_dev.json and evaluate_test.json, which `evaluate --silence-class … --json` wrote.
    """
    from asrser_nn.study.summary import as_text, read_fold, summarise_folds

    result = summarise_folds({Path(fold).name.removeprefix("fold_"): read_fold(Path(fold)) for fold in folds})
    text = as_text(result, title, paper)
    write_text(f"{out}.json", json.dumps({"title": title, **result}, indent=1) + "\n")
    write_text(f"{out}.txt", text)
    print(text, end="")
