"""Tasks that learn together: what they share is one thing, the rest each task's own, and one task alone is `train`."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from asrser_io.files import Failure
from asrser_nn.__main__ import cli
from asrser_nn.commands.runs import evaluation_of, read_list, read_networks, training_of
from asrser_nn.data.corpus import Corpus, mean_and_stddev
from asrser_nn.network.convnet import ConvNet, Shape
from asrser_nn.network.model import load_model
from asrser_nn.network.sharing import count_parameters, layers_in_common, share_layers
from asrser_nn.runs import Hybrid, Method, Run, Sharing, Training
from asrser_nn.training.directory import what_is_missing
from asrser_nn.training.loop import (
    Data,
    Display,
    Learner,
    Progress,
    fit,
    make_optimiser,
    mean_accuracy,
    train_epoch,
    turns,
)
from asrser_nn.training.run import Computing, Part, train_network, train_together
from asrser_nn.training.transfer import CacheMemory

HOW = Computing(torch.device("cpu"), CacheMemory(0))
SHARED = Sharing(shared_layers=3, batchnorm="shared", normalisation="shared", passes=1.0, baseline=None)


class KilledAfter(Display):
    """Stands for a kill, between the looks at dev of the first and the second task."""

    def __init__(self, epoch: int):
        self.epoch = epoch

    def end_epoch(self, record) -> None:
        if record["epoch"] == self.epoch:
            raise KeyboardInterrupt


@pytest.fixture
def tasks(make_corpus: Callable[[int, int], Corpus]) -> Callable[[], dict[str, Data]]:
    """Two tasks of the little world, with four classes and three; the second has other frames, and shifted ones."""

    def make() -> dict[str, Data]:
        states = Data(make_corpus(1, 12), make_corpus(2, 4), [*"abcd"])
        moods = Data(make_corpus(3, 6), make_corpus(4, 4), ["x", "y", "z"])
        for corpus in (moods.train, moods.dev):
            corpus.labels.clamp_(max=2)
            corpus.rows.add_(3)
        return {"states": states, "moods": moods}

    return make


def together(directory: Path, data: dict[str, Data], training: Training, sharing: Sharing, display=None, **changes):
    """Networks by task. changes: sharing or method of one task, by its name"""
    directory.mkdir(exist_ok=True)
    parts = []
    for task, its_data in data.items():
        own = replace(training, sources=replace(training.sources, class_names=()), sharing=sharing)
        own = replace(own, **changes.get(task, {}))
        parts.append(Part(directory / task, own, its_data))
    return dict(zip(data, train_together(directory, parts, HOW, display or Display()), strict=True))


def weights(network: ConvNet, layers: slice) -> dict[str, torch.Tensor]:
    return dict(network.layers[layers].state_dict())


def assert_equal(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name


def learners(method: Method, shape: Shape, shared: int, batchnorm: bool = True) -> list[Learner]:
    networks = [ConvNet(replace(shape, num_classes=classes), dropout=0.4) for classes in (4, 3)]
    share_layers(networks, shared, batchnorm)
    return [Learner(network, make_optimiser(network, 0, method), 0, method, Display()) for network in networks]


def test_one_task_whose_layers_are_all_shared_is_the_training_of_a_single_network_bit_for_bit(
    tmp_path: Path, tasks, training: Training
) -> None:
    (tmp_path / "alone").mkdir()
    alone = train_network(tmp_path / "alone", training, tasks()["states"], HOW, Display())
    states = {"states": tasks()["states"]}
    hybrid = together(tmp_path / "hybrid", states, training, replace(SHARED, shared_layers=5))["states"]
    assert_equal(hybrid.network.state_dict(), alone.network.state_dict())
    names = ("epoch", "train_loss", "train_accuracy", "dev_loss", "dev_accuracy")
    ours, theirs = (
        [[record[name] for name in names] for record in json.loads((tmp_path / place / "history.json").read_text())]
        for place in ("hybrid/states", "alone")
    )
    assert ours == theirs
    assert hybrid.about["dev_accuracy"] == alone.about["dev_accuracy"]


def test_tasks_that_share_no_layer_learn_as_if_they_were_alone(tmp_path: Path, tasks, training: Training) -> None:
    training = replace(training, method=replace(training.method, max_epochs=1))
    apart = replace(SHARED, shared_layers=0, batchnorm="own", normalisation="own")
    hybrid = together(tmp_path / "hybrid", tasks(), training, apart)
    for task, data in tasks().items():
        (tmp_path / task).mkdir()
        own = replace(training, sources=replace(training.sources, class_names=()))
        alone = train_network(tmp_path / task, own, data, HOW, Display())
        assert_equal(hybrid[task].network.state_dict(), alone.network.state_dict())


@pytest.mark.parametrize("shared", [0, 1, 3, 5])
@pytest.mark.parametrize("batchnorm", [True, False])
def test_gradients_of_a_task_reach_the_shared_layers_and_its_own_and_none_of_the_others(
    shared: int, batchnorm: bool, small_shape: Shape, make_corpus, method: Method
) -> None:
    first, second = learners(method, small_shape, shared, batchnorm)
    before = [{name: p.clone() for name, p in learner.network.named_parameters()} for learner in (first, second)]
    train_epoch([first], [make_corpus(1, 5)], 1)  # the first task has all turns
    for name, parameter in first.network.named_parameters():
        assert not torch.equal(parameter, before[0][name]), name
    for name, parameter in second.network.named_parameters():
        is_shared = int(name.split(".")[1]) < shared
        assert torch.equal(parameter, before[1][name]) != is_shared, name
        assert (parameter.grad is not None) == is_shared, name
    assert not {id(p) for p in second.network.layers[shared:].parameters()} & {
        id(p) for group in first.optimiser.param_groups for p in group["params"]
    }


@pytest.mark.parametrize("batchnorm", ["shared", "own"])
def test_shared_layers_are_equal_in_all_networks_afterwards_and_no_others(
    batchnorm: str, tmp_path: Path, tasks, training: Training
) -> None:
    models = together(tmp_path / "hybrid", tasks(), training, replace(SHARED, batchnorm=batchnorm))
    states, moods = (load_model(tmp_path / "hybrid" / task).network for task in models)
    for layer in range(5):
        ours, theirs = weights(states, slice(layer, layer + 1)), weights(moods, slice(layer, layer + 1))
        for name in ours:
            statistics = "running" in name
            expected = layer < 3 and (batchnorm == "shared" or not statistics)
            if "num_batches" not in name:
                assert torch.equal(ours[name], theirs[name]) == expected, (layer, name)
    assert layers_in_common([states, moods]) == (3 if batchnorm == "shared" else 0)


def test_parameters_that_are_shared_count_once(small_shape: Shape, method: Method) -> None:
    networks = [learner.network for learner in learners(method, small_shape, 3)]
    shared = sum(p.numel() for p in networks[0].layers[:3].parameters())
    assert count_parameters(networks) == sum(count_parameters([network]) for network in networks) - shared


@pytest.mark.parametrize("normalisation", ["shared", "own"])
def test_the_input_is_normalised_by_all_training_sets_or_by_each_tasks_own(
    normalisation: str, tmp_path: Path, tasks, training: Training
) -> None:
    training = replace(training, method=replace(training.method, max_epochs=1))
    models = together(tmp_path / "hybrid", tasks(), training, replace(SHARED, normalisation=normalisation))
    corpora = {task: data.train for task, data in tasks().items()}
    for task, model in models.items():
        rows = [corpus.rows[corpus.starts + 6].double() for corpus in corpora.values()]
        expected = torch.cat(rows) if normalisation == "shared" else rows[list(corpora).index(task)]
        torch.testing.assert_close(model.network.mean.double(), expected.mean(0), atol=1e-4, rtol=0)
        torch.testing.assert_close(model.network.stddev.double(), expected.std(0, correction=0), atol=1e-4, rtol=0)
    assert torch.equal(*(model.network.mean for model in models.values())) == (normalisation == "shared")
    assert not torch.equal(mean_and_stddev(corpora["states"])[0], mean_and_stddev(corpora["moods"])[0])


def test_turns_are_spread_evenly() -> None:
    assert turns([3]) == [0, 0, 0]
    assert turns([2, 2]) == [0, 1, 0, 1]
    assert turns([4, 2]) == [0, 1, 0, 0, 1, 0]  # at 1/8, 3/8, 5/8, 7/8 and 1/4, 3/4
    assert sorted(turns([70, 11])) == [0] * 70 + [1] * 11


@pytest.mark.parametrize(("passes", "times"), [(0.5, {0, 1}), (1.0, {1}), (2.0, {2}), (1.5, {1, 2})])
def test_a_task_sees_its_frames_as_often_as_it_should(
    passes: float, times: set[int], small_shape: Shape, make_corpus, method: Method
) -> None:
    first, second = learners(method, small_shape, 3)
    corpus = make_corpus(1, 5)
    whole = corpus.num_frames // 32
    corpus = replace(corpus, starts=corpus.starts[: whole * 32], labels=corpus.labels[: whole * 32])  # none left over
    seen: list[torch.Tensor] = []
    gather = corpus.inputs
    corpus.inputs = lambda frames: (seen.append(frames), gather(frames))[1]
    other = make_corpus(3, 5)
    other.labels.clamp_(max=2)
    train_epoch([replace(first, passes=passes), second], [corpus, other], 1)
    counts = torch.bincount(torch.cat(seen), minlength=corpus.num_frames)
    assert set(counts.tolist()) == times
    assert len(seen) == round(passes * whole)


@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("batchnorm", ["shared", "own"])
def test_a_killed_hybrid_continues_and_ends_with_the_same_files(
    epoch: int, batchnorm: str, tmp_path: Path, tasks, training: Training
) -> None:
    sharing = replace(SHARED, batchnorm=batchnorm)
    together(tmp_path / "whole", tasks(), training, sharing)
    with pytest.raises(KeyboardInterrupt):
        together(tmp_path / "cut", tasks(), training, sharing, KilledAfter(epoch))
    assert (tmp_path / "cut/checkpoint.pt").exists() == (epoch > 1)
    together(tmp_path / "cut", tasks(), training, sharing)
    for task in tasks():
        assert (tmp_path / "cut" / task / "final.pt").read_bytes() == (
            tmp_path / "whole" / task / "final.pt"
        ).read_bytes()
    assert not (tmp_path / "cut/checkpoint.pt").exists()


def test_early_stopping_looks_at_the_mean_of_the_accuracies_divided_by_those_of_the_baselines(
    monkeypatch, small_shape: Shape, method: Method
) -> None:
    both = [
        replace(learner, baseline=baseline)
        for learner, baseline in zip(learners(method, small_shape, 3), (80.0, 40.0), strict=True)
    ]
    # means of shares: 0.75, 0.8125, 0.75 and 0.8; the sums of the accuracies would choose epoch 3
    accuracies = [(60.0, 30.0), (60.0, 35.0), (76.0, 22.0), (60.0, 34.0)]
    epochs = [[{"epoch": 1, "dev_accuracy": value} for value in pair] for pair in accuracies]
    assert [mean_accuracy(both, records) for records in epochs] == pytest.approx([0.75, 0.8125, 0.75, 0.8])
    monkeypatch.setattr("asrser_nn.training.loop.run_epoch", lambda learners, data, epoch: epochs[epoch - 1])
    progress = Progress()
    fit([replace(learner, method=replace(method, patience=2, max_epochs=9)) for learner in both], [], progress, list)
    assert (progress.epoch, progress.best_epoch, progress.best_accuracy) == (4, 2, pytest.approx(0.8125))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dropout": 0.1}, "--dropout is 0.4 for states, but 0.1 for moods"),
        ({"shape": Shape(0, 0, hidden=(32, 32, 9))}, "is .* for states, but .* for moods"),
        ({"sharing": replace(SHARED, shared_layers=2)}, "--shared-layers is 3 for states, but 2 for moods"),
    ],
)
def test_networks_that_differ_where_they_share_are_refused(changes, said, tmp_path, tasks, training: Training) -> None:
    with pytest.raises(Failure, match=said):
        together(tmp_path / "hybrid", tasks(), training, SHARED, moods=changes)
    assert not list((tmp_path / "hybrid").iterdir())


def test_sharing_all_layers_with_the_output_is_refused(training: Training) -> None:
    with pytest.raises(Failure, match="--shared-layers=6: of 6 layers one is each task's own"):
        replace(training, sharing=replace(SHARED, shared_layers=6))


@pytest.fixture
def call(capfd) -> Callable[..., tuple[int, str, str]]:
    def run(*words) -> tuple[int, str, str]:
        status = 0
        try:
            cli([str(word) for word in words])
        except SystemExit as end:
            status = int(end.code or 0)
        return (status, *capfd.readouterr())

    return run


@pytest.fixture
def alone(call, world: Path, tmp_path: Path, small_options: list[str]) -> dict[str, Path]:
    """Two networks trained on their own, of the same data in other words."""
    data = [world / "train"] * 2 + [world / "dev"] * 2
    for task, names in (("states", []), ("moods", ["--class-names=a,b,c,silence", "--learning-rate=1e-4"])):
        assert call("train", *small_options, *names, "--max-epochs=2", *data, tmp_path / task)[0] == 0
    return {task: tmp_path / task for task in ("states", "moods")}


def test_the_command_takes_data_and_method_from_the_separate_networks(alone, call, tmp_path: Path) -> None:
    named = [f"{task}={path}" for task, path in alone.items()]
    command = ["multitask", "--shared-layers=3", "--passes", "moods", "0.5", "--device=cpu", *named, tmp_path / "both"]
    status, out, err = call(*command)
    assert status == 0, err
    assert [line.split(":")[0] for line in out.splitlines()] == [f"{tmp_path}/both/{task}" for task in alone]
    assert [line.split(":")[0] for line in err.splitlines()] == [
        f"epoch {epoch}, {task}" for epoch in (1, 2) for task in alone
    ]
    models = {task: load_model(tmp_path / "both" / task) for task in alone}
    assert models["moods"].class_names == ["a", "b", "c", "silence"] and models["states"].class_names == [*"0123"]
    for task, model in models.items():
        theirs = load_model(alone[task])
        more = {"--shared-layers", "--batchnorm", "--normalisation", "--passes", "--baseline"}
        assert model.config.keys() - theirs.config.keys() == more
        assert {name: model.config[name] for name in theirs.config} == theirs.config
        assert model.about["data"]["baseline"] == theirs.about["dev_accuracy"]
    assert models["moods"].config["--passes"] == "0.5" and models["states"].config["--passes"] == "1.0"
    assert call(*command)[2].endswith("both is complete: nothing to do\n")
    status, _, err = call(*[word.replace("layers=3", "layers=2") if word == command[1] else word for word in command])
    assert status == 1 and "--shared-layers=3; asked for was --shared-layers=2" in err


def test_what_is_no_task_is_refused_in_a_line(alone, call, tmp_path: Path) -> None:
    states = f"states={alone['states']}"
    for words, said in [
        (["states"], "expected a name and a run directory"),
        ([states, states], "the task states is there twice"),
        ([states, "--passes", "x", "1"], "--passes x: the tasks are states"),
        ([states, f"b={tmp_path}/nothing"], "no such model file or run directory"),
    ]:
        status, _, err = call("multitask", "--shared-layers=3", *words, tmp_path / "both")
        assert status in (1, 2) and said in err and len(err.splitlines()) == 1, err
        assert not (tmp_path / "both").exists()


@pytest.fixture
def hybrid(alone, world: Path, tmp_path: Path, small_options: list[str]) -> Hybrid:
    """A run of two tasks, each evaluated on dev."""
    parts = []
    for task, names in (("states", []), ("moods", ["--class-names=a,b,c,silence"])):
        directory = f"{tmp_path}/hybrid/{task}"
        data = [str(world / part) for part in ("train", "train", "dev", "dev")]
        sizes = [option for option in small_options if not option.startswith("--threads")]
        options = ["--shared-layers=3", f"--baseline={alone[task]}", "--max-epochs=2", *sizes, *names]
        training = training_of(["multitask", *options, *data, directory])
        evaluation = evaluation_of(["--json", f"{directory}/evaluate_dev.json", directory, *data[2:]])
        parts.append(Run(directory, task, "hybrid", None, training, (evaluation,)))
    return Hybrid(f"{tmp_path}/hybrid", tuple(parts))


def write_list(path: Path, *runs: Hybrid) -> Path:
    path.write_text("".join(json.dumps(run.as_data()) + "\n" for run in runs))
    return path


def test_the_grid_makes_a_hybrid_and_every_task_of_it_is_a_run(hybrid: Hybrid, alone, call, tmp_path: Path) -> None:
    path = write_list(tmp_path / "runs", hybrid)
    assert read_list(path) == [hybrid] and read_networks(path) == list(hybrid.parts)
    assert what_is_missing(hybrid) == "not trained"
    status, _, err = call("grid", "--device=cpu", path)
    assert status == 0 and f"1/1 {hybrid.directory}: 2 epochs, states dev " in err and ", moods dev " in err
    for part in hybrid.parts:
        assert what_is_missing(part) is None
        names = {name.name for name in Path(part.directory).iterdir()}
        assert names == {"final.pt", "config", "history.json", "learning_curve.png", "run.json", "evaluate_dev.json"}
    before = {part.task: Path(part.directory, "final.pt").stat().st_mtime_ns for part in hybrid.parts}
    assert call("grid", "--device=cpu", path)[2].startswith("1 runs done, 0 to do")
    Path(hybrid.parts[1].directory, "run.json").unlink()  # killed in its last evaluation
    assert what_is_missing(hybrid) == "trained, but not evaluated"
    assert call("grid", "--device=cpu", path)[0] == 0
    assert before == {part.task: Path(part.directory, "final.pt").stat().st_mtime_ns for part in hybrid.parts}


def test_another_baseline_makes_another_hybrid(hybrid: Hybrid, alone, call, world, small_options, tmp_path) -> None:
    path = write_list(tmp_path / "runs", hybrid)
    assert call("grid", "--device=cpu", path)[0] == 0
    (alone["states"] / "final.pt").unlink()
    data = [world / part for part in ("train", "train", "dev", "dev")]
    (alone["states"] / "config").unlink()
    assert call("train", *small_options, "--max-epochs=1", "--seed=5", *data, alone["states"])[0] == 0
    status, _, err = call("grid", "--device=cpu", path)
    assert status == 1 and "baseline: dev accuracy" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data["parts"][1].update(directory="elsewhere"), "the directory of a hybrid's task is "),
        (lambda data: data["parts"].append(data["parts"][0]), "states is there twice"),
        (lambda data: data["parts"][0]["training"].update(shared_layers=2), "--shared-layers is 2 for states, but 3"),
        (lambda data: data["parts"][0]["training"].update(batchnorm="none"), "Invalid value for '--batchnorm'"),
        (lambda data: data["parts"][0]["training"].pop("passes"), "multitask lacks passes"),
        (lambda data: data.update(parts=[]), "parts, a list of runs"),
        (lambda data: data.update(task="x"), "a hybrid has no task"),
    ],
)
def test_a_list_with_a_hybrid_that_is_none_is_refused(change, said, hybrid: Hybrid, call, tmp_path: Path) -> None:
    data = json.loads(json.dumps(hybrid.as_data()))
    change(data)
    (tmp_path / "runs").write_text(json.dumps(data) + "\n")
    status, _, err = call("grid", tmp_path / "runs")
    assert status == 1 and f"{tmp_path}/runs, line 1: " in err and said in err and len(err.splitlines()) == 1, err
