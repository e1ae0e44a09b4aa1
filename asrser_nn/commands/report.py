"""asrser_nn report"""

from pathlib import Path

import click

from asrser_nn.commands.runs import read_networks


@click.command()
@click.option("--about", nargs=2, multiple=True, metavar="NAME VALUE", help="a further line of the report's provenance")
@click.argument("work", metavar="WORK-DIR")
@click.argument("runs", metavar="LIST", type=click.Path(path_type=Path))
@click.argument("out", metavar="DIR")
def report(about: tuple[tuple[str, str], ...], work: str, runs: Path, out: str) -> None:
    """Make the report of the complete runs of LIST (as for grid): DIR/index.html, tables, figures, results.json."""
    from asrser_nn.study.report import leave_report
    from asrser_nn.study.results import collect

    leave_report(collect(Path(work), read_networks(runs), about), Path(out))
