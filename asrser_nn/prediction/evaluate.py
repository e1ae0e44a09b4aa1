"""How many frames and utterances a network gets right, and how that compares to guessing. All rates are per cent."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asrser_io.files import Failure, write_text
from asrser_io.text import read_map
from asrser_nn.data.corpus import Corpus, check_coefficients, check_labels, fingerprint, load_corpus
from asrser_nn.network.convnet import ConvNet, log_posteriors
from asrser_nn.network.device import precision_context
from asrser_nn.network.model import Model, load_model, network_checksum
from asrser_nn.runs import Evaluation


def confusion_matrix(references: np.ndarray, hypotheses: np.ndarray, num_classes: int) -> np.ndarray:
    """(classes, classes) counts: row = reference, column = hypothesis."""
    return np.bincount(references * num_classes + hypotheses, minlength=num_classes**2).reshape(
        num_classes, num_classes
    )


def rates(confusion: np.ndarray, names: list[str]) -> dict[str, Any]:
    """Errors of a confusion matrix (row = reference), in per cent.

    error: the share of wrong decisions (frame error rate, the paper's E; 100 − WA).
    unweighted_error: 100 minus the recall averaged over the classes that occur (the paper's UE; 100 − UA).
    chance_error: of guessing any class equally often; majority_error: of always saying the most frequent class.
    """
    support = confusion.sum(1)
    total = int(support.sum())
    present = support > 0
    recall = 100 * np.diag(confusion)[present] / support[present]
    by_class = dict(zip(np.array(names)[present].tolist(), recall.tolist(), strict=True))
    return {
        "total": total,
        "error": 100 - 100 * float(np.trace(confusion)) / total if total else None,
        "unweighted_error": 100 - float(recall.mean()) if total else None,
        "chance_error": 100 - 100 / len(names),
        "majority_error": 100 - 100 * int(support.max()) / total if total else None,
        "recall": by_class,
        "support": dict(zip(names, support.tolist(), strict=True)),
        "confusion": confusion.tolist(),
    }


def read_utt2class(path: str, class_names: list[str], silence: int) -> dict[str, int]:
    """Lines '<utterance> <class>', the class any but silence."""
    classes = read_map(path, "<utterance> <class>")
    spoken = [name for i, name in enumerate(class_names) if i != silence]
    for utterance, name in classes.items():
        if name not in spoken:
            raise Failure(f"{path}: {utterance} is of the class '{name}', expected one of {', '.join(spoken)}")
    return {utterance: class_names.index(name) for utterance, name in classes.items()}


def evaluation_fingerprint(corpus: Corpus, utt2class: str | None) -> dict[str, Any]:
    """That of a corpus (on the CPU, not normalised), with a checksum of its utterances' classes if a file says them."""
    found = fingerprint(corpus)
    if utt2class:
        classes = read_map(utt2class)
        lines = "".join(f"{name} {classes.get(name)}\n" for name in corpus.utterances)
        found["sha256"]["classes"] = hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()
    return found


def utterance_class(labels: np.ndarray, silence: int, name: str) -> int | None:
    """The class that all frames of an utterance have but for silence; None if all are silent."""
    spoken = np.unique(labels[labels != silence])
    if len(spoken) > 1:
        raise Failure(f"{name}: its frames have more than one class beside silence; --utt2class can say which is meant")
    return int(spoken[0]) if len(spoken) else None


def evaluate(
    network: ConvNet, corpus: Corpus, class_names: list[str], silence: int | None, utt2class: dict[str, int] | None
) -> dict[str, Any]:
    """Decide on every frame, and, if there is a silence class, on every utterance.

    corpus: normalised
    silence: the index of the silence class; the others are then what an utterance can be
    utt2class: the class of each utterance; without it, what its frames are labelled with beside silence

    An utterance is the class with the highest mean log posterior over the frames not labelled silence (over all frames
    if all are). Without silence, a frame is decided among the other classes too, so that the two levels compare.
    """
    num_classes = len(class_names)
    spoken = [i for i in range(num_classes) if i != silence]
    spoken_names = [class_names[i] for i in spoken]
    result: dict[str, Any] = {"unit": "per cent", "classes": class_names}
    scores: Tensor = torch.cat([part.cpu() for _, part in log_posteriors(network, corpus)])  # (frames, classes)
    labels = corpus.labels.cpu().numpy()
    decided = scores.argmax(1).numpy()
    result["frames"] = rates(confusion_matrix(labels, decided, num_classes), class_names)
    result["frames"]["cross_entropy"] = float(
        -scores[torch.arange(len(labels)), torch.from_numpy(labels)].double().mean()
    )

    per_utterance = []
    begin = 0
    for name, end in zip(corpus.utterances, corpus.ends, strict=True):
        part = slice(begin, end)
        entry: dict[str, Any] = {
            "utterance": name,
            "frames": end - begin,
            "errors": int((labels[part] != decided[part]).sum()),
        }
        if silence is not None:
            voiced = labels[part] != silence
            used = scores[part][torch.from_numpy(voiced)] if voiced.any() else scores[part]
            mean_scores = used.double().mean(0).numpy()[spoken]
            reference = (
                utt2class[name] if utt2class and name in utt2class else utterance_class(labels[part], silence, name)
            )
            entry["reference"] = None if reference is None else class_names[reference]
            entry["hypothesis"] = spoken_names[int(mean_scores.argmax())]
            entry["log_posteriors"] = dict(zip(spoken_names, mean_scores.tolist(), strict=True))
            entry["confusion"] = confusion_matrix(labels[part], decided[part], num_classes).tolist()
        per_utterance.append(entry)
        begin = end
    if silence is not None:
        voiced = labels != silence
        index = {name: i for i, name in enumerate(spoken_names)}
        position = np.array([index.get(name, -1) for name in class_names])
        among = scores[torch.from_numpy(voiced)][:, spoken].argmax(1).numpy()
        result["frames_without_silence"] = rates(
            confusion_matrix(position[labels[voiced]], among, len(spoken)), spoken_names
        )
        known = [entry for entry in per_utterance if entry["reference"] is not None]
        pairs = np.array([(index[e["reference"]], index[e["hypothesis"]]) for e in known], dtype=int).reshape(-1, 2)
        result["utterances"] = rates(confusion_matrix(pairs[:, 0], pairs[:, 1], len(spoken)), spoken_names)
        result["utterances"]["of_unknown_class"] = len(per_utterance) - len(known)
    result["per_utterance"] = per_utterance
    return result


def evaluate_model(
    path: str | Path, evaluation: Evaluation, device: torch.device, load: Callable[..., Corpus] = load_corpus
) -> dict[str, Any]:
    """Evaluate a model file or run directory; write what is to be written.

    load: reads a corpus
    """
    outputs = [output for output in (evaluation.json_path, evaluation.predictions) if output]
    for output in outputs:
        if not Path(output).absolute().parent.is_dir():
            raise Failure(f"{output}: there is no such folder to write it to")
    if len({*map(os.path.abspath, outputs)}) < len(outputs):
        raise Failure(f"{outputs[0]}: --json and --predictions are to be different files")
    result = evaluate_table(load_model(path), evaluation, device, load)
    if evaluation.json_path:
        write_text(evaluation.json_path, json.dumps(result, indent=1) + "\n")
    if evaluation.predictions:
        write_text(evaluation.predictions, predictions_text(result))
    return result


def evaluate_table(
    model: Model, evaluation: Evaluation, device: torch.device, load: Callable[..., Corpus] = load_corpus
) -> dict[str, Any]:
    """`evaluate` on features and labels from data directories or rspecifiers; what it rests on stands in the result."""
    names = model.class_names
    silence = None
    if evaluation.silence_class is not None:
        if evaluation.silence_class not in names:
            raise Failure(f"--silence-class={evaluation.silence_class}: this model's classes are {', '.join(names)}")
        silence = names.index(evaluation.silence_class)
    classes = None
    if evaluation.utt2class:
        if silence is None:
            raise Failure("--utt2class is for decisions on utterances, which need --silence-class")
        classes = read_utt2class(evaluation.utt2class, names, silence)
    corpus = load(evaluation.feats, evaluation.labels, model.network.shape.context, evaluation.max_lost)
    if classes is not None and (without := [name for name in corpus.utterances if name not in classes]):
        raise Failure(f"{evaluation.utt2class}: {len(without)} of the utterances are not in it, as {without[0]}")
    check_coefficients(evaluation.feats, corpus.rows.shape[1], model.network.shape.num_coefficients)
    check_labels(corpus, len(names), evaluation.labels)
    about = {"network": network_checksum(model.network), "data": evaluation_fingerprint(corpus, evaluation.utt2class)}
    model.network.normalise(corpus.rows)
    with precision_context(device, evaluation.precision):
        result = evaluate(model.network.to(device), corpus.to(device), names, silence, classes)
    return {"feats": evaluation.feats, "labels": evaluation.labels, **about, **result}


def table(result: dict[str, Any]) -> str:
    """The result of `evaluate` as a person reads it."""
    lines = []
    levels = {
        "frames": "frames",
        "frames_without_silence": "frames without silence",
        "utterances": "utterances (WA = 100 − error, UA = 100 − unweighted)",
    }
    for level, title in levels.items():
        if level not in result or not result[level]["total"]:
            continue
        r = result[level]
        lines += [
            f"{r['total']} {title}",
            f"  error            {r['error']:6.2f} %   (always the most frequent class: {r['majority_error']:.2f} %)",
            f"  unweighted error {r['unweighted_error']:6.2f} %   (guessing: {r['chance_error']:.2f} %)",
        ]
        width = max(len(name) for name in r["recall"])
        if len(r["support"]) <= 12:  # a confusion matrix that fits on a screen
            names = list(r["support"])
            column = max(8, width + 2)
            lines.append(
                f"  {'reference':{width}}  {'frames' if level != 'utterances' else 'number':>9}   recall  decided as:"
            )
            lines.append("  " + " " * (width + 20) + "".join(f"{name:>{column}}" for name in names))
            for name, row in zip(names, r["confusion"], strict=True):
                recall = f"{r['recall'][name]:6.2f} %" if name in r["recall"] else "       -"
                lines.append(f"  {name:{width}}  {sum(row):9d} {recall}" + " " + "".join(f"{n:{column}d}" for n in row))
        else:
            lines.append("  recall of each class (%), and its number of frames:")
            cells = [f"{name:>{width}} {recall:6.2f} ({r['support'][name]})" for name, recall in r["recall"].items()]
            cell = max(map(len, cells)) + 2
            per_line = max(1, 110 // cell)
            lines += [
                "  " + "".join(f"{c:<{cell}}" for c in cells[i : i + per_line]).rstrip()
                for i in range(0, len(cells), per_line)
            ]
    return "\n".join(lines)


def predictions_text(result: dict[str, Any]) -> str:
    """One line per utterance, for sort and awk: so that the wrong ones can be brought to the top."""
    lines = []
    for entry in result["per_utterance"]:
        fields = [entry["utterance"], str(entry["frames"]), f"{100 * entry['errors'] / entry['frames']:.1f}"]
        if "hypothesis" in entry:
            right = "right" if entry["reference"] == entry["hypothesis"] else "wrong"
            scores = [f"{value:.3f}" for value in entry["log_posteriors"].values()]
            fields += [entry["reference"] or "unknown", entry["hypothesis"], right, *scores]
        lines.append(" ".join(fields))
    header = "# utterance frames frame_error_%"
    if result["per_utterance"] and "hypothesis" in result["per_utterance"][0]:
        names = result["per_utterance"][0]["log_posteriors"]
        header += " reference hypothesis verdict " + " ".join(f"log_p({name})" for name in names)
    return "\n".join([header, *lines]) + "\n"
