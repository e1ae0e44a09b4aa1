"""What a work directory found is copied into results/ in one step."""

import importlib.util
import json
import re
import sys

import pytest


@pytest.fixture
def keep_results(root, tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("keep_results", root / "local/keep_results.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "results").mkdir()
    header = "| folder | corpora | networks | command | commit | machine |\n| --- | --- | --- | --- | --- | --- |\n"
    (tmp_path / "results/README.md").write_text(f"# What was measured\n\n{header}")
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["keep_results.py", *map(str, words)])
        module.main()

    return call


@pytest.fixture
def work(tmp_path):
    report = tmp_path / "work/exp/report"
    report.mkdir(parents=True)
    runs = [{"history": [{"seconds": 1800}, {"seconds": 900}]}, {"history": [{"seconds": 900}]}]
    corpora = {"asr": {"name": "A"}, "ser": {"name": "B"}}
    results = {"missing": {}, "corpora": corpora, "runs": runs, "provenance": {"machine": "two cores"}, "summary": []}
    (report / "results.json").write_text(json.dumps(results))
    for name in ("tables.md", "figure3_transfer.png", "learning_curves.png", "figure3_transfer.pdf", "index.html"):
        (report / name).write_text(name)
    (tmp_path / "work/exp/commands").write_text(f"{'a' * 40} ./run.sh --stage 1\n{'b' * 40}+ ./run.sh --seeds 3\n")
    (tmp_path / "work/exp/final.pt").write_text("a network")
    return tmp_path / "work"


def test_text_json_and_png_are_kept_with_command_commit_and_hours(keep_results, work, tmp_path):
    keep_results(work, "b")
    kept = {path.name for path in (tmp_path / "results/b").iterdir()}
    assert kept == {"results.json", "tables.md", "figure3_transfer.png", "commands"}
    last = (tmp_path / "results/README.md").read_text().splitlines()[-1]
    assert last == "| [b](b) | A and B | 2 in 1.0 h | `./run.sh --seeds 3` | bbbbbbbbbbbb | two cores |"


def test_a_hybrid_counts_as_a_network_for_each_task_and_its_hours_once(keep_results, work, tmp_path):
    path = work / "exp/report/results.json"
    results = json.loads(path.read_text())
    results["hybrid"] = {"tasks": ["a", "b"], "runs": [{"task": t, "history": [{"seconds": 1800}]} for t in "ab"]}
    path.write_text(json.dumps(results))
    keep_results(work, "b")
    assert "| 4 in 1.5 h |" in (tmp_path / "results/README.md").read_text()


def test_kept_again_a_folder_and_its_row_are_replaced_and_others_stay(keep_results, work, tmp_path):
    for name in ("b", "c", "a"):
        keep_results(work, name)
    (work / "exp/report/tables.md").write_text("new")
    (work / "exp/report/figure3_transfer.png").unlink()
    with open(work / "exp/commands", "a") as file:
        file.write("unknown ./run.sh --layers 0,5\n")
    keep_results(work, "b")
    assert {path.name for path in (tmp_path / "results/b").iterdir()} == {"results.json", "tables.md", "commands"}
    assert (tmp_path / "results/b/tables.md").read_text() == "new"
    rows = (tmp_path / "results/README.md").read_text().splitlines()[4:]
    assert [row[:5] for row in rows] == ["| [a]", "| [b]", "| [c]"] and "--layers 0,5" in rows[1]


def test_where_the_work_directory_lies_is_not_kept(keep_results, work, tmp_path):
    script = f"{tmp_path}/checkout/steps/nnet/../../utils/ali_to_pdf.sh"
    (work / "exp/RESULTS").write_text(f"%WER 1.0 {work}/exp/asr/decode_test/wer_0.1\nark:{script} {work}/exp/ali |\n")
    keep_results(work, "b")
    kept = (tmp_path / "results/b/RESULTS").read_text()
    assert kept == "%WER 1.0 exp/asr/decode_test/wer_0.1\nark:utils/ali_to_pdf.sh exp/ali |\n"


def test_a_study_with_missing_runs_is_kept_only_on_request(keep_results, work, tmp_path):
    path = work / "exp/report/results.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"missing": {"exp/asr": "not trained"}}))
    with pytest.raises(SystemExit, match="1 of its runs are missing, such as exp/asr"):
        keep_results(work, "b")
    assert not (tmp_path / "results/b").exists()
    keep_results("--allow-missing", work, "b")
    assert " h, 1 missing |" in (tmp_path / "results/README.md").read_text()
    assert (tmp_path / "results/b/tables.md").exists()


def test_another_seed_is_added_to_what_is_kept(keep_results, root, tmp_path):
    whole = json.loads((root / "results/demo/results.json").read_text())
    for seed in (1, 2):
        report = tmp_path / f"seed_{seed}/exp/report"
        report.mkdir(parents=True)
        part = whole | {"runs": [run for run in whole["runs"] if run["seed"] == seed], "hybrid": None}
        part["runs"] = [run for run in part["runs"] if run["source_task"] is None]
        (report / "results.json").write_text(json.dumps(part))
        (report / "tables.md").write_text("of one seed")
        (report.parent / "commands").write_text(f"{str(seed) * 40} ./run.sh --seed {seed}\n")
        (report.parent / "RESULTS").write_text(f"of seed {seed}")
    keep_results(tmp_path / "seed_1", "b")
    keep_results("--add", tmp_path / "seed_2", "b")
    kept = tmp_path / "results/b"
    assert [run["seed"] for run in json.loads((kept / "results.json").read_text())["runs"]] == [1, 1, 1, 2, 2, 2]
    assert "ASR" in (kept / "tables.md").read_text() and (kept / "RESULTS").read_text() == "of seed 1"
    assert [line.split()[-1] for line in (kept / "commands").read_text().splitlines()] == ["1", "2"]
    row = (tmp_path / "results/README.md").read_text().splitlines()[-1]
    assert "| 6 in " in row and "| `./run.sh --seed 1`; `./run.sh --seed 2` | 111111111111, 222222222222 |" in row
    before = sorted(path.read_bytes() for path in kept.iterdir())
    with pytest.raises(SystemExit, match="seed 2: .*results/b holds this run, too"):
        keep_results("--add", tmp_path / "seed_2", "b")
    assert sorted(path.read_bytes() for path in kept.iterdir()) == before
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["README.md", "b"]


@pytest.mark.parametrize(
    ("remove", "name", "said"),
    [
        ("exp/commands", "b", "exp/commands does not say what made these results"),
        ("exp", "b", "no work directory of run.sh"),
        ("exp/none", "../b", "'../b' is no name of a folder"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_a_line(remove, name, said, keep_results, work, tmp_path):
    if (work / remove).exists():
        (work / remove).rename(tmp_path / "away")
    with pytest.raises(SystemExit, match=re.escape(said)):
        keep_results(work, name)
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["README.md"]
