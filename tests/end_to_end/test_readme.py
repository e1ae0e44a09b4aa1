"""What the README tells people to type works, and what it names is there."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from asrser_nn.__main__ import cli


@pytest.fixture(scope="module")
def readme(root):
    return (root / "README.md").read_text()


def commands(readme):
    """The command lines of the README's fenced blocks, continued lines joined, comments cut off."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    for line in "".join(text for language, text in blocks if not language).replace("\\\n", " ").splitlines():
        if line := re.sub(r"\s+#.*", "", line).strip():
            yield line


def test_every_call_of_run_sh_is_accepted(readme, root, timit_sample, emodb, tones, tmp_path):
    calls = [line for line in commands(readme) if line.startswith("./run.sh") and "slurm" not in line]
    assert len(calls) >= 5
    assert len(list(accept(calls, root, timit_sample, emodb, tones, tmp_path))) == len(calls)


def test_every_call_on_a_cluster_is_accepted_by_one(readme, root, timit_sample, emodb, tones, tmp_path, slurm):
    calls = [line for line in commands(readme) if line.startswith("./run.sh") and "slurm" in line]
    assert len(calls) >= 3
    said = "".join(accept(calls, root, timit_sample, emodb, tones, tmp_path))
    assert "'utils/slurm.sh --partition day': ran on node" in said.replace(f"{root}/", "")


def accept(calls, root, timit_sample, emodb, tones, tmp_path):
    """What they print; a call that fails is an error."""
    for number, call in enumerate(calls):
        # Corpora that nobody but their owners has are stood in for; no stage is run but the first, which only looks.
        call = re.sub(r"/corpora/TIMIT|~/nltk_data/corpora/timit|(?<=--timit )restored", str(timit_sample), call)
        call = re.sub(r"/corpora/EmoDB", str(emodb), call)
        call = re.sub(r"/corpora/(IEMOCAP_full_release|accents)", str(tones), call)
        words = shlex.split(call)
        if "--help" not in words and "--doctor" not in words:
            words += ["--stage", "0", "--stop-stage", "0", "--dir", str(tmp_path / str(number))]
            (tmp_path / str(number) / "exp").mkdir(parents=True)
            (tmp_path / str(number) / "exp/seconds").touch()  # so that the doctor only takes a glance
        done = subprocess.run(
            words, cwd=root, capture_output=True, text=True, env={**os.environ, "PYTHON": sys.executable}
        )
        assert done.returncode == 0, f"{call}: {done.stdout}{done.stderr}"
        yield done.stdout


def test_scripts_called_from_other_recipes_are_there_and_know_their_options(readme, root):
    calls = [shlex.split(line) for line in commands(readme) if line.startswith("$asrser/")]
    assert len(calls) >= 5
    for script, *words in calls:
        text = (root / script.removeprefix("$asrser/")).resolve().read_text()
        for option in (word for word in words if word.startswith("--")):
            assert re.search(rf"^{option[2:].replace('-', '_')}=", text, re.MULTILINE), f"{script} has no {option}"


def test_commands_of_asrser_nn_are_there(readme):
    used = {line.split()[1] for line in commands(readme) if line.startswith("asrser_nn ")}
    assert used and used <= set(cli.commands)


def test_what_the_tables_name_is_there(readme, root):
    named = re.findall(r"^\| `([\w./]+)`(?:, `([\w./]+)`)*", readme, re.MULTILINE)
    paths = {path for row in named for path in row if path and not path.startswith(("exp", "data"))}
    assert {"run.sh", "kaldi_programs/"} <= paths
    for path in paths:
        assert (root / path).exists(), path
