"""Collect the complete runs of a study into results.json, from which alone the report is made.

Each run directory holds what `asrser_nn grid` leaves, evaluate_{dev,test}.json among it, and, of speech recognisers,
decode_{dev,test}/{per_utt,per_utt_lenient}: <utt> <spk> <errors> <phones> ….
"""

import os
import platform
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asrser_io.files import Failure
from asrser_io.text import read_lines, read_map
from asrser_nn.network.convnet import ConvNet, Shape
from asrser_nn.network.model import code_commit, layer_table, load_model
from asrser_nn.runs import Run
from asrser_nn.study import hybrid, paper
from asrser_nn.study.files import as_written, phone_errors, read_json
from asrser_nn.study.measures import MEASURES, Counts, class_counts, frame_errors, summary
from asrser_nn.study.summary import read_evaluation, read_utt2spk
from asrser_nn.study.task import Task, read_task, task_of
from asrser_nn.study.words import experiment, joined
from asrser_nn.training.directory import listed, what_is_missing

PARTS = ("dev", "test")
SHOWN = ("epoch", "train_loss", "dev_accuracy", "seconds", "frames_per_second")  # of each epoch in history.json


def read_run(run: Run) -> dict[str, Any]:
    """A complete run as results.json holds it."""
    directory = Path(run.directory)
    counts: dict[str, dict[str, Counts]] = {}
    confusion: dict[str, Any] = {}
    for part in PARTS:
        counts[part] = {}
        path = directory / f"evaluate_{part}.json"
        evaluation = read_evaluation(run, part)
        utt2spk = read_utt2spk(evaluation, path)
        with as_written(path):
            if "utterances" in evaluation:
                counts[part].update(class_counts(evaluation, utt2spk))
                confusion[part] = {level: evaluation[level]["confusion"] for level in ("frames", "utterances")}
            else:
                counts[part]["FER"] = frame_errors(evaluation, utt2spk)
        for measure, name in (("PER", "per_utt"), ("PER without silence", "per_utt_lenient")):
            if (path := directory / f"decode_{part}" / name).exists():
                counts[part][measure] = phone_errors(path)
    constant = directory / "transfer.json"
    history = read_json(directory / "history.json")
    with as_written(directory / "history.json"):
        [float(epoch[name]) for epoch in [*history, history[-1]] for name in SHOWN]  # at least one
    return {
        "experiment": run.experiment,
        "task": run.task,
        "source_task": run.source_task,
        "constant_layers": run.constant_layers,
        "fold": run.fold,
        "seed": run.training.method.seed,
        "counts": counts,
        "confusion": confusion,
        "history": history,
        "constant": read_json(constant) if constant.exists() else None,
        "config": read_lines(directory / "config", strict=False),
    }


def _corpus(work: Path, task: Task) -> dict[str, Any]:
    """What the corpus of a task holds by part."""
    about = Path(task.path(task.about, work))
    expected = read_map(about / "expected", optional=True)
    name = " ".join(read_lines(about / "corpus")).strip()
    found: dict[str, Any] = {"name": name, "parts": {}, "classes": list(task.class_names)}
    for part, folder in task.data.items():
        data = Path(task.path(folder, work))
        utt2spk = read_map(data / "utt2spk")
        frames = read_map(data / "utt2num_frames")  # of the utterances with features: the others were not used
        with as_written(f"{data}/{{utt2num_frames,utt2spk}}"):
            found["parts"][part] = {
                "speakers": len({utt2spk[utterance] for utterance in frames}),
                "utterances": len(frames),
                "frames": sum(map(int, frames.values())),
                "expected": expected.get(part, ""),
            }
    return found


def _stages(exp: Path) -> list[dict[str, Any]]:
    """From exp/seconds, lines '<stage> <seconds> <name>'; the last line of a stage counts."""
    stages: dict[tuple[str, str], dict[str, Any]] = {}
    if (exp / "seconds").exists():
        with as_written(exp / "seconds"):
            for line in read_lines(exp / "seconds"):
                number, seconds, name = line.split(maxsplit=2)
                stages[number, name] = {"stage": int(number), "name": name, "seconds": float(seconds)}
    return sorted(stages.values(), key=lambda stage: stage["stage"])


def collect(work: Path, wanted: Sequence[Run], about: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """results.json of a work directory, from those runs that are complete; the others are named in it.

    about: further lines for the provenance, such as ("Kaldi programs", "…")
    """
    exp = work / "exp"
    missing = {run.directory: reason for run in wanted if (reason := what_is_missing(run))}
    complete = [run for run in wanted if run.directory not in missing]
    if not complete:
        raise Failure(f"none of the {len(wanted)} runs is complete ({listed(missing)}); there is nothing to report")
    tasks = {name: read_task(work, name) for name in dict.fromkeys(run.task for run in wanted)}
    for name, task in tasks.items():
        if unknown := [measure for measure in task.measures if measure not in MEASURES]:
            known = ", ".join(MEASURES)
            raise Failure(f"{exp}/{name}/task.json: there is no measure {unknown[0]}; expected some of {known}")
    corpora = {name: _corpus(work, task) for name, task in tasks.items()}
    networks, filters = {}, {}
    for name in tasks:
        ours = [run for run in complete if run.task == name]
        baselines = [run for run in ours if run.source_task is None]
        for run in (baselines or [run for run in ours if run.shared_layers is not None])[:1]:
            model = load_model(run.directory)
            networks[name] = layer_table(model.network)
            corpora[name]["classes"] = model.class_names
            if baselines:
                filters[name] = model.network.layers[0].conv.weight.detach()[:, 0].numpy().round(5).tolist()  # type: ignore
    return worked_out(
        {
            "missing": missing,
            "tasks": {name: asdict(task) for name, task in tasks.items()},
            "corpora": corpora,
            "provenance": {
                "code commit": code_commit(),
                "torch": torch.__version__,
                "Python": platform.python_version(),
                "machine": f"{platform.system()} {platform.machine()}, {_processor()}",
                **dict(about),
            },
            "networks": networks,
            "filters": filters,
            "silence": {name: shares for name, task in tasks.items() if (shares := _silence(work, task))},
            "stages": _stages(exp),
            "runs": [read_run(run) for run in complete if run.shared_layers is None],
        },
        [
            read_run(run)
            | {"shared_layers": run.shared_layers, "hybrid": os.path.relpath(Path(run.directory).parent, exp)}
            for run in complete
            if run.shared_layers is not None
        ],
    )


def worked_out(read: dict[str, Any], hybrids: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """results.json from what was read: with title, caveats, and the figures of all runs.

    hybrids: runs of networks that share layers, see hybrid.py
    """
    tasks, corpora, networks, runs = (read[name] for name in ("tasks", "corpora", "networks", "runs"))
    names = list(dict.fromkeys(corpus["name"] for corpus in corpora.values()))
    recognised = list(dict.fromkeys(task["recognises"] for task in tasks.values()))
    between = f"between {joined(recognised)}" if len(recognised) > 1 else f"to {recognised[0]}"
    trained = training(runs)
    others = [tasks[task]["label"] for task, layers in networks.items() if layers != paper_layers(layers)]
    return {
        "title": f"How far features travel {between} recognition: {joined(names)}",
        "caveats": [*caveats(corpora, others), *gaps([*runs, *hybrids], read["missing"]), *of_limit(trained, tasks)],
        **read,
        "training": trained,
        "summary": summary(runs),
        "hybrid": hybrid.found(hybrids, runs, networks) if hybrids else None,
    }


def training(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each experiment and number of constant layers: networks, their epochs, and how many the limit of epochs ended.

    These were best on dev in the last epoch that --max-epochs allows; early stopping had no part in it. Epoch 0 of a
    transfer, in which the output layer learns alone, counts as none.
    """
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        groups[tuple(run[name] for name in ("task", "source_task", "constant_layers"))].append(run)
    found = []
    for (task, source, layers), some in groups.items():
        epochs, at_limit = [], 0
        for run in some:
            epochs.append(run["history"][-1]["epoch"])
            best = max(run["history"], key=lambda epoch: epoch["dev_accuracy"])["epoch"]
            at_limit += f"--max-epochs={best}" in run["config"]
        what = {"task": task, "source_task": source, "constant_layers": layers}
        found.append(what | {"networks": len(some), "epochs": float(np.mean(epochs)), "at_limit": at_limit})
    return found


def of_limit(trained: Sequence[dict[str, Any]], tasks: Mapping[str, dict[str, Any]]) -> list[str]:
    """That networks might have become better. trained: what training() found"""
    limited, networks = (sum(row[name] for row in trained) for name in ("at_limit", "networks"))
    if not limited:
        return []
    most = max(trained, key=lambda row: (row["at_limit"] / row["networks"], row["at_limit"]))
    which = experiment({name: task_of(task, name) for name, task in tasks.items()}, most["task"], most["source_task"])
    which += "" if most["constant_layers"] is None else f", l = {most['constant_layers']}"
    return [
        f"{limited} of {networks} networks were best in the last epoch that --max-epochs allows, most often "
        f"{most['at_limit']} of {most['networks']} ({which}): with more epochs they might err less, and what constant "
        "layers cost is in part this limit."
    ]


def paper_layers(layers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What layer_table says of the paper's network for as many classes as a table's last layer has."""
    return layer_table(ConvNet(Shape(paper.NUM_COEFFICIENTS, int(layers[-1]["output"]))))


def caveats(corpora: Mapping[str, dict[str, Any]], networks: Sequence[str]) -> list[str]:
    """What the paper's figures can't be compared with: other corpora, and networks other than the paper's.

    corpora: of the tasks
    """
    said = []
    of_paper = {task: corpora[task]["name"] for task in paper.CORPORA if task in corpora}
    if other := [name for name in dict.fromkeys(of_paper.values()) if name not in paper.CORPORA.values()]:
        said.append(f"The paper's figures are of TIMIT and IEMOCAP, these of other speech: {', '.join(other)}.")
    if networks:
        said.append(f"Not the paper's network for {joined(networks)}: see Table 1.")
    return said


def gaps(made: Sequence[dict[str, Any]], missing: dict[str, str]) -> list[str]:
    """What of the runs asked for, and of the paper's grid, is not there. missing: directory → why"""
    said = []
    if missing:
        asked = len(made) + len(missing)
        said.append(f"{len(missing)} of the {asked} runs asked for are missing: {listed(missing)}.")
    layers = {run["constant_layers"] for run in made if run["constant_layers"] is not None}
    for task, most in paper.NUM_FOLDS.items():
        runs = [run for run in made if run["task"] == task]
        folds = {run["fold"] for run in runs if run["source_task"] is None}
        if runs and (len(folds) != most or len(layers) != paper.NUM_TRANSFERS):
            which = f"l = {', '.join(map(str, sorted(layers)))}" if layers else "no transfers"
            said.append(f"This is a part of the paper's grid: {len(folds)} of {most} folds, {which}.")
    return said


def _processor() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        with open("/proc/cpuinfo") as file:
            model = next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.machine()
    return f"{model}, {torch.get_num_threads()} threads"


def _silence(work: Path, task: Task) -> dict[str, float]:
    """Share of silent frames by class, all speakers together; empty where nobody has counted them."""
    path = Path(task.path(task.about, work), "silence.json")
    content = read_json(path) if path.exists() else {"silence": {"all": {}}}
    with as_written(path):
        return {name: share for name, share in content["silence"]["all"].items() if share is not None}
