"""asrser_nn combine"""

from pathlib import Path

import click


@click.command()
@click.argument("parts", metavar="RESULTS.json...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.argument("out", metavar="DIR", type=click.Path(path_type=Path))
def combine(parts: tuple[Path, ...], out: Path) -> None:
    """Make the report of a study from those of its parts, such as a seed each from another machine.

    RESULTS.json are what report left, of the same corpora, tasks and options, and of other runs. From one alone its
    report is made again.
    """
    from asrser_nn.study.combine import combine as put_together
    from asrser_nn.study.files import as_written
    from asrser_nn.study.report import leave_report, read_results

    results = {str(path): read_results(path) for path in parts}
    with as_written(", ".join(results)):
        leave_report(put_together(results), out)
