"""Fixtures for the tests of asrser_nn."""

import numpy as np
import pytest

from asrser_nn.study.measures import summary
from asrser_nn.study.results import training

EMOTIONS = ["anger", "happiness", "sadness", "neutral", "silence"]
TASKS = {
    name: {
        "name": name,
        "label": name.upper(),
        "recognises": recognises,
        "unit": unit,
        "corpus": name,
        "about": f"{{work}}/data/{name}",
        "data": {},
        "feats": "{work}/feats",
        "labels": "{work}/labels",
        "num_classes": len(classes) or 144,
        "class_names": classes,
        "measures": measures,
        "main_measure": measures[1],
        "folds": ["01F", "01M", "02F"] if classes else [],
        "silence_class": "silence" if classes else None,
        "utt2class": None,
        "decodings": [],
    }
    for name, recognises, unit, classes, measures in (
        ("asr", "speech", "HMM state", [], ["FER", "PER", "PER without silence"]),
        ("ser", "emotion", "emotion", EMOTIONS, ["E", "UE", "UE without silence", "WA", "UA"]),
    )
}
FOLDS = ["01F", "01M", "02F"]


def _counts(rng, rate, speakers, classes=1, total=400):
    return {s: [[int(rng.binomial(total, np.clip(rate, 0, 1))), total] for _ in range(classes)] for s in speakers}


def _run(rng, experiment, layers=None, fold=None, seed=1):
    harder = 0.0 if layers is None else [0, 0.01, 0.02, 0.1, 0.2, 0.4][layers]
    counts = {}
    for part in ("dev", "test"):
        if experiment.endswith("asr"):
            speakers = [f"{part}{i}" for i in range(6)]
            counts[part] = {
                "FER": _counts(rng, 0.4 + harder, speakers),
                "PER": _counts(rng, 0.3 + harder, speakers),
                "PER without silence": _counts(rng, 0.33 + harder, speakers),
            }
        else:
            speakers = [fold] if part == "test" else ["05F", "05M"]
            counts[part] = {
                "E": _counts(rng, 0.45 + harder / 2, speakers),
                "UE": (by_class := _counts(rng, 0.47 + harder / 2, speakers, classes=5)),
                "UE without silence": {speaker: pairs[:4] for speaker, pairs in by_class.items()},
                "WA": _counts(rng, 0.6 - harder / 2, speakers, total=60),
                "UA": _counts(rng, 0.58 - harder / 2, speakers, classes=4, total=15),
            }
    confusion = {}
    if experiment.endswith("ser"):
        confusion = {
            "test": {"frames": rng.integers(1, 99, (5, 5)).tolist(), "utterances": (9 * np.eye(4) + 2).tolist()}
        }
    history = [{"epoch": e, "train_loss": 2.0 / e, "dev_accuracy": 60 - 30 / e} for e in range(1, 6)]
    return {
        "experiment": experiment,
        "task": experiment.rpartition("2")[2],
        "source_task": experiment.rpartition("2")[0] or None,
        "constant_layers": layers,
        "fold": fold,
        "seed": seed,
        "counts": counts,
        "confusion": confusion,
        "history": history,
        "config": ["--max-epochs=5" if experiment == "ser2asr" else "--max-epochs=100"],
    }


@pytest.fixture(scope="session")
def tasks():
    """ASR and SER as results.json declares them."""
    return TASKS


@pytest.fixture(scope="session")
def made_up_study():
    """A study of made-up counts over two seeds, in the form of results.json."""
    seeds = (1, 2)
    rng = np.random.default_rng(0)
    runs = []
    for seed in seeds:
        runs.append(_run(rng, "asr", seed=seed))
        runs += [_run(rng, "ser", fold=fold, seed=seed) for fold in FOLDS]
        for experiment in ("asr2ser", "ser2asr"):
            # l = 4 is left out: a run that is missing must be shown as missing
            runs += [_run(rng, experiment, layers, fold, seed) for layers in (0, 1, 2, 3, 5) for fold in FOLDS]
        # Controls for l = 3 alone; two draws of random layers
        runs.append(_run(rng, "asr2asr", 3, seed=seed))
        runs += [_run(rng, "ser2ser", 3, fold, seed) for fold in FOLDS]
        runs += [_run(rng, f"fitted+{name}", 3, fold, seed) for name in ("asr2ser", "ser2asr") for fold in FOLDS]
        runs += [_run(rng, "random2asr", 3, seed=seed) for _ in range(2)]
        runs += [_run(rng, "random2ser", 3, fold, seed) for fold in FOLDS for _ in range(2)]
    layer = {"layer": 1, "what": "convolution 64 of 5×4, BatchNorm, ReLU, max pool 2×2", "output": "64×18×14"}
    network = [{**layer, "parameters": 1408}, {**layer, "layer": 2, "output": "128×8×6", "parameters": 73984}]
    part = {"speakers": 6, "utterances": 48, "frames": 12345}
    return {
        "title": "TIMIT sample and EmoDB: features between speech and emotion recognition",
        "caveats": ["TIMIT sample: 96 of TIMIT's 3696 training sentences <small>."],
        "corpora": {
            "asr": {
                "name": "TIMIT sample",
                "parts": {name: {**part, "expected": 3696} for name in ("train", "dev", "test")},
            },
            "ser": {"name": "EmoDB", "classes": EMOTIONS, "parts": {"all": part}},
        },
        "tasks": TASKS,
        "provenance": {"commit": "0123abc", "torch": "2.13.0", "machine": "two cores"},
        "networks": {"asr": network, "ser": network},
        "filters": {task: rng.normal(size=(64, 5, 4)).round(4).tolist() for task in ("asr", "ser")},
        "silence": {"ser": {"anger": 0.1, "happiness": 0.12, "sadness": 0.3, "neutral": 0.2}},
        "stages": [{"stage": 7, "name": "ASR ConvNet", "seconds": 61.2}],
        "runs": runs,
        "training": training(runs),
        "summary": summary(runs),
    }
