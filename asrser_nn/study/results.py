"""Collect a study from its directories into results.json, from which alone the report is made.

Layout of a work directory (DIR of run.sh), S the target task, asr or ser:
    exp/asr, exp/ser/fold_F                            the baselines
    exp/transfer/X2S/lL[/fold_F]                       L layers from X (asr, ser, random) constant
    exp/seedN/{asr,ser/fold_F,transfer/…}              the same with seed N; without it, seed 1
Each run directory holds what `asrser_nn train` or `transfer` leaves, evaluate_{dev,test}.json of `asrser_nn evaluate`,
and, of speech recognisers, decode_{dev,test}/{per_utt,per_utt_lenient}: <utt> <spk> <errors> <phones> ….
"""

import json
import platform
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asrser_io.files import Failure
from asrser_io.text import read_lines, read_map, rows
from asrser_nn.network.convnet import Shape
from asrser_nn.network.model import code_commit, layer_table, load_model
from asrser_nn.study.measures import Counts, summary
from asrser_nn.training.grid import read_list

PARTS = ("dev", "test")
_RUN = re.compile(
    r"(?:seed(?P<seed>\d+)/)?"
    r"(?:transfer/(?P<transfer>\w+2(?:asr|ser))/l(?P<layers>\d+)(?:/fold_(?P<fold>[^/]+))?"
    r"|(?P<task>asr|ser)(?:/fold_(?P<own_fold>[^/]+))?)"
)


def parse_run(relative: str) -> dict[str, Any]:
    """What a run is, from its directory below exp."""
    match = _RUN.fullmatch(relative)
    if match is None:
        raise Failure(f"{relative}: no run directory of a study, such as ser/fold_01F or transfer/asr2ser/l3/fold_01F")
    return {
        "experiment": match["transfer"] or match["task"],
        "constant_layers": None if match["layers"] is None else int(match["layers"]),
        "fold": match["fold"] or match["own_fold"],
        "seed": int(match["seed"] or 1),
    }


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise Failure(f"{path}: this is no JSON ({error}); remove it and run its stage again") from error


def phone_errors(per_utt: Path) -> Counts:
    """From lines '<utt> <spk> <errors> <phones> …'."""
    counts: Counts = defaultdict(lambda: [[0, 0]])
    for _, (_, speaker, errors, phones, *_) in rows(read_lines(per_utt), per_utt, "<utt> <spk> <errors> <phones> …"):
        counts[speaker] = [[counts[speaker][0][0] + int(errors), counts[speaker][0][1] + int(phones)]]
    return dict(counts)


def frame_errors(evaluation: dict[str, Any], utt2spk: dict[str, str]) -> Counts:
    counts: Counts = defaultdict(lambda: [[0, 0]])
    for entry in evaluation["per_utterance"]:
        (pair,) = counts[utt2spk[entry["utterance"]]]
        pair[0] += entry["errors"]
        pair[1] += entry["frames"]
    return dict(counts)


def emotion_counts(evaluation: dict[str, Any], utt2spk: dict[str, str]) -> dict[str, Counts]:
    """E, UE, WA and UA of one evaluation, from the confusion of each utterance's frames and the answer for it."""
    emotions = list(evaluation["utterances"]["support"])
    frames: dict[str, Any] = defaultdict(int)
    utterances: dict[str, Any] = defaultdict(lambda: np.zeros((len(emotions),) * 2, dtype=int))
    for entry in evaluation["per_utterance"]:
        speaker = utt2spk[entry["utterance"]]
        frames[speaker] = frames[speaker] + np.array(entry["confusion"])
        if entry["reference"] is not None:
            utterances[speaker][emotions.index(entry["reference"]), emotions.index(entry["hypothesis"])] += 1
    found: dict[str, Counts] = {"E": {}, "UE": {}, "WA": {}, "UA": {}}
    for speaker, confusion in frames.items():
        totals, right = confusion.sum(axis=1), np.diag(confusion)
        found["E"][speaker] = [[int((totals - right).sum()), int(totals.sum())]]
        found["UE"][speaker] = np.stack([totals - right, totals], axis=1).tolist()
    for speaker, confusion in utterances.items():
        totals, right = confusion.sum(axis=1), np.diag(confusion)
        found["WA"][speaker] = [[int(right.sum()), int(totals.sum())]]
        found["UA"][speaker] = np.stack([right, totals], axis=1).tolist()
    return found


def read_run(directory: Path, what: dict[str, Any]) -> dict[str, Any]:
    """A complete run as results.json holds it; what: as parse_run gives it."""
    counts: dict[str, dict[str, Counts]] = {}
    confusion: dict[str, Any] = {}
    for part in PARTS:
        counts[part] = {}
        # steps/nnet/evaluate.sh calls them fer_PART.json
        paths = [directory / f"{name}_{part}.json" for name in ("evaluate", "fer")]
        for path in [path for path in paths if path.exists()][:1]:
            evaluation = _read_json(path)
            utt2spk = read_map(Path(evaluation["feats"]) / "utt2spk")
            if "utterances" in evaluation:
                counts[part].update(emotion_counts(evaluation, utt2spk))
                confusion[part] = {level: evaluation[level]["confusion"] for level in ("frames", "utterances")}
            else:
                counts[part]["FER"] = frame_errors(evaluation, utt2spk)
        for measure, name in (("PER", "per_utt"), ("PER without silence", "per_utt_lenient")):
            if (path := directory / f"decode_{part}" / name).exists():
                counts[part][measure] = phone_errors(path)
    constant = directory / "transfer.json"
    return {
        **what,
        "counts": counts,
        "confusion": confusion,
        "history": _read_json(directory / "history.json"),
        "constant": _read_json(constant) if constant.exists() else None,
        "config": read_lines(directory / "config", strict=False),
    }


def _corpus(name: Path, parts: dict[str, Path]) -> dict[str, Any]:
    """What a corpus holds by part; name: the file that says which corpus this is."""
    expected = read_map(name.with_name("expected"), optional=True)
    found: dict[str, Any] = {"name": " ".join(read_lines(name)).strip(), "parts": {}}
    for part, data in parts.items():
        utt2spk = read_map(data / "utt2spk")
        frames = read_map(data / "utt2num_frames")  # of the utterances with features: the others were not used
        found["parts"][part] = {
            "speakers": len({utt2spk[utterance] for utterance in frames}),
            "utterances": len(frames),
            "frames": sum(map(int, frames.values())),
            "expected": expected.get(part, ""),
        }
    return found


def _stages(exp: Path) -> list[dict[str, Any]]:
    """From exp/seconds, lines '<stage> <seconds> <name>'; the last line of a stage counts."""
    stages: dict[str, dict[str, Any]] = {}
    if (exp / "seconds").exists():
        for line in read_lines(exp / "seconds"):
            number, seconds, name = line.split(maxsplit=2)
            stages[number] = {"stage": int(number), "name": name, "seconds": float(seconds)}
    return sorted(stages.values(), key=lambda stage: stage["stage"])


def collect(work: Path, runs_list: Path, about: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """results.json of a work directory. runs_list: the grid's list, to know which runs there should be.

    about: further lines for the provenance, such as ("Kaldi programs", "…")
    """
    exp = work / "exp"
    wanted = [(run, parse_run(str(run.directory.relative_to(exp)))) for run in read_list(runs_list)]
    runs = [read_run(run.directory, what) for run, what in wanted if (run.directory / "final.pt").exists()]
    if not runs:
        raise Failure(f"{exp}: none of the {len(wanted)} runs of {runs_list} is complete; there is nothing to report")
    corpora: dict[str, Any] = {}
    if (work / "data/asr/corpus").exists():
        asr = {part: work / "data_fbank/asr" / part for part in ("train", *PARTS)}
        corpora["asr"] = _corpus(work / "data/asr/corpus", asr)
    if (work / "data/ser/corpus").exists():
        corpora["ser"] = _corpus(work / "data/ser/corpus", {"all": work / "data_fbank/ser"})
    networks, filters, others = {}, {}, []
    for task, directories in {"asr": [exp / "asr"], "ser": sorted(exp.glob("ser/fold_*"))}.items():
        models = [load_model(directory) for directory in directories if (directory / "final.pt").exists()][:1]
        for model in models:
            networks[task] = layer_table(model.network)
            if model.network.shape != Shape(model.network.shape.num_coefficients, len(model.class_names)):
                others.append(task.upper())
            filters[task] = model.network.layers[0].conv.weight.detach()[:, 0].numpy().round(5).tolist()  # type: ignore
            if task in corpora:
                corpora[task]["classes"] = model.class_names
    names = list(dict.fromkeys(corpus["name"] for corpus in corpora.values()))
    return {
        "title": f"How far features travel between speech and emotion recognition: {' and '.join(names)}",
        "caveats": [*caveats(names, others), *missing(wanted, runs)],
        "corpora": corpora,
        "provenance": {
            "code commit": code_commit(),
            "torch": torch.__version__,
            "Python": platform.python_version(),
            "machine": f"{platform.platform()}, {_processor()}",
            **dict(about),
        },
        "networks": networks,
        "filters": filters,
        "silence": _silence(work / "data/ser/silence.json"),
        "stages": _stages(exp),
        "runs": runs,
        "summary": summary(runs),
    }


def caveats(corpora: Sequence[str], networks: Sequence[str]) -> list[str]:
    """What the paper's figures can't be compared with: other corpora, and networks other than the paper's."""
    said = []
    if other := [name for name in corpora if name not in ("TIMIT", "IEMOCAP")]:
        said.append(f"The paper's figures are of TIMIT and IEMOCAP, these of other speech: {', '.join(other)}.")
    if networks:
        said.append(f"Not the paper's network for {' and '.join(networks)}: see Table 1.")
    return said


def missing(wanted: Iterable[tuple[Any, dict[str, Any]]], runs: Sequence[dict[str, Any]]) -> list[str]:
    """What of the paper's grid is not there."""
    wanted = list(wanted)
    said = []
    if len(runs) < len(wanted):
        said.append(f"{len(wanted) - len(runs)} of the {len(wanted)} runs asked for are missing.")
    folds = {what["fold"] for _, what in wanted if what["experiment"] == "ser"}
    layers = {what["constant_layers"] for _, what in wanted if what["constant_layers"] is not None}
    if len(folds) != 8 or len(layers) != 6:
        said.append(
            f"This is a part of the paper's grid: {len(folds)} of 8 folds, l = {', '.join(map(str, sorted(layers)))}."
        )
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


def _silence(path: Path) -> dict[str, float]:
    """Share of silent frames by emotion, all speakers together."""
    shares = _read_json(path)["silence"]["all"] if path.exists() else {}
    return {emotion: share for emotion, share in shares.items() if share is not None}
