"""The folds of an emotion corpus, summed up."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from asrser_nn.__main__ import cli
from asrser_nn.prediction.evaluate import rates
from asrser_nn.runs import Run
from asrser_nn.study.summary import summarise_folds
from asrser_nn.training.directory import MARK, write_mark

CLASSES = ["anger", "neutral", "silence"]


def evaluation(frames: list[list[int]], utterances: list[list[int]]) -> dict:
    """As `evaluate` gives it, from confusion matrices (row: reference)."""
    return {
        "classes": CLASSES,
        "frames": rates(np.array(frames), CLASSES),
        "frames_without_silence": rates(np.array(frames)[:2, :2], CLASSES[:2]),
        "utterances": rates(np.array(utterances), CLASSES[:2]),
    }


@pytest.fixture
def folds() -> dict:
    one = evaluation([[8, 2, 0], [0, 0, 0], [0, 0, 10]], [[1, 0], [0, 0]])
    other = evaluation([[30, 10, 0], [10, 30, 0], [0, 0, 0]], [[3, 1], [2, 2]])
    return {"03": {"dev": one, "test": one}, "08": {"dev": one, "test": other}}


def test_the_mean_weighs_folds_alike_and_the_pooled_figure_weighs_frames(folds):
    error = summarise_folds(folds)["test"]["frames"]["error"]
    assert error["by_fold"] == pytest.approx({"03": 10.0, "08": 25.0})  # 2 of 20, 20 of 80
    assert error["mean"] == pytest.approx(17.5)
    assert error["pooled"] == pytest.approx(22.0)  # 22 of 100


def test_a_recall_that_a_fold_lacks_is_measured_on_the_others(folds):
    unweighted = summarise_folds(folds)["test"]["utterances"]["unweighted_error"]
    assert unweighted["by_fold"] == pytest.approx({"03": 0.0, "08": 100 * (0.25 + 0.5) / 2})
    assert unweighted["pooled"] == pytest.approx(100 * (1 / 5 + 2 / 4) / 2)


def pairs_of(confusion):
    """Truth and decision of each utterance that a confusion counts."""
    return [(i, j) for i, row in enumerate(confusion) for j, count in enumerate(row) for _ in range(count)]


@pytest.fixture
def runs(folds, tmp_path, training):
    """A list of both folds, and their directories, complete."""
    runs = []
    for name, parts in folds.items():
        directory = tmp_path / f"fold_{name}"
        directory.mkdir()
        (directory / "final.pt").touch()
        for part, figures in parts.items():
            data = tmp_path / f"{part}_{name}"
            data.mkdir()
            per_utterance = []
            for number, pair in enumerate(pairs_of(figures["utterances"]["confusion"])):
                confusion = figures["frames"]["confusion"] if number == 0 else np.zeros((3, 3), int).tolist()
                names = dict(zip(("reference", "hypothesis"), (CLASSES[i] for i in pair), strict=True))
                per_utterance.append({"utterance": f"u{number}", "confusion": confusion, **names})
            (data / "utt2spk").write_text("".join(f"u{number} {name}\n" for number in range(len(per_utterance))))
            evaluated = figures | {"feats": str(data), "per_utterance": per_utterance}
            (directory / f"evaluate_{part}.json").write_text(json.dumps(evaluated))
        runs.append(Run(str(directory), "ser", None, name, training))
        write_mark(runs[-1], {})
    (tmp_path / "runs").write_text("".join(json.dumps(run.as_data()) + "\n" for run in runs))
    return runs


def summarise(folder):
    return CliRunner().invoke(cli, ["summary", "--title", "EmoDB", f"{folder}/all", f"{folder}/runs"])


def test_the_summary_is_written_beside_the_papers_figures_and_those_of_guessing(runs, tmp_path):
    result = summarise(tmp_path)
    assert result.exit_code == 0, result.output
    assert result.output == (tmp_path / "all.txt").read_text()
    lines = {" ".join(line.split()[:2]): line.split() for line in result.output.splitlines() if line.strip()}
    # mean, its interval (of two speakers: from the figure of one to that of the other), pooled, paper,
    # majority (90 of 100 test frames are anger or neutral: 50, 40, 10), chance of one in three
    assert lines["E frames,"][-7:] == ["17.50", "[10.00,", "25.00]", "22.00", "46.44", "50.00", "66.67"]
    assert lines["WA utterances,"][-7:] == ["81.25", "[62.50,", "100.00]", "66.67", "-", "55.56", "50.00"]
    assert "summed over the folds; of 2 speakers" in result.output
    assert "08" in (tmp_path / "all.txt").read_text()
    assert json.loads((tmp_path / "all.json").read_text())["test"]["frames"]["error"]["mean"] == pytest.approx(17.5)


def test_a_fold_that_is_trained_but_not_evaluated_does_not_count_and_is_named(runs, tmp_path):
    (tmp_path / "fold_08" / MARK).unlink()  # killed between the two: evaluations of an earlier network may be there
    result = summarise(tmp_path)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0] == "EmoDB; 1 folds; per cent"
    missing = f"1 of 2 folds are missing: trained, but not evaluated: {tmp_path}/fold_08"
    assert result.output.splitlines()[1] == missing
    written = json.loads((tmp_path / "all.json").read_text())
    assert written["test"]["frames"]["error"]["by_fold"] == pytest.approx({"03": 10.0})
    assert written["missing"] == {f"{tmp_path}/fold_08": "trained, but not evaluated"}


def test_without_a_complete_fold_there_is_no_summary(runs, tmp_path):
    for run in runs:
        (Path(run.directory) / "final.pt").unlink()
    result = summarise(tmp_path)
    assert result.exit_code == 1 and "no fold is complete (not trained: " in result.stderr
    assert not (tmp_path / "all.txt").exists()


def test_two_experiments_are_not_summed_up_together(runs, tmp_path):
    other = replace(runs[1], directory=f"{tmp_path}/other")
    with open(tmp_path / "runs", "a") as file:
        file.write(json.dumps(other.as_data()) + "\n")
    result = summarise(tmp_path)
    assert result.exit_code == 1 and f"{tmp_path}/other is no further fold of ser" in result.stderr


def test_folds_with_other_classes_are_not_mixed(folds):
    folds["08"]["test"]["classes"] = ["anger", "joy", "silence"]
    with pytest.raises(Exception, match="differ in their classes"):
        summarise_folds(folds)


def test_a_task_without_utterances_to_decide_on_is_summed_up_by_its_frames(runs, folds, tmp_path):
    """As one with a label of its own for each frame: an evaluation without --silence-class."""
    for run in runs:
        for part in ("dev", "test"):
            path = Path(run.directory) / f"evaluate_{part}.json"
            whole = json.loads(path.read_bytes())
            for entry in whole["per_utterance"]:
                entry |= {"frames": 20, "errors": 5}
            for level in ("frames_without_silence", "utterances"):
                del whole[level]
            path.write_text(json.dumps(whole))
    result = summarise(tmp_path)
    assert result.exit_code == 0, result.output
    assert "frames, 3 classes" in result.output and "utterances" not in result.output
    assert set(json.loads((tmp_path / "all.json").read_text())["test"]) == {"frames"}
