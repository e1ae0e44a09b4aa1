"""Copy what a work directory found into results/: text, JSON and PNG, but no models, features or recordings.

Usage: local/keep_results.py [--add] [--allow-missing] <work-dir> <name>
 e.g.: local/keep_results.py work/emodb emodb
Copies, of those that are there, exp/report/{tables.md,results.json,*.png} but for the learning curves, exp/RESULTS,
exp/ser/summary.{txt,json} and exp/commands to results/<name>, instead of what was kept there before, and enters the
folder in results/README.md. With --add, the runs of <work-dir>, such as another seed's, are added to those kept there
before; RESULTS and summary stay those of the first.
"""

import argparse
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.text import read_lines
from asrser_nn.study.combine import combine
from asrser_nn.study.report import read_results, write_report
from asrser_nn.study.words import provenance_text

RESULTS = Path(__file__).resolve().parent.parent / "results"
OF_REPORT = ("tables.md", "results.json")
TABLES = ("exp/RESULTS", "exp/ser/summary.txt", "exp/ser/summary.json")
LEFT_OUT = ("learning_curves",)  # a line for each network: megabytes, and results.json has what it shows
CHECKOUT = re.compile(rb"/[^\s\"]*/steps/nnet/\.\./\.\./")  # as steps/nnet/train.sh names scripts, in a run's config
PART_OF_STUDY = re.compile(r"--(?:dir|seed) \S+")  # of a call: which of the parts that were added to each other it made
COMMANDS = "exp/commands"  # lines "<commit> <command>", by run.sh


def what_it_is(work: Path, report: Path, allow_missing: bool) -> tuple[str, str, str]:
    """Corpora, number of networks with the hours that their trainings took, machine: for the list of all results."""
    if (report / "results.json").exists():
        results = read_results(report / "results.json")
        if results["missing"] and not allow_missing:
            raise Failure(
                f"{report}: {len(results['missing'])} of its runs are missing, such as "
                f"{min(results['missing'])}; finish the study, or keep a part of it with --allow-missing"
            )
        names = " and ".join(dict.fromkeys(corpus["name"] for corpus in results["corpora"].values()))
        hybrid = results.get("hybrid") or {"tasks": [""], "runs": []}
        trained = [*results["runs"], *(run for run in hybrid["runs"] if run["task"] == hybrid["tasks"][0])]
        seconds = sum(epoch.get("seconds", 0) for run in trained for epoch in run["history"])
        number = len(results["runs"]) + len(hybrid["runs"])
        absent = f", {len(results['missing'])} missing" if results["missing"] else ""
        return names, f"{number} in {seconds / 3600:.1f} h{absent}", provenance_text(results["provenance"]["machine"])
    corpus = next((path for path in (work / "data/asr/corpus", work / "data/ser/corpus") if path.exists()), None)
    if corpus is None:
        raise Failure(f"{work}: no work directory of run.sh: there is neither a report nor data/asr/corpus in it")
    return " ".join(read_lines(corpus)), "", ""


def keep(work: Path, folder: Path, add: bool, allow_missing: bool, scratch: Path) -> list[str]:
    """Copy the files; returns the folder's cells in the list of all results.

    add: to what is in the folder
    scratch: for a report of both
    """
    report, tables = work / "exp/report", [work / name for name in TABLES]
    if add:
        parts = {str(part): read_results(part / "results.json") for part in (folder, report)}
        report, tables = scratch, [folder / Path(name).name for name in TABLES]
        write_report(combine(parts), report)
    what = what_it_is(work, report, allow_missing)
    files = [path for path in (*(report / name for name in OF_REPORT), *tables) if path.exists()]
    if not files:
        raise Failure(f"{work}: there are no results in it yet: none of {', '.join((*OF_REPORT, *TABLES))}")
    calls = read_lines(work / COMMANDS) if (work / COMMANDS).exists() else []
    if not calls:
        raise Failure(f"{work}/{COMMANDS} does not say what made these results: call run.sh once more, for --stage 13")
    if add:
        calls = [*read_lines(folder / Path(COMMANDS).name), *calls]
    last = {tuple(PART_OF_STUDY.findall(call)): call.partition(" ") for call in calls}
    commands = "; ".join(f"`{command}`" for _, _, command in last.values())
    commits = ", ".join(dict.fromkeys(commit[:12] for commit, _, _ in last.values()))
    pictures = [path for path in report.glob("*.png") if path.stem not in LEFT_OUT]
    contents = {path.name: path.read_bytes() for path in (*files, *pictures)}
    contents[Path(COMMANDS).name] = "".join(f"{call}\n" for call in calls).encode()
    new = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for name, content in contents.items():
        if not name.endswith(".png"):  # names count from work directory and checkout, wherever they lie
            for prefix in (f"{work.resolve()}/", f"{work}/"):
                content = content.replace(prefix.encode(), b"")
            content = CHECKOUT.sub(b"", content)
        (new / name).write_bytes(content)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return [f"[{folder.name}]({folder.name})", what[0], what[1], commands, commits, what[2]]


def enter(cells: list[str], page: Path) -> None:
    """Put a folder's row into the table of results/README.md, in the place of an older one."""
    row = f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
    lines = read_lines(page)
    is_row = [line.startswith("| [") for line in lines]
    rows = [line for line, yes in zip(lines, is_row, strict=True) if yes and not line.startswith(f"| {cells[0]} ")]
    end = max(i for i, line in enumerate(lines) if line.startswith("|")) + 1
    before = [line for line, yes in zip(lines[:end], is_row, strict=False) if not yes]
    write_text(page, "\n".join([*before, *sorted([*rows, row]), *lines[end:]]) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--add", action="store_true", help="to the runs that are kept under this name")
    parser.add_argument("--allow-missing", action="store_true", help="keep a study of which runs are missing")
    parser.add_argument("work", type=Path, metavar="work-dir")
    parser.add_argument("name", help="of the folder in results")
    given = parser.parse_args()
    with as_script("local/keep_results.py"), TemporaryDirectory() as scratch:
        if not re.fullmatch(r"[\w.-]*\w", given.name):
            raise Failure(f"'{given.name}' is no name of a folder: letters, digits, - and _ will do")
        folder = RESULTS / given.name
        enter(keep(given.work, folder, given.add, given.allow_missing, Path(scratch)), RESULTS / "README.md")
        print(f"{folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


if __name__ == "__main__":
    main()
