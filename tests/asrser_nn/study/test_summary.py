"""The folds of an emotion corpus, summed up."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from asrser_nn.__main__ import cli
from asrser_nn.prediction.evaluate import rates
from asrser_nn.study.summary import summarise_folds

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


def test_the_summary_is_written_beside_the_papers_figures_and_those_of_guessing(folds, tmp_path):
    for name, parts in folds.items():
        (tmp_path / f"fold_{name}").mkdir()
        for part, figures in parts.items():
            (tmp_path / f"fold_{name}/evaluate_{part}.json").write_text(json.dumps(figures))
    arguments = ["summary", "--title", "EmoDB", tmp_path / "all", tmp_path / "fold_03", tmp_path / "fold_08"]
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    assert result.output == (tmp_path / "all.txt").read_text()
    lines = {" ".join(line.split()[:2]): line.split() for line in result.output.splitlines() if line.strip()}
    # mean, pooled, paper, majority (90 of 100 test frames are anger or neutral: 50, 40, 10), chance of one in three
    assert lines["E frames,"][-5:] == ["17.50", "22.00", "46.44", "50.00", "66.67"]
    assert lines["WA utterances,"][-5:] == ["81.25", "66.67", "-", "55.56", "50.00"]
    assert "08" in (tmp_path / "all.txt").read_text()
    assert json.loads((tmp_path / "all.json").read_text())["test"]["frames"]["error"]["mean"] == pytest.approx(17.5)


def test_a_fold_that_is_not_evaluated_is_refused(tmp_path):
    (tmp_path / "fold_03").mkdir()
    result = CliRunner().invoke(cli, ["summary", str(tmp_path / "all"), str(tmp_path / "fold_03")])
    assert result.exit_code == 1
    assert not (tmp_path / "all.txt").exists()


def test_folds_with_other_classes_are_not_mixed(folds):
    folds["08"]["test"]["classes"] = ["anger", "joy", "silence"]
    with pytest.raises(Exception, match="differ in their classes"):
        summarise_folds(folds)
