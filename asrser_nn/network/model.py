"""The model file: a network with all that is needed to use it, and where it came from."""

import hashlib
import io
import os
import subprocess
import warnings
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from asrser_io.files import Failure, described, replacing
from asrser_nn.network.convnet import ConvNet
from asrser_nn.network.shape import Shape, as_tuples

FORMAT = "asrser_nn model"
VERSION = 1


@dataclass
class Model:
    network: ConvNet
    class_names: list[str]
    label_counts: Tensor  # (classes,) int64, frames of each class in the training set: the priors
    config: dict[str, str]  # the options it was trained with
    about: dict[str, Any] = field(
        default_factory=dict
    )  # commit, versions, epoch, dev accuracy, the source of its layers


def save(path: Path, content: dict[str, Any]) -> None:
    """torch.save that leaves the old file, or none, when the disk is full."""
    buffer = io.BytesIO()  # torch's own writer hides the reason of a failure
    torch.save(content, buffer)
    with replacing(path) as file:
        file.write(buffer.getbuffer())


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """What `save` wrote. Failure if it is something else or any byte of it has changed; no code in it is run."""
    with open(path, "rb") as opened:
        file = opened if opened.seekable() else io.BytesIO(opened.read())  # a pipe has no end to begin at
        try:
            with zipfile.ZipFile(file) as archive:  # torch does not look at the checksums that it writes
                damaged = archive.testzip()
            if damaged:
                raise Failure(f"the checksum of {damaged} is wrong")
            file.seek(0)
            with warnings.catch_warnings(action="ignore"):  # of pickles that torch did not write
                content = torch.load(file, map_location=device, weights_only=True)
            if not isinstance(content, dict):
                raise Failure(f"it holds a {type(content).__name__}")
            return content
        except Exception as error:  # whatever a damaged file leads zipfile, pickle and torch to
            reason = described(error).partition(". ")[0][:200]
            raise Failure(f"{path}: no model or checkpoint of asrser_nn, or a damaged one ({reason})") from error


def save_model(path: Path, model: Model) -> None:
    weights = {name: value.detach().cpu() for name, value in model.network.state_dict().items()}
    save(
        path,
        {
            "format": FORMAT,
            "version": VERSION,
            "shape": asdict(model.network.shape),
            "dropout": model.network.dropout,
            "weights": weights,
            "class_names": model.class_names,
            "label_counts": model.label_counts,
            "config": model.config,
            "about": model.about,
        },
    )


def load_model(path: str | Path) -> Model:
    """path: a model file, or a run directory that holds final.pt. The network is on the CPU, in inference mode."""
    path = Path(path)
    if path.is_dir():
        if not (path / "final.pt").exists():
            raise Failure(f"{path}: no final.pt in it: this training is not complete")
        path = path / "final.pt"
    if not path.exists():
        raise Failure(f"{path}: no such model file or run directory")
    content = load(path)
    if content.get("format") != FORMAT:
        raise Failure(f"{path}: no model of asrser_nn; expected the final.pt of its train command")
    if content.get("version") != VERSION:
        raise Failure(
            f"{path}: a model of format version {content.get('version')}, but this program reads version {VERSION}"
        )
    try:
        return model_of(content)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError, Failure) as error:
        raise Failure(f"{path}: a damaged model ({described(error)}); copy it again, or train again") from error


def model_of(content: dict[str, Any]) -> Model:
    """The model that `save_model` took apart; raises some error where the parts do not fit each other."""
    sizes = Shape(**{name: as_tuples(value) for name, value in content["shape"].items()})
    dropout, config, about = content["dropout"], content["config"], content["about"]
    names, counts, weights = content["class_names"], content["label_counts"], content["weights"]
    if not sizes.num_coefficients or not sizes.num_classes:
        raise Failure(f"{sizes.num_coefficients} coefficients and {sizes.num_classes} classes, at least one of each")
    if type(dropout) not in (int, float) or not 0 <= dropout < 1:
        raise Failure(f"dropout {dropout}, which is at least 0 and less than 1")
    if len(names) != sizes.num_classes or len(set(names)) != len(names) or not all(isinstance(n, str) for n in names):
        raise Failure(f"{sizes.num_classes} classes, called {names}")
    form = (sizes.num_classes,), torch.int64
    if (counts.shape, counts.dtype) != form or not (counts >= 0).all() or not counts.any():
        raise Failure(f"training frames by class: {counts.tolist()}")
    if any(type(text) is not str for item in config.items() for text in item):
        raise Failure(f"options that are no text: {config}")
    for part in ("train", "dev"):
        said = about.get("data", {}).get(part)
        if said is not None and not said.keys() >= {"utterances", "frames", "coefficients", "sha256"}:
            raise Failure(f"of its {part} data no more is said than {', '.join(said) or 'that there were some'}")
    with torch.device("meta"):  # sizes without memory: damaged ones could ask for more than there is
        expected = ConvNet(sizes, dropout).state_dict()
    if weights.keys() != expected.keys():
        raise Failure(f"{min(weights.keys() ^ expected.keys())} is missing or not expected")
    for name, value in weights.items():
        if (value.shape, value.dtype) != (expected[name].shape, expected[name].dtype):
            raise Failure(f"{name} is {value.dtype} of {tuple(value.shape)}")
        if not torch.isfinite(value).all():
            raise Failure(f"{name} holds numbers that are not finite")
        if (name == "stddev" and not (value > 0).all()) or (name.endswith("running_var") and not (value >= 0).all()):
            raise Failure(f"{name} holds numbers that are not positive")
    network = ConvNet(sizes, dropout)
    network.load_state_dict(weights)
    return Model(network.eval(), list(names), counts, dict(config), dict(about))


def network_checksum(network: ConvNet) -> str:
    """Of all that its answers depend on: weights, BatchNorm's statistics, and the mean and variance of its input."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()


def code_commit() -> str:
    """The commit of this code, '+' appended where files differ from it; 'unknown' outside a git checkout."""
    folder = os.path.dirname(os.path.abspath(__file__))

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", folder, *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def layer_table(network: ConvNet) -> list[dict[str, Any]]:
    """The network as built, a line per layer: its number, what it is, its output (channels × frequencies × frames)."""
    shape = network.shape
    outputs = [" × ".join(map(str, size)) for size in shape.sizes()[1:]] + [
        *map(str, (*shape.hidden, shape.num_classes))
    ]
    what = [
        f"convolution {k[0]}×{k[1]}, padding {p[0]}×{p[1]}, BatchNorm, ReLU, max pool {q[0]}×{q[1]}"
        for k, p, q in zip(shape.kernels, shape.paddings, shape.pools, strict=True)
    ]
    what += [f"fully connected, BatchNorm, ReLU, dropout {network.dropout:g}"] * len(shape.hidden)
    what.append("fully connected, softmax")
    return [
        {"layer": i, "what": kind, "output": output, "parameters": sum(p.numel() for p in layer.parameters())}
        for i, (layer, kind, output) in enumerate(zip(network.layers, what, outputs, strict=True), 1)
    ]


def describe(model: Model) -> str:
    """The network as built, layer by layer, and where it came from."""
    _, frequencies, frames = model.network.shape.sizes()[0]
    lines = ["layer  output           parameters", f"input  {f'1 × {frequencies} × {frames}':15}"]
    lines += [
        f"{row['layer']:5}  {row['output']:15}  {row['parameters']:10,}  {row['what']}"
        for row in layer_table(model.network)
    ]
    lines.append(f"total  {'':15}  {sum(p.numel() for p in model.network.parameters()):10,}")
    lines.append("classes: " + " ".join(model.class_names))
    lines.append(f"training frames by class: {' '.join(map(str, model.label_counts.tolist()))}")
    about = dict(model.about)
    for part in ("train", "dev"):
        data = about.get("data", {}).get(part)
        lines += [f"{part}: {data['utterances']} utterances, {data['frames']} frames"] if data else []
    about.pop("data", None)
    lines += [f"{name}: {value}" for name, value in about.items()]
    lines += [f"{name}={value}" for name, value in model.config.items()]
    return "\n".join(lines)
