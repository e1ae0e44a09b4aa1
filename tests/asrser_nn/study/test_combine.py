"""Parts of a study, made at other times or on other machines, as one."""

import copy
import json

import pytest
from click.testing import CliRunner

from asrser_io.files import Failure
from asrser_nn.__main__ import cli
from asrser_nn.study.combine import combine
from asrser_nn.study.words import provenance_text


@pytest.fixture(scope="module")
def whole(root):
    """The demo's study over three seeds, with controls and hybrids, as it is kept."""
    return json.loads((root / "results/demo/results.json").read_text())


def part_of(whole, *seeds):
    part = copy.deepcopy(whole)
    part["runs"] = [run for run in part["runs"] if run["seed"] in seeds]
    part["hybrid"]["runs"] = [run for run in part["hybrid"]["runs"] if run["seed"] in seeds]
    del part["summary"], part["hybrid"]["summary"], part["hybrid"]["cost"]
    return part


def test_parts_by_seed_make_the_study_they_are_parts_of(whole):
    parts = {f"seeds {seeds}": part_of(whole, *seeds) for seeds in ((3,), (1, 2))}
    found = combine(parts)
    assert list(found) == list(whole)
    assert found["stages"] == []
    for key in ("title", "caveats", "missing", "tasks", "corpora", "provenance", "networks", "filters", "silence"):
        assert found[key] == whole[key]
    about = ("experiment", "constant_layers", "part", "measure")
    expected = {tuple(row[name] for name in about): row for row in whole["summary"]}
    for row in found["summary"]:
        theirs = expected.pop(tuple(row[name] for name in about))
        for name in ("mean", "pooled", "interval", "speakers", "runs", "seeds", "seed_spread", "folds"):
            assert row[name] == pytest.approx(theirs[name])
        for name, comparison in theirs["comparisons"].items():
            assert row["comparisons"][name]["difference"] == pytest.approx(comparison["difference"])
    assert not expected
    for ours, theirs in zip(found["hybrid"]["cost"], whole["hybrid"]["cost"], strict=True):
        assert ours["parameters"] == theirs["parameters"] and ours["runs"] == theirs["runs"] == 6
        assert ours["seconds"] == pytest.approx(theirs["seconds"])


def test_one_part_alone_is_made_again_as_it_was(whole):
    assert json.loads(json.dumps(combine({"all": copy.deepcopy(whole)}))) == whole


def test_what_differs_between_parts_is_said_with_their_seeds(whole):
    parts = {str(seed): part_of(whole, seed) for seed in (1, 2, 3)}
    parts["2"]["provenance"]["machine"] = "another"
    at_once = combine(parts)["provenance"]
    in_two_steps = combine({"a": combine({"1": parts["1"], "2": parts["2"]}), "b": parts["3"]})["provenance"]
    for made in (at_once, in_two_steps):
        assert provenance_text(made["machine"]) == f"{whole['provenance']['machine']} (seeds 1 and 3); another (seed 2)"
        assert provenance_text(made["torch"]) == whole["provenance"]["torch"]


def test_what_a_part_lacks_is_named(whole):
    parts = {str(seed): part_of(whole, seed) for seed in (1, 2)}
    parts["2"]["missing"] = {"exp/seed2/asr": "not trained"}
    found = combine(parts)
    assert found["missing"] == parts["2"]["missing"]
    asked_for = len(found["runs"]) + len(found["hybrid"]["runs"]) + 1
    assert any(f"1 of the {asked_for} runs asked for are missing" in caveat for caveat in found["caveats"])


def asr(part):
    return part["runs"][0]


def shorten(counts):
    next(iter(counts.values()))[0][1] -= 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda part: part["corpora"]["asr"].update(name="TIMIT"), "its corpora are not those of a;"),
        (lambda part: part["tasks"]["ser"].update(folds=["1"]), "its tasks are not those of a;"),
        (lambda part: part["networks"]["asr"][2].update(output="512"), "its networks are not those of a;"),
        (lambda part: asr(part).update(seed=1), "experiment asr, seed 1: a holds this run, too"),
        (lambda part: part["hybrid"]["runs"][0].update(seed=1), "experiment hybrid2asr, shared layers 0, fold Ses01F"),
        (
            lambda part: asr(part)["config"].append("--x=9"),
            "asr was trained with other options than in a: --x=9 (there:",
        ),
        (lambda part: shorten(asr(part)["counts"]["test"]["PER"]), "PER of asr test counts other speech of fkit0"),
        (lambda part: asr(part)["counts"]["dev"]["FER"].popitem(), "FER of asr dev counts other speech of mjay0"),
    ],
)
def test_parts_of_different_studies_are_refused_by_name(spoil, said, whole):
    parts = {"a": part_of(whole, 1), "b": part_of(whole, 2)}
    spoil(parts["b"])
    with pytest.raises(Failure) as refused:
        combine(parts)
    assert str(refused.value).startswith(f"b: {said}")


def test_the_command_leaves_a_report_of_all_and_prints_the_study(whole, tmp_path):
    for seed in (1, 2):
        (tmp_path / f"{seed}.json").write_text(json.dumps(part_of(whole, seed) | {"summary": []}))
    done = CliRunner().invoke(cli, ["combine", f"{tmp_path}/1.json", f"{tmp_path}/2.json", f"{tmp_path}/out"])
    assert done.exit_code == 0, done.output
    assert "How far features travel" in done.output and f"{tmp_path}/out/index.html" in done.output
    assert len(json.loads((tmp_path / "out/results.json").read_text())["runs"]) == 2 * len(whole["runs"]) // 3


def test_a_results_json_of_another_version_is_refused_in_a_line(tmp_path):
    (tmp_path / "1.json").write_text('{"summary": [], "runs": []}')
    done = CliRunner().invoke(cli, ["combine", f"{tmp_path}/1.json", f"{tmp_path}/out"])
    assert done.exit_code == 1 and f"{tmp_path}/1.json: damaged, or of another version" in done.output
