"""Which part of the code may import which: the docstrings of the packages say it in words."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("asrser_io", "asrser_nn", "kaldi_programs")
ROOMS = [f"asrser_nn.{room}" for room in ("commands", "data", "network", "prediction", "study", "training")]
MAY_IMPORT = {  # a folder, or a file that stands beside the folders; of a folder its own modules besides
    "asrser_io": [],
    "kaldi_programs/common": ["asrser_io"],
    "kaldi_programs": ["asrser_io", "kaldi_programs.common"],
    "asrser_nn/data": ["asrser_io"],
    "asrser_nn/network": ["asrser_io.files", "asrser_nn.data.corpus"],
    "asrser_nn/runs.py": ["asrser_io", "asrser_nn.network.shape"],
    "asrser_nn/prediction": ["asrser_io", "asrser_nn.data", "asrser_nn.network", "asrser_nn.runs"],
    "asrser_nn/training": [
        "asrser_io", "asrser_nn.data", "asrser_nn.network", "asrser_nn.prediction", "asrser_nn.runs",
    ],
    "asrser_nn/study": [
        "asrser_io", "asrser_nn.network", "asrser_nn.prediction", "asrser_nn.runs", "asrser_nn.training.directory",
    ],
    "asrser_nn/commands": ["asrser_io", "asrser_nn.runs", *ROOMS],
}  # fmt: skip


def imported(file: Path) -> set[str]:
    """The modules of ours, and torch, that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: modules are imported by their whole name"
            # `from asrser_nn.study import paper` imports a module too
            found |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {name for name in found if name.split(".")[0] in (*OURS, "torch")}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room):
    allowed = [*MAY_IMPORT[room], *(["torch"] if room.startswith("asrser_nn/") else [])]
    files = [ROOT / room] if room.endswith(".py") else list((ROOT / room).glob("*.py"))
    assert files
    if room != "kaldi_programs":  # a program stands by itself
        allowed.append(room.replace("/", "."))
    for file in files:
        wrong = [name for name in imported(file) if not any(f"{name}.".startswith(f"{known}.") for known in allowed)]
        assert not wrong, f"{file.relative_to(ROOT)} imports {', '.join(sorted(wrong))}"


def test_no_modules_import_each_other_in_a_circle():
    """Also none that would only do so later, inside of a function, or for the type checker."""
    imports = {}
    for package in OURS:
        for file in (ROOT / package).rglob("*.py"):
            imports[file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")] = imported(file)

    def modules(name: str) -> list[str]:
        return [known for known in imports for given in imports[name] if f"{given}.".startswith(f"{known}.")]

    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " imports ".join((*path[path.index(name) :], name))
        if name not in done:
            for other in modules(name):
                if other != name:
                    visit(other, (*path, name))
            done.add(name)

    for name in imports:
        visit(name, ())


def test_every_room_says_what_it_is():
    for package in OURS:
        for file in (ROOT / package).rglob("__init__.py"):
            assert ast.get_docstring(ast.parse(file.read_text())), f"{file.relative_to(ROOT)} has no docstring"
