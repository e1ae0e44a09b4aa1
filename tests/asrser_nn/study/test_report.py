"""The report says what results.json holds, all of it, and nothing else."""

import csv
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from asrser_nn.study.report import Failure, read_results, sentences, tables, write_report


@pytest.fixture(scope="module")
def results(made_up_study):
    return made_up_study


@pytest.fixture(scope="module")
def folder(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(results, folder)
    return folder


class _Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.cells, self.addresses, self.unclosed = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img"):
            self.unclosed.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.unclosed.pop() == tag

    def handle_data(self, data):
        self.cells.append(data)


@pytest.fixture(scope="module")
def page(folder):
    parser = _Text()
    parser.feed((folder / "index.html").read_text())
    return parser


def test_the_page_holds_every_figure_of_the_results(results, page):
    text = " ".join(page.cells)
    for row in results["summary"]:
        assert f"{row['mean']:.2f}" in text
        if row["interval"]:
            assert f"[{row['interval'][0]:.2f}, {row['interval'][1]:.2f}]" in text
        if row["comparison"]:
            assert f"{row['comparison']['difference']:+.2f}" in text
        for fold, value in row["folds"].items():
            assert f"{fold} {value:.1f}" in text


def test_the_page_opens_without_a_network(page):
    assert page.unclosed == []
    assert page.addresses and all(address.startswith("data:") for address in page.addresses)


def test_text_of_the_user_cannot_become_markup(folder):
    assert "<small>" not in (folder / "index.html").read_text()


def test_tables_are_rebuilt_from_the_file_alone(results, folder, tmp_path):
    write_report(read_results(folder / "results.json"), tmp_path)
    for name in ("tables.md", "tables.csv", "results.json", "index.html"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_a_missing_run_is_shown_as_missing_and_no_other(results):
    (table,) = [table for table in tables(results) if table.name.startswith("Table 3")]
    missing = [row[0] for row in table.rows if "missing" in row]
    assert missing == ["ASR → SER, l = 4"]


def test_measured_and_published_stand_beside_each_other(results):
    (table,) = [table for table in tables(results) if table.name.startswith("Table 2")]
    (row,) = [row for row in table.rows if row[0] == "SER → ASR, l = 5"]
    cells = dict(zip(zip(table.header, table.header[1:], strict=False), zip(row, row[1:], strict=False), strict=True))
    assert cells["PER test", "paper"][1] == "61.82"
    (measured,) = [
        r["mean"]
        for r in results["summary"]
        if (r["experiment"], r["constant_layers"], r["part"], r["measure"]) == ("ser2asr", 5, "test", "PER")
    ]
    assert cells["PER test", "paper"][0].startswith(f"{measured:.2f} ")


def test_the_csv_reads_back_as_the_tables(results, folder):
    with open(folder / "tables.csv", newline="") as file:
        rows = list(csv.reader(file))
    expected = [[table.name, *row] for table in tables(results) for row in (table.header, *table.rows)]
    assert rows == expected


def test_sentences_say_what_the_comparison_says(results):
    said = sentences(results)
    assert len(said) == 2 * 5  # both directions, the five l that were run
    assert "worse than from scratch" in said[-1]
    assert all(re.search(r"\d speakers\)\.$", sentence) for sentence in said)


def test_figures_are_written_as_png_and_pdf(folder):
    for name in ("figure2_filters", "figure3_transfer", "learning_curves", "confusion"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")


def test_a_study_without_any_run_has_a_report_all_the_same(results, tmp_path):
    empty = {**results, "runs": [], "summary": [], "filters": {}, "networks": {}, "silence": {}, "stages": []}
    write_report(empty, tmp_path)
    assert "missing" in (tmp_path / "tables.md").read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"runs": []})])
def test_a_file_that_is_no_results_is_refused_by_name(text, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(Failure, match=re.escape(str(path))):
        read_results(path)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium to look at the page with")
@pytest.mark.parametrize("width", [400, 1300])
def test_the_page_is_no_wider_than_the_window(width, folder, tmp_path):
    page = tmp_path / "page.html"
    script = "<script>document.title = 'width ' + document.documentElement.scrollWidth</script></body>"
    page.write_text((folder / "index.html").read_text().replace("</body>", script))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    options += [f"--user-data-dir={tmp_path}/profile", f"--window-size={width},900", "--hide-scrollbars", "--dump-dom"]
    seen = subprocess.run(["chromium", *options, page.as_uri()], capture_output=True, text=True, timeout=60)
    found = int(re.search(r"<title>width (\d+)", seen.stdout)[1])
    # headless windows have a least width of their own, to which tables in .scroll boxes must not add
    assert found <= max(width, 500)
