"""Networks that learn together, beside separate ones and transfers: Table 4 and what belongs to it."""

import copy

import pytest

from asrser_nn.network.convnet import ConvNet, Shape
from asrser_nn.network.model import layer_table
from asrser_nn.study import hybrid, measures
from asrser_nn.study.report import summary_text, tables, write_report
from asrser_nn.study.words import reading_of_hybrid

SMALL = Shape(40, 4, context=7, channels=(4, 6), hidden=(8, 8, 8))
NETWORKS = {task: layer_table(ConvNet(SMALL)) for task in ("asr", "ser")}


def _hybrids(runs, shared_layers):
    """A hybrid for each fold and seed, which hears what the separate networks heard and makes some errors more."""
    made = []
    for run in runs:
        if run["source_task"] is not None:
            continue
        folds = [run["fold"]] if run["fold"] else sorted({other["fold"] for other in runs if other["fold"]})
        for fold, number in ((fold, number) for fold in folds for number in shared_layers):
            ours = copy.deepcopy(run) | {"source_task": "hybrid", "fold": fold, "shared_layers": number}
            ours |= {"experiment": f"hybrid2{run['task']}", "hybrid": f"hybrid/asr+ser/l{number}/fold_{fold}"}
            for measure, counts in ours["counts"]["test"].items():
                for pairs in counts.values():
                    pairs[0][0] += number * (-1 if measure in ("WA", "UA") else 1)
            ours["history"] = [epoch | {"seconds": 3.0, "frames_per_second": 100} for epoch in run["history"][:2]]
            made.append(ours)
    return sorted(made, key=lambda run: (run["seed"], run["shared_layers"], run["fold"]))  # the tasks together


@pytest.fixture
def results(made_up_study):
    results = copy.deepcopy(made_up_study)
    for run in results["runs"]:
        for epoch in run["history"]:
            epoch |= {"seconds": 2.0, "frames_per_second": 100}
    hybrids = _hybrids(results["runs"], (0, 1, 3))
    results["hybrid"] = hybrid.found(hybrids, results["runs"], NETWORKS)
    return results


def _find(rows, **what):
    (row,) = [row for row in rows if all(row[name] == value for name, value in what.items())]
    return row


def test_a_hybrid_is_compared_with_separate_networks_and_with_transfers_of_as_many_layers(results):
    for task, other, measure in (("asr", "ser", "FER"), ("ser", "asr", "WA")):
        what = {"task": task, "measure": measure, "part": "test"}
        row = _find(results["hybrid"]["summary"], shared_layers=3, **what)
        alone = _find(results["summary"], experiment=task, constant_layers=None, **what)
        held = _find(results["summary"], source_task=other, constant_layers=3, **what)
        for name, reference in (("scratch", alone), (other, held)):
            assert row["comparisons"][name]["difference"] == pytest.approx(row["mean"] - reference["mean"])
        # three errors more of each speaker's 400 frames, or three right answers less of 60
        expected = 100 * 3 / 400 if measure == "FER" else -100 * 3 / 60
        assert row["comparisons"]["scratch"]["difference"] == pytest.approx(expected)
        assert row["runs"] == 6 and row["seeds"] == 2


def test_a_hybrid_is_compared_with_one_that_shares_nothing_and_learns_like_it(results):
    found = results["hybrid"]["summary"]
    for task, measure, unit in (("asr", "FER", 100 / 400), ("ser", "WA", -100 / 60)):  # of an error more per speaker
        what = {"task": task, "measure": measure, "part": "test"}
        nothing, one, three = (_find(found, shared_layers=number, **what) for number in (0, 1, 3))
        assert one["comparisons"][hybrid.NOTHING_SHARED]["difference"] == pytest.approx(unit)
        assert three["comparisons"][hybrid.NOTHING_SHARED]["difference"] == pytest.approx(3 * unit)
        assert list(nothing["comparisons"]) == ["scratch"]  # no transfer holds no layer constant
    (table,) = [table for table in tables(results) if table.name == "Comparisons (hybrid)"]
    to_nothing = [row[table.header.index("to nothing shared")] for row in table.rows]
    assert all((text == "") == (row[1] == "0") for row, text in zip(table.rows, to_nothing, strict=True))


def test_what_is_shared_counts_once_and_the_training_of_all_tasks_counts_together(results):
    separate, nothing, one, three = results["hybrid"]["cost"]
    layers = [sum(p.numel() for p in layer.parameters()) for layer in ConvNet(SMALL).layers]
    assert separate["parameters"] == nothing["parameters"] == 2 * sum(layers)
    assert one["parameters"] == 2 * sum(layers) - layers[0]
    assert three["parameters"] == 2 * sum(layers) - sum(layers[:3])
    assert (separate["seconds"], separate["frames"], separate["epochs"]) == (20, 2000, [5, 5])
    assert (three["seconds"], three["frames"], three["epochs"]) == (6, 600, [2])
    assert separate["runs"] == three["runs"] == 6


def test_folds_without_all_networks_do_not_count_for_the_cost(results):
    others = [run for run in results["runs"] if (run["task"], run["fold"]) != ("ser", "01F")]
    hybrids = results["hybrid"]["runs"]
    assert {row["runs"] for row in hybrid.cost(hybrids, others, NETWORKS)} == {4}


def test_the_cost_is_also_counted_where_the_folds_of_the_tasks_have_other_names(results):
    for run in (*results["runs"], *results["hybrid"]["runs"]):
        if run["task"] == "asr":
            run["fold"] = "split"
    expected = results["hybrid"]["cost"]
    assert hybrid.cost(results["hybrid"]["runs"], results["runs"], NETWORKS) == expected
    apart = [*results["hybrid"]["runs"][::2], *results["hybrid"]["runs"][1::2]]  # as in a list that was sorted by task
    assert hybrid.cost(apart, results["runs"], NETWORKS) == expected
    assert {row["runs"] for row in hybrid.cost(apart[1:], results["runs"], NETWORKS)} == {5}


def test_table_4_holds_the_hybrid_beside_separate_networks_and_transfers(results):
    (table,) = [table for table in tables(results) if table.name.startswith("Table 4")]
    of_ser = [f"SER: {measure}" for measure in ("E", "UE", "UE without silence", "WA", "UA")]
    assert table.header == ["", "part", "runs", "ASR: FER", "ASR: PER", *of_ser]
    names = [row[0] for row in table.rows if row[1] == "test"]
    assert names == [
        "separate networks",
        "hybrid, nothing shared",
        "hybrid, first layer shared",
        "hybrid, first 3 layers shared",
        "transfer, first layer constant",
        "transfer, first 3 layers constant",
    ]
    cells = {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows if row[1] == "test"}

    def begin(row):
        return f"{row['mean']:.2f} ± {row['seed_spread']:.2f} ["

    for measure, task, other in (("PER", "asr", "ser"), ("UA", "ser", "asr")):
        row = _find(results["hybrid"]["summary"], task=task, shared_layers=3, measure=measure, part="test")
        column = f"{task.upper()}: {measure}"
        assert cells["hybrid, first 3 layers shared"][column].startswith(begin(row))
        row = _find(results["summary"], experiment=f"{other}2{task}", constant_layers=3, measure=measure, part="test")
        assert cells["transfer, first 3 layers constant"][column].startswith(begin(row))


def test_of_three_tasks_each_source_has_transfers_of_its_own_in_table_4(results):
    def as_gender(run):
        names = {name: run[name].replace("ser", "gender") for name in ("experiment", "task")}
        return copy.deepcopy(run) | names

    for runs in (results["runs"], results["hybrid"]["runs"]):
        runs += [as_gender(run) for run in runs if run["experiment"] in ("ser", "asr2ser", "hybrid2ser")]
    results["tasks"] = results["tasks"] | {"gender": results["tasks"]["ser"] | {"name": "gender", "label": "gender"}}
    results["summary"] = measures.summary(results["runs"])
    results["hybrid"] = hybrid.found(results["hybrid"]["runs"], results["runs"], NETWORKS | {"gender": NETWORKS["ser"]})
    (table,) = [table for table in tables(results) if table.name.startswith("Table 4")]
    cells = {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows if row[1] == "test"}
    held = {name.removeprefix("transfer, from "): row for name, row in cells.items() if name.startswith("transfer")}
    layers = ("first layer constant", "first 3 layers constant")
    assert list(held) == [f"{source}, {number}" for source in ("ASR", "SER") for number in layers]
    from_asr, from_ser = (held[f"{source}, {layers[1]}"] for source in ("ASR", "SER"))
    assert from_asr["ASR: FER"] == "" and from_asr["SER: UE"] == from_asr["gender: UE"] != ""
    assert from_ser["SER: UE"] == "" and from_ser["gender: UE"] == "missing" and from_ser["ASR: FER"][0].isdigit()


def test_sentences_say_what_the_comparisons_say(results):
    said = reading_of_hybrid(results).sentences
    assert len(said) == 6  # two tasks, three numbers of shared layers
    row = _find(results["hybrid"]["summary"], task="ser", shared_layers=3, measure="UE", part="test")
    (sentence,) = [text for text in said if text.startswith("SER, the first 3 layers shared with ASR: UE ")]
    assert f"UE {row['mean']:.1f} % (" in sentence and ", without silence " in sentence
    others = {
        "scratch": "a separate network",
        "nothing shared": "a hybrid that shares nothing",
        "asr": "ASR → SER with as many layers constant",
    }
    for name, words in others.items():
        difference = row["comparisons"][name]["difference"]
        assert f"{words} ({difference:+.1f}, " in sentence


def test_the_page_the_screen_and_the_figure_show_it_and_only_where_there_is_one(results, made_up_study, tmp_path):
    write_report(results, tmp_path / "with")
    page = (tmp_path / "with/index.html").read_text()
    for text in ("Learning together", "Table 4 (hybrid of ASR and SER)", "Comparisons (hybrid)", "the hybrid costs"):
        assert text in page
    assert (tmp_path / "with/figure4_hybrid.png").read_bytes().startswith(b"\x89PNG")
    assert "hybrid, first 3 layers shared" in summary_text(results)
    write_report(made_up_study, tmp_path / "without")
    assert "hybrid" not in (tmp_path / "without/index.html").read_text().lower()
    assert not (tmp_path / "without/figure4_hybrid.png").exists() and "hybrid" not in summary_text(made_up_study)
