"""The report says what results.json holds, all of it, and nothing else."""

import csv
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from asrser_nn.study import figures, paper
from asrser_nn.study.measures import summary
from asrser_nn.study.report import Failure, read_results, summary_text, tables, write_report
from asrser_nn.study.results import training
from asrser_nn.study.words import NO_CONTROLS, RANDOM_LAYERS, is_control, readings, tasks_of


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
        assert f"n {row['speakers']}" in text
        for comparison in row["comparisons"].values():
            if row["measure"] != "PER without silence":
                assert "{:+.2f} [{:+.2f}, {:+.2f}]".format(comparison["difference"], *comparison["interval"]) in text
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


def test_the_papers_reading_compares_with_scratch_and_the_controlled_one_with_the_controls(results):
    papers, controlled = readings(results)
    assert len(papers.sentences) == 2 * 5  # both directions, the five l that were run
    assert "worse than a network from scratch" in papers.sentences[-1]
    assert len(controlled.sentences) == 4  # both directions, l = 3, as they are and fitted
    assert [", fitted →" in sentence for sentence in controlled.sentences] == [False, False, True, True]
    for sentence in controlled.sentences:
        assert "3 layers constant" in sentence and "random layers" in sentence and "the task's own layers" in sentence
    for sentence in papers.sentences + controlled.sentences:
        interval = r"[-+]?[\d.]+ to [-+]?[\d.]+, n [36]\)"
        assert re.search(rf"% \({interval}, .* \([-+][\d.]+, {interval}", sentence)


@pytest.mark.parametrize(
    ("errors_of_random", "said"),
    [
        (60, "better than random layers (-20.0, -20.0 to -20.0, n 6). They know something of this task."),
        (20, "worse than random layers (+20.0, +20.0 to +20.0, n 6). They serve this task less than layers that have"),
        (40, "not told apart from random layers (+0.0, +0.0 to +0.0, n 6). Whether they know anything of this"),
    ],
)
def test_what_is_concluded_follows_from_the_comparison_with_random_layers(errors_of_random, said, tasks):
    """Whatever a network from scratch does."""

    def run(source, layers, errors):
        counts = {"test": {"PER": {f"s{number}": [[errors, 100]] for number in range(6)}}}
        what = {"experiment": f"{source}2asr" if source else "asr", "task": "asr", "source_task": source}
        return what | {"constant_layers": layers, "fold": None, "seed": 1, "counts": counts}

    runs = [run(None, None, 20), run("ser", 2, 40), run("random", 2, errors_of_random)]
    papers, controlled = readings({"summary": summary(runs), "tasks": tasks})
    assert "worse than a network from scratch (+20.0" in papers.sentences[0]
    assert said in controlled.sentences[0]
    for counted in runs:  # five speakers tell nothing
        del counted["counts"]["test"]["PER"]["s5"]
    assert "can't be told" in readings({"summary": summary(runs), "tasks": tasks})[1].sentences[0]


def test_layers_that_only_tell_silence_from_speech_know_nothing_of_the_task(tasks):
    """Half of the silent frames are saved beside random layers, and no other one."""

    def run(source, layers, silent):
        of_frames = [[40, 100]] * 4 + [[silent, 100]]
        measured = {"UE": of_frames, "UE without silence": of_frames[:4]}
        counts = {"test": {name: {f"s{i}": pairs for i in range(6)} for name, pairs in measured.items()}}
        what = {"experiment": f"{source}2ser" if source else "ser", "task": "ser", "source_task": source}
        return what | {"constant_layers": layers, "fold": "01F", "seed": 1, "counts": counts}

    runs = [run(None, None, 20), run("asr", 3, 10), run("random", 3, 20)]
    _, controlled = readings({"summary": summary(runs), "tasks": tasks})
    (sentence,) = controlled.sentences
    assert "better than random layers (-2.0" in sentence
    assert "Without silence: not told apart from random layers (+0.0" in sentence
    assert sentence.endswith("Whether they know anything of this task can't be told.")
    assert "UE without silence" in controlled.explanation


def test_without_controls_it_is_said_that_there_are_none(results):
    runs = [run for run in results["runs"] if not is_control(run["source_task"], run["task"])]
    without = {**results, "runs": runs, "training": training(runs), "summary": summary(runs)}
    _, controlled = readings(without)
    assert controlled.sentences == [] and controlled.explanation.endswith(NO_CONTROLS)
    assert NO_CONTROLS in summary_text(without) and "control" not in summary_text(without).replace(NO_CONTROLS, "")
    assert all("control" not in row[0] for table in tables(without) for row in table.rows)


def test_controls_stand_in_the_tables_with_how_they_were_made_and_what_was_run(results):
    table = next(table for table in tables(results) if table.name.startswith("Table 3"))
    rows = {row[0]: row for row in table.rows}
    assert rows["control: random layers → SER, l = 3"][1] == "3 folds × 2 seeds × 2 draws"
    assert rows["control: SER's own layers, l = 3"][1] == "3 folds × 2 seeds"
    assert RANDOM_LAYERS in table.caption
    asr = next(table for table in tables(results) if table.name.startswith("Table 2")).rows[0]
    assert asr[:2] == ["speech recognition (ASR) baseline", "2 seeds"]
    draws = {row[0]: row[-1] for row in next(t for t in tables(results) if t.name == "Every fold").rows}
    assert {name for name, spread in draws.items() if spread} == {
        "control: random layers → ASR, l = 3", "control: random layers → SER, l = 3",
    }  # fmt: skip


def test_runs_that_are_missing_are_no_product(results):
    runs = [run for run in results["runs"] if (run["experiment"], run["fold"], run["seed"]) != ("ser2ser", "01F", 2)]
    (row,) = [row for table in tables({**results, "summary": summary(runs)}) for row in table.rows
              if table.name.startswith("Table 3") and row[0] == "control: SER's own layers, l = 3"]  # fmt: skip
    assert row[1] == "5 of 3 folds × 2 seeds"


def test_the_screen_has_a_line_for_each_control_and_the_number_of_speakers(results):
    text = re.sub(r" (± [\d.]+ )?\[[\d., ]+\]", "", summary_text(results))  # the means alone
    lines = {line[:28].rstrip(): line[28:].split() for line in text.splitlines()}
    means = {
        (row["experiment"], row["measure"]): f"{row['mean']:.1f}"
        for row in results["summary"]
        if row["part"] == "test" and row["constant_layers"] == 3
    }
    assert lines["control: 3 layers of its own"] == [
        means["asr2asr", "FER"], means["asr2asr", "PER"], means["ser2ser", "UE"], means["ser2ser", "UA"],
    ]  # fmt: skip
    assert lines["control: 3 layers, random"][0] == means["random2asr", "FER"]
    assert lines["speakers (n)"] == ["6", "6", "3", "3"]


def test_the_spread_over_seeds_stands_beside_the_mean(results):
    (of_ser,) = (
        row for row in results["summary"]
        if (row["experiment"], row["part"], row["measure"]) == ("ser", "test", "UE")
    )  # fmt: skip
    assert of_ser["seeds"] == 2 and of_ser["seed_spread"] > 0
    overview = next(table for table in tables(results) if table.name == "Overview")
    low, high = of_ser["interval"]
    assert overview.rows[0][3] == f"{of_ser['mean']:.1f} ± {of_ser['seed_spread']:.1f} [{low:.1f}, {high:.1f}]"
    assert "after ± the standard deviation over seeds" in overview.caption


def test_figures_are_written_as_png_and_pdf(folder):
    for name in ("figure2_filters", "figure3_transfer", "figure3_cost", "learning_curves", "confusion"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")


def test_a_study_without_any_run_has_a_report_all_the_same(results, tmp_path):
    empty = {**results, "runs": [], "summary": [], "filters": {}, "networks": {}, "silence": {}, "stages": []}
    write_report(empty, tmp_path)
    assert "missing" in (tmp_path / "tables.md").read_text()


@pytest.fixture(scope="module")
def with_gender(results, tasks):
    """The same study with a third task, whose speakers are those of SER: its runs have SER's counts."""
    of_gender = []
    for run in results["runs"]:
        renamed = {"ser": "gender", "ser2ser": "gender2gender", "random2ser": "random2gender"}.get(run["experiment"])
        if renamed:
            source = {"ser": "gender"}.get(run["source_task"], run["source_task"])
            of_gender.append({**run, "experiment": renamed, "task": "gender", "source_task": source})
        if run["experiment"] == "asr2ser":  # layers of ASR and of gender to SER, of SER to gender
            of_gender.append({**run, "experiment": "gender2ser", "source_task": "gender"})
            of_gender.append({**run, "experiment": "ser2gender", "task": "gender", "source_task": "ser"})
    gender = tasks["ser"] | {"name": "gender", "label": "gender", "recognises": "gender", "unit": "gender"}
    gender |= {"class_names": ["female", "male", "silence"], "num_classes": 3, "corpus": "ser"}
    runs = [*results["runs"], *of_gender]
    return {**results, "runs": runs, "summary": summary(runs), "tasks": {**tasks, "gender": gender}}


def test_the_matrix_has_the_cost_of_each_tasks_layers_to_each_other_one(with_gender):
    (matrix,) = [table for table in tables(with_gender) if table.name == "The cost of constant layers"]
    assert matrix.header == ["layers of", "ASR: PER", "SER: UE", "gender: UE"]
    cells = {row[0]: dict(zip(("asr", "ser", "gender"), row[1:], strict=True)) for row in matrix.rows}
    for row in with_gender["summary"]:
        source, task, layers = row["source_task"], row["task"], row["constant_layers"]
        if (row["part"], row["measure"]) == ("test", "PER" if task == "asr" else "UE") and source is not None:
            label = {"asr": "ASR", "ser": "SER", "random": "random layers"}.get(source, source)
            label = {"fitted+asr": "ASR, fitted", "fitted+ser": "SER, fitted"}.get(label, label)
            cost = row["comparisons"]["scratch"]
            expected = "{:+.2f} [{:+.2f}, {:+.2f}]".format(cost["difference"], *cost["interval"])
            assert cells[f"{label}, l = {layers}"][task].startswith(expected)
    assert cells["gender, l = 0"]["asr"] == "missing" and cells["gender, l = 0"]["gender"] == ""


def test_the_cost_beside_the_papers_is_of_its_directions_alone(results, with_gender):
    """Its points are those of the tables: PER of TIMIT with no and with five layers of IEMOCAP's network."""
    assert paper.costs("ser", "asr", "PER")[::5] == pytest.approx([20.57 - 20.18, 61.82 - 20.18])
    figure = figures.cost_beside_paper(with_gender["summary"], tasks_of(with_gender))
    titles = [axis.get_title() for axis in figure.axes]
    assert [title.partition(",")[0].split(": ")[1] for title in titles] == ["E", "UE", "FER", "PER"]
    about = ("experiment", "constant_layers", "part", "measure")
    row = next(r for r in results["summary"] if tuple(r[name] for name in about) == ("ser2asr", 3, "test", "PER"))
    points = {line.get_label(): line.get_ydata() for line in figure.axes[3].lines}
    assert points["the paper's, IEMOCAP → TIMIT"][3] == pytest.approx(30.48 - 20.18)
    of_ser = next(bars for bars in figure.axes[3].containers if bars.get_label() == "layers of SER")
    assert of_ser[0].get_ydata()[3] == pytest.approx(row["comparisons"]["scratch"]["difference"])
    without = [row for row in results["summary"] if row["source_task"] is None]
    assert figures.cost_beside_paper(without, tasks_of(results)) is None


def test_words_come_from_the_task(with_gender):
    by_name = {table.name: table for table in tables(with_gender)}
    table = by_name["Transfer SER → gender"]
    assert table.rows[0][0] == "gender recognition baseline" and "paper" not in table.header
    assert "share of utterances whose gender is right" in by_name["Whole utterances (SER → gender)"].caption
    assert not any("emotion" in text for text in [table.caption, *(cell for row in table.rows for cell in row)])
    assert {"Table 2 (SER → ASR)", "Table 3 (ASR → SER)", "Transfer gender → SER", "Transfer gender → ASR"} <= set(
        by_name
    )
    said = [sentence for reading in readings(with_gender) for sentence in reading.sentences]
    assert any(sentence.startswith("SER → gender with no layer constant: UE ") for sentence in said)


def test_the_papers_tables_stay_as_they_are_beside_further_tasks(results, with_gender):
    with_ser, with_all = ({table.name: table for table in tables(r)} for r in (results, with_gender))
    for name in ("Table 2 (SER → ASR)", "Table 3 (ASR → SER)"):
        assert with_all[name].rows == with_ser[name].rows and with_all[name].caption == with_ser[name].caption


def test_a_study_of_three_tasks_has_a_page_and_fits_on_the_screen(with_gender, tmp_path):
    write_report(with_gender, tmp_path)
    assert "Transfer SER → gender" in (tmp_path / "index.html").read_text()
    lines = summary_text(with_gender).splitlines()
    matrix = lines.index("The cost of constant layers on test; *: not zero, over 6 speakers or more")
    assert lines[matrix + 1].split() == ["layers", "of", "ASR:", "PER", "SER:", "UE", "gender:", "UE"]
    assert max(map(len, lines[matrix:-1])) < 120


def test_a_task_alone_has_a_report_without_transfers(results, tasks, tmp_path):
    runs = [run for run in results["runs"] if run["experiment"] == "ser"]
    alone = {**results, "runs": runs, "training": training(runs), "summary": summary(runs)}
    alone["tasks"] = {"ser": tasks["ser"]}
    alone |= {name: {"ser": results[name]["ser"]} for name in ("corpora", "networks", "filters", "silence")}
    write_report(alone, tmp_path)
    assert "SER: UE" in summary_text(alone) and "→" not in (tmp_path / "tables.md").read_text()


def test_a_task_alone_has_its_controls_on_the_screen(results, tasks):
    runs = [run for run in results["runs"] if run["experiment"] in ("ser", "ser2ser", "random2ser")]
    said = summary_text({**results, "runs": runs, "summary": summary(runs), "tasks": {"ser": tasks["ser"]}})
    assert [line[:30].rstrip() for line in said.splitlines()[3:7]] == [
        "test, %", "from scratch", "control: 3 layers of its own", "control: 3 layers, random",
    ]  # fmt: skip


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
