"""Which runs of a work directory are counted."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from asrser_io.files import Failure
from asrser_nn.__main__ import cli
from asrser_nn.runs import Evaluation, Run
from asrser_nn.study.measures import class_counts
from asrser_nn.study.report import write_report
from asrser_nn.study.results import SHOWN, collect, gaps, of_limit, training
from asrser_nn.training.directory import write_mark

ERRORS = {"f1": 10, "f2": 40, "f3": 25}  # of 100 frames


@pytest.fixture
def runs(tmp_path, training, tasks):
    """Three folds of a task, complete: trained and evaluated on a speaker of their own."""
    runs = []
    (tmp_path / "exp/ser").mkdir(parents=True)
    (tmp_path / "exp/ser/task.json").write_text(json.dumps(tasks["ser"]))
    (tmp_path / "data/ser").mkdir(parents=True)
    (tmp_path / "data/ser/corpus").write_text("EmoDB\n")
    for fold, errors in ERRORS.items():
        directory, data = tmp_path / "exp" / fold, tmp_path / fold
        directory.mkdir(parents=True)
        data.mkdir()
        (data / "utt2spk").write_text(f"u {fold}\n")
        evaluations = []
        for part in ("dev", "test"):
            out = directory / f"evaluate_{part}.json"
            entry = {"utterance": "u", "frames": 100, "errors": errors}
            rests_on = {"network": f"of {fold}", "data": {"frames": 100}}
            out.write_text(json.dumps({"feats": str(data), "per_utterance": [entry], **rests_on}))
            evaluations.append(Evaluation(str(data), str(data), 5.0, None, None, "fp32", str(out), None))
        (directory / "history.json").write_text(json.dumps([dict.fromkeys(SHOWN, 1)]))
        (directory / "config").write_text("--seed=1\n")
        (directory / "final.pt").touch()
        source = "asr"  # a baseline's network would be looked into
        runs.append(Run(str(directory), "ser", source, fold, training, tuple(evaluations)))
        evaluated = {f"evaluation {number}": {"frames": 100} for number in (1, 2)}
        write_mark(runs[-1], evaluated | {"network": f"of {fold}"})
    return runs


def rate(results, part="test"):
    (row,) = [row for row in results["summary"] if row["part"] == part]
    return row["mean"], row["runs"]


def test_all_complete_runs_are_counted(runs, tmp_path):
    results = collect(tmp_path, runs, [])
    assert rate(results) == (pytest.approx((10 + 40 + 25) / 3), 3)
    assert results["missing"] == {}
    assert [(run["task"], run["source_task"], run["fold"]) for run in results["runs"]][0] == ("ser", "asr", "f1")


@pytest.mark.parametrize(("key", "value"), [("network", "of f1"), ("data", {"frames": 99}), ("network", None)])
def test_an_evaluation_of_another_network_or_other_data_is_refused_by_name(key, value, runs, tmp_path):
    path = Path(runs[1].directory, "evaluate_test.json")
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {key: value}))
    with pytest.raises(Failure) as refused:
        collect(tmp_path, runs, [])
    assert f"{path}: an evaluation of another run, its {key} and those in {path.parent}/run.json" in str(refused.value)


@pytest.mark.parametrize(
    ("gone", "reason"),
    [
        ("run.json", "trained, but not evaluated"),  # killed between the two
        ("evaluate_test.json", "trained, but not evaluated"),
        ("final.pt", "not trained"),
    ],
)
def test_a_run_without_its_mark_or_an_output_is_named_and_not_counted(gone, reason, runs, tmp_path):
    Path(runs[1].directory, gone).unlink()
    results = collect(tmp_path, runs, [])
    for part in ("dev", "test"):
        assert rate(results, part) == (pytest.approx((10 + 25) / 2), 2)
    assert results["missing"] == {runs[1].directory: reason}
    caveat = f"1 of the 3 runs asked for are missing: {reason}: {runs[1].directory}."
    assert caveat in results["caveats"]
    write_report(results, tmp_path / "report")
    assert caveat in (tmp_path / "report/index.html").read_text()


def test_a_run_that_is_not_decoded_is_not_counted_with_its_frames_alone(runs, tmp_path):
    decoded = [replace(run, decodings=("decode_test",)) for run in runs]
    for run in decoded[:2]:
        folder = Path(run.directory, "decode_test")
        folder.mkdir()
        (folder / "best_wer").touch()
    results = collect(tmp_path, decoded, [])
    assert rate(results)[1] == 2 and results["missing"] == {runs[2].directory: "not decoded"}


def test_a_run_of_other_options_is_not_counted(runs, tmp_path):
    asked = [replace(run, training=replace(run.training, dropout=0.2)) if run.fold == "f1" else run for run in runs]
    assert collect(tmp_path, asked, [])["missing"] == {
        runs[0].directory: "made with other options, or by another version "
        f"(was made with dropout={runs[0].training.dropout} (asked for: 0.2))"
    }


def test_a_measure_that_nobody_knows_is_refused_by_name(runs, tasks, tmp_path):
    declared = tasks["ser"] | {"measures": ["E", "F1"], "main_measure": "F1"}
    (tmp_path / "exp/ser/task.json").write_text(json.dumps(declared))
    with pytest.raises(Failure, match=f"{tmp_path}/exp/ser/task.json: there is no measure F1; expected some of FER, "):
        collect(tmp_path, runs, [])


def test_without_a_complete_run_there_is_no_report(runs, tmp_path):
    for run in runs:
        Path(run.directory, "run.json").unlink()
    with pytest.raises(Failure, match="none of the 3 runs is complete"):
        collect(tmp_path, runs, [])


def test_of_many_missing_runs_the_first_are_named():
    made = [{"task": "ser", "source_task": "asr", "constant_layers": 0, "fold": "f1"}]
    (said, _) = gaps(made, {f"exp/{n}": "not trained" for n in range(12)})
    assert "exp/9 and 2 more" in said and "exp/10" not in said


def test_a_part_of_the_grid_is_called_so():
    baseline = {"task": "ser", "source_task": None, "constant_layers": None, "fold": "f1"}
    transfer = baseline | {"source_task": "asr", "constant_layers": 3}
    assert gaps([baseline], {}) == ["This is a part of the paper's grid: 1 of 8 folds, no transfers."]
    assert gaps([baseline, transfer], {}) == ["This is a part of the paper's grid: 1 of 8 folds, l = 3."]


def changed(content, **entries):
    return json.dumps(json.loads(content) | entries).encode()


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("exp/f2/evaluate_dev.json", lambda content: content[:30], "this is no JSON"),
        ("exp/f2/evaluate_dev.json", lambda content: b"\xff\xfe", "this is no JSON"),
        ("exp/f2/evaluate_dev.json", lambda content: b"[" * 100_000, "this is no JSON"),
        ("exp/f2/evaluate_dev.json", lambda content: b"[1, 2]", "damaged, or of another version"),
        ("exp/f2/evaluate_dev.json", lambda content: b"{}", "an evaluation of another run"),
        ("exp/f2/evaluate_dev.json", lambda content: changed(content, per_utterance=[{"utterance": "u"}]), "'errors'"),
        ("exp/f2/evaluate_dev.json", lambda content: changed(content, per_utterance=7), "TypeError"),
        ("exp/f2/evaluate_test.json", lambda content: changed(content, utterances={}), "KeyError: 'support'"),
        ("exp/f2/history.json", lambda content: b'[{"epoch": 1}]', "KeyError: 'train_loss'"),
        ("exp/f2/history.json", lambda content: b"7", "damaged"),
        ("exp/f2/transfer.json", lambda content: b"{", "this is no JSON"),
        ("f2/utt2spk", lambda content: b"other f2\n", "evaluate_dev.json has 1 utterances that"),
        ("f2/utt2spk", lambda content: b"u\n", "line 1: expected"),
        ("exp/f2/evaluate_dev.json", lambda content: changed(content, per_utterance=[]), "there is no utterance in it"),
        ("exp/f2/decode_test/per_utt", lambda content: b"", "there is no utterance in it"),
        ("exp/f2/decode_test/per_utt", lambda content: b"u f2 x 9\n", "invalid literal for int"),
        ("exp/f2/decode_test/per_utt", lambda content: b"u f2\n", "line 1: expected"),
        ("exp/seconds", lambda content: b"7 1.5\n", "damaged, or of another version"),
        ("data/ser/silence.json", lambda content: b"{}", "KeyError: 'silence'"),
    ],
)
def test_a_damaged_result_is_named_and_nothing_else_is_said(name, damage, said, runs, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(damage(path.read_bytes() if path.exists() else b""))
    with pytest.raises(Failure) as error:
        collect(tmp_path, runs, [])
    message = str(error.value)
    assert f"{tmp_path}/{name}" in message and said in message and "\n" not in message


def test_a_damaged_results_json_is_named(made_up_study, tmp_path):
    for content, said in [
        (b"{", "this is no JSON"),
        (b"[]", "this is no results.json of a report"),
        (b'{"summary": []}', "results.json: damaged, or of another version (KeyError: "),
        (json.dumps(made_up_study | {"summary": [{"mean": "x"}]}).encode(), "results.json: damaged"),
    ]:
        (tmp_path / "results.json").write_bytes(content)
        done = CliRunner().invoke(cli, ["combine", f"{tmp_path}/results.json", f"{tmp_path}/out"])
        assert done.exit_code == 1 and said in done.stderr and done.stderr.count("\n") == 1


def test_in_ue_without_silence_the_frames_of_silence_do_not_count_but_those_taken_for_it_do():
    entry = {"utterance": "u", "reference": "b", "hypothesis": "b", "confusion": [[8, 1, 1], [2, 2, 0], [5, 0, 5]]}
    evaluation = {"classes": ["sil", "a", "b"], "utterances": {"support": {"a": 0, "b": 1}}, "per_utterance": [entry]}
    counts = class_counts(evaluation, {"u": "s"})
    assert counts["UE"]["s"] == [[2, 10], [2, 4], [5, 10]]
    assert counts["UE without silence"]["s"] == [[2, 4], [5, 10]]


@pytest.mark.parametrize(
    ("accuracies", "allowed", "limited"),
    [([0, 1, 2, 3], 3, 1), ([0, 1, 3, 2], 3, 0), ([0, 1, 2, 3], 30, 0), ([0, 3, 2, 1, 1], 4, 0), ([0, 1, 3, 3], 3, 0)],
)
def test_networks_that_the_limit_of_epochs_ended_are_counted_and_named(accuracies, allowed, limited, tasks):
    history = [{"epoch": epoch, "dev_accuracy": accuracy} for epoch, accuracy in enumerate(accuracies)]
    what = {"task": "ser", "source_task": "asr", "constant_layers": 2}
    found = training([what | {"history": history, "config": [f"--max-epochs={allowed}", "--patience=3"]}])
    assert found == [what | {"networks": 1, "epochs": len(accuracies) - 1, "at_limit": limited}]
    said = of_limit(found, tasks)
    assert [sentence.partition(": ")[0] for sentence in said] == limited * [
        "1 of 1 networks were best in the last epoch that --max-epochs allows, most often 1 of 1 (ASR → SER, l = 2)"
    ]
