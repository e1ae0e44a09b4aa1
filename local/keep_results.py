"""Copy what a work directory found into results/: text, JSON and PNG, but no models, features or recordings.

Usage: local/keep_results.py [--allow-missing] <work-dir> <name>
 e.g.: local/keep_results.py work/emodb emodb
Copies, of those that are there, exp/report/{tables.md,results.json,*.png} but for the learning curves, exp/RESULTS,
exp/ser/summary.{txt,json} and exp/commands to results/<name>, instead of what was kept there before, and enters the
folder in results/README.md.
"""

import argparse
import re
import shutil
from pathlib import Path

from asrser_io.files import Failure, write_text
from asrser_io.messages import as_script
from asrser_io.text import read_lines
from asrser_nn.study.report import read_results

RESULTS = Path(__file__).resolve().parent.parent / "results"
KEPT = ("exp/report/tables.md", "exp/report/results.json", "exp/RESULTS", "exp/ser/summary.txt", "exp/ser/summary.json")
LEFT_OUT = ("learning_curves",)  # a line for each network: megabytes, and results.json has what it shows
COMMANDS = "exp/commands"  # lines "<commit> <command>", by run.sh


def what_it_is(work: Path, allow_missing: bool) -> tuple[str, str, str]:
    """Corpora, number of networks with the hours that their trainings took, machine: for the list of all results."""
    if (work / "exp/report/results.json").exists():
        results = read_results(work / "exp/report/results.json")
        if results["missing"] and not allow_missing:
            raise Failure(
                f"{work}/exp/report: {len(results['missing'])} of its runs are missing, such as "
                f"{min(results['missing'])}; finish the study, or keep a part of it with --allow-missing"
            )
        names = " and ".join(dict.fromkeys(corpus["name"] for corpus in results["corpora"].values()))
        hybrid = results.get("hybrid") or {"tasks": [""], "runs": []}
        trained = [*results["runs"], *(run for run in hybrid["runs"] if run["task"] == hybrid["tasks"][0])]
        seconds = sum(epoch.get("seconds", 0) for run in trained for epoch in run["history"])
        number = len(results["runs"]) + len(hybrid["runs"])
        return names, f"{number} in {seconds / 3600:.1f} h", results["provenance"]["machine"]
    corpus = next((path for path in (work / "data/asr/corpus", work / "data/ser/corpus") if path.exists()), None)
    if corpus is None:
        raise Failure(f"{work}: no work directory of run.sh: there is neither a report nor data/asr/corpus in it")
    return " ".join(read_lines(corpus)), "", ""


def keep(work: Path, folder: Path, allow_missing: bool) -> list[str]:
    """Copy the files; returns the folder's cells in the list of all results."""
    what = what_it_is(work, allow_missing)
    files = [work / name for name in KEPT if (work / name).exists()]
    if not files:
        raise Failure(f"{work}: there are no results in it yet: none of {', '.join(KEPT)}")
    calls = read_lines(work / COMMANDS) if (work / COMMANDS).exists() else []
    if not calls:
        raise Failure(f"{work}/{COMMANDS} does not say what made these results: call run.sh once more, for --stage 13")
    commit, _, command = calls[-1].partition(" ")
    new = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    pictures = [path for path in sorted((work / "exp/report").glob("*.png")) if path.stem not in LEFT_OUT]
    for file in [*files, work / COMMANDS, *pictures]:
        if file.suffix == ".png":
            shutil.copyfile(file, new / file.name)
        else:  # names of files are counted from the work directory: where that lies is nobody's concern
            write_text(new / file.name, file.read_text().replace(f"{work.resolve()}/", "").replace(f"{work}/", ""))
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return [f"[{folder.name}]({folder.name})", what[0], what[1], f"`{command}`", commit[:12], what[2]]


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
    parser.add_argument("--allow-missing", action="store_true", help="keep a study of which runs are missing")
    parser.add_argument("work", type=Path, metavar="work-dir")
    parser.add_argument("name", help="of the folder in results")
    given = parser.parse_args()
    with as_script("local/keep_results.py"):
        if not re.fullmatch(r"[\w.-]*\w", given.name):
            raise Failure(f"'{given.name}' is no name of a folder: letters, digits, - and _ will do")
        enter(keep(given.work, RESULTS / given.name, given.allow_missing), RESULTS / "README.md")
        print(f"{RESULTS / given.name}: {', '.join(sorted(path.name for path in (RESULTS / given.name).iterdir()))}")


if __name__ == "__main__":
    main()
