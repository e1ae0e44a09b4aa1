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
    """Make the report of the complete runs of LIST (as for grid): DIR/index.html, tables, figures, results.json.

    If WORK-DIR is a results.json, the report is made from it alone, and LIST is not read.
    """
    from asrser_nn.study.report import read_results, summary_text, write_report
    from asrser_nn.study.results import collect
    from asrser_nn.study.summary import as_written

    if work.endswith(".json"):
        results = read_results(Path(work))
        with as_written(work):
            written, text = write_report(results, Path(out)), summary_text(results)
    else:
        results = collect(Path(work), read_networks(runs), about)
        written, text = write_report(results, Path(out)), summary_text(results)
    print(text)
    print("\n".join(str(path) for path in written))
