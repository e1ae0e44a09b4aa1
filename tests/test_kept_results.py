"""What README.md says was measured is what results/ holds."""

import re

import pytest

MARK = re.compile(r"^<!-- from (results/[\w./-]+) -->$")
KEPT = re.compile(r"tables\.md|results\.json|summary\.(txt|json)|RESULTS|commands|\w+\.png")


def rows_after(lines, first):
    """The rows of the Markdown table that begins at line `first` or soon after, the header first."""
    rows = []
    for line in lines[first:]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")])
        elif rows or line.startswith("#"):
            break
    return rows[:1] + rows[2:]


def differences(text, read):
    """What the tables under a mark '<!-- from results/… -->' say that the file does not, cell by cell.

    A table may leave out rows and columns. read: gives the text of a file
    """
    lines, wrong = text.splitlines(), []
    for number, line in enumerate(lines):
        if not (mark := MARK.match(line)):
            continue
        header, *rows = rows_after(lines, number + 1)
        theirs = read(mark[1]).splitlines()
        starts = [i for i, line in enumerate(theirs) if line.startswith("|") and not theirs[i - 1].startswith("|")]
        tables = [table for i in starts if set(header) <= set((table := rows_after(theirs, i))[0])]
        if not tables or not rows:
            wrong.append(f"{mark[1]} has no table with the columns {header}")
            continue
        there = [dict(zip(tables[0][0], row, strict=True)) for row in tables[0][1:]]
        for row in rows:
            said = dict(zip(header, row, strict=True))
            named = [cells for cells in there if cells[header[0]] == row[0]] or [dict.fromkeys(header, "nothing")]
            unlike = [[column for column in header if cells[column] != said[column]] for cells in named]
            least = min(range(len(named)), key=lambda i: len(unlike[i]))  # of test or dev: the one that was meant
            wrong += [
                f"{mark[1]}, {row[0]}, {column}: {named[least][column]}, but said is {said[column]}"
                for column in unlike[least]
            ]
    return wrong


@pytest.fixture(scope="module")
def readme(root):
    return (root / "README.md").read_text()


def test_the_readmes_numbers_are_those_of_the_results(readme, root):
    assert "<!-- from results/" in readme
    assert differences(readme, lambda name: (root / name).read_text()) == []


def test_another_number_or_row_would_be_noticed():
    file = "**T.** x\n\n| test | FER | PER |\n| --- | --- | --- |\n| a | 1.0 [0, 2] | 2 |\n| b | 3 | 4 |\n"
    mark = "<!-- from results/x/tables.md -->\n\n"

    def said(table):
        return differences(mark + table, lambda name: file)

    assert said("| test | PER |\n| --- | --- |\n| b | 4 |\n") == []
    assert said("| test | PER |\n| --- | --- |\n| b | 5 |\n") == ["results/x/tables.md, b, PER: 4, but said is 5"]
    assert len(said("| test | PER |\n| --- | --- |\n| c | 4 |\n")) == 2
    file = "**T.** x\n\n| | part | FER |\n| --- | --- | --- |\n| a | test | 1 |\n| a | dev | 2 |\n"
    for part, there, wrong in (("test", 1, 2), ("dev", 2, 1)):
        assert said(f"| | part | FER |\n| --- | --- | --- |\n| a | {part} | {there} |\n") == []
        assert len(said(f"| | part | FER |\n| --- | --- | --- |\n| a | {part} | {wrong} |\n")) == 1
    assert len(said("| test | UE |\n| --- | --- |\n| b | 4 |\n")) == 1


def test_pictures_of_the_readme_are_there(readme, root):
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", readme):
        assert (root / path).exists(), path


def test_each_folder_of_results_has_its_row_and_holds_nothing_but_text_json_and_png(root):
    lines = (root / "results/README.md").read_text().splitlines()
    rows = rows_after(lines, next(i for i, line in enumerate(lines) if line.startswith("| folder")))[1:]
    folders = sorted(path.name for path in (root / "results").iterdir() if path.is_dir())
    assert [row[0] for row in rows] == [f"[{name}]({name})" for name in folders]
    for row, name in zip(rows, folders, strict=True):
        commit, _, command = (root / f"results/{name}/commands").read_text().splitlines()[-1].partition(" ")
        assert row[3].split("; ")[-1] == f"`{command}`" and row[4].split(", ")[-1] == commit[:12]
        for path in (root / "results" / name).iterdir():
            assert KEPT.fullmatch(path.name), path
            if path.suffix != ".png":
                assert not re.search(r"(?<![\w.])/(root|home|tmp|work|Users)/", path.read_text()), path
