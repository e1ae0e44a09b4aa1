"""Model files: what was saved is loaded, and whatever happened to a file is one line that names it."""

import os
import pickle
import random
import zipfile

import pytest
import torch

from asrser_io.files import Failure
from asrser_nn.network.convnet import ConvNet, Shape
from asrser_nn.network.model import Model, load_model, save, save_model

CLASSES = ["anger", "sadness", "silence"]


@pytest.fixture
def saved(tmp_path):
    network = ConvNet(Shape(40, 3, channels=(2, 3), hidden=(4, 4)))
    save_model(tmp_path / "final.pt", Model(network, CLASSES, torch.tensor([5, 6, 7]), {"--seed": "1"}))
    return tmp_path / "final.pt"


def refusal(path) -> str:
    with pytest.raises(Failure) as error:
        load_model(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and len(message) < 400
    return message


def test_a_changed_bit_is_found_wherever_it_lies(saved):
    content = saved.read_bytes()
    good = load_model(saved)
    rng = random.Random(1)
    found = 0
    for _ in range(100):
        changed = bytearray(content)
        changed[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        saved.write_bytes(changed)
        try:
            model = load_model(saved)
        except Failure as error:
            found += 1
            assert str(error).startswith(f"{saved}: ") and "\n" not in str(error)
        else:  # in the padding between two parts of the file
            theirs = model.network.state_dict()
            assert all(torch.equal(value, theirs[name]) for name, value in good.network.state_dict().items())
            assert (model.class_names, model.config, model.about) == (good.class_names, good.config, good.about)
    assert found > 50


@pytest.mark.parametrize("length", [0, 1, 100, 0.5, -100, -1])
def test_a_file_that_was_cut_off_is_refused(saved, length):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(length * len(content)) if isinstance(length, float) else length])
    assert "no model or checkpoint of asrser_nn, or a damaged one" in refusal(saved)


class Malicious:
    def __reduce__(self):
        return os.system, ("touch was-run",)


def test_code_in_a_model_file_is_not_run(saved, monkeypatch):
    monkeypatch.chdir(saved.parent)
    torch.save({"format": "asrser_nn model", "weights": Malicious()}, saved)
    refusal(saved)
    saved.write_bytes(pickle.dumps(Malicious()))
    refusal(saved)
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Malicious()))
        archive.writestr("archive/version", "3\n")
    refusal(saved)
    assert not (saved.parent / "was-run").exists()


def change(name, value):
    def apply(content):
        content["weights"][name] = value(content["weights"][name])

    return apply


def put(tensor, value):
    tensor = tensor.clone()
    tensor.view(-1)[0] = value
    return tensor


DAMAGES = {
    "KeyError: 'shape'": lambda content: content.pop("shape"),
    "KeyError: 'config'": lambda content: content.pop("config"),
    "layers.0.conv.weight is missing": lambda content: content["weights"].pop("layers.0.conv.weight"),
    "layers.9.bias is missing or not expected": lambda content: content["weights"].update({"layers.9.bias": None}),
    "layers.0.conv.weight is torch.float32 of (2, 1, 5, 3)": change("layers.0.conv.weight", lambda w: w[..., :3]),
    "layers.2.linear.weight is torch.float64": change("layers.2.linear.weight", lambda w: w.double()),
    "layers.0.conv.weight holds numbers that are not finite": change(
        "layers.0.conv.weight", lambda w: put(w, float("nan"))
    ),
    "mean holds numbers that are not finite": change("mean", lambda w: put(w, float("inf"))),
    "stddev holds numbers that are not positive": change("stddev", lambda w: put(w, 0.0)),
    "layers.1.norm.running_var holds": change("layers.1.norm.running_var", lambda w: put(w, -1.0)),
    "3 classes, called ['a', 'b']": lambda content: content.update(class_names=["a", "b"]),
    "3 classes, called ['a', 'a', 'b']": lambda content: content.update(class_names=["a", "a", "b"]),
    "3 classes, called [0, 1, 2]": lambda content: content.update(class_names=[0, 1, 2]),
    "training frames by class: [1]": lambda content: content.update(label_counts=torch.tensor([1])),
    "training frames by class: [5, -6, 7]": lambda content: content.update(label_counts=torch.tensor([5, -6, 7])),
    "AttributeError": lambda content: content.update(weights=[1, 2]),
    "dropout much, which is at least 0": lambda content: content.update(dropout="much"),
    "dropout 5, which is at least 0 and less than 1": lambda content: content.update(dropout=5),
    "dropout nan, which is": lambda content: content.update(dropout=float("nan")),
    "training frames by class: [0, 0, 0]": lambda content: content.update(label_counts=torch.tensor([0, 0, 0])),
    "training frames by class: [0.5": lambda content: content.update(label_counts=torch.tensor([0.5, 6, 7])),
    "--context -1: expected integers from 0 to 1000": lambda content: content["shape"].update(context=-1),
    "--context 15.0: expected integers": lambda content: content["shape"].update(context=15.0),
    "--channels (True, 3): expected": lambda content: content["shape"].update(channels=[True, 3]),
    "--pools ((2, 0), (2, 2)): expected": lambda content: content["shape"].update(pools=[[2, 0], [2, 2]]),
    "((5, 4), (3,)): expected pairs": lambda content: content["shape"].update(kernels=[[5, 4], [3]]),
    "0 coefficients": lambda content: content["shape"].update(num_coefficients=0),
    "layers.2.linear.weight is torch.float32 of (4, 144)": lambda content: content["shape"].update(hidden=[65536] * 2),
    "options that are no text": lambda content: content.update(config={"--seed": 1}),
    "of its dev data no more is said than frames": lambda content: content["about"].update(data={"dev": {"frames": 1}}),
    "unexpected keyword argument 'depth'": lambda content: content["shape"].update(depth=3),
    "too large for layer 1": lambda content: content["shape"].update(kernels=[[50, 4], [3, 3]]),
    "--kernels is of 1 layers, but --channels of 2": lambda content: content["shape"].update(kernels=[[5, 4]]),
    "no model of asrser_nn": lambda content: content.update(format="another model"),
    "a model of format version 7, but this program reads version 1": lambda content: content.update(version=7),
}  # fmt: skip


@pytest.mark.parametrize("expected", DAMAGES)
def test_a_model_whose_parts_do_not_fit_is_refused_and_the_part_named(saved, expected):
    content = torch.load(saved, weights_only=True)
    DAMAGES[expected](content)
    save(saved, content)
    assert expected in refusal(saved)


def test_another_pickle_is_no_model(saved):
    for content in ([1, 2, 3], torch.zeros(3), {"weights": torch.zeros(3)}):
        torch.save(content, saved)
        assert "no model" in refusal(saved)
    saved.write_bytes(pickle.dumps({"format": "asrser_nn model"}))
    assert "no model" in refusal(saved)
