"""Scripts are found through links and want bash; paths that the shell or Kaldi would misread are refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asrser_io.files import fault_of_name

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("recipe", "steps", "utils", "local")
SCRIPTS = [ROOT / "run.sh", *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.sh"))]
SCRIPTS = [script for script in SCRIPTS if script.read_text().startswith("#!")]  # not those that are sourced
UNFIT = " \t\n\"'$&;()#*?[]<>|\\`~{}!,:"


def run(*command, **options):
    options |= {"env": {**os.environ, "PYTHON": sys.executable}, "capture_output": True, "text": True}
    return subprocess.run([str(word) for word in command], errors="replace", **options)


def check(path):
    return run("bash", "-c", '. "$0/utils/paths.sh"; check_path "the folder" "$1"', ROOT, path)


def test_there_are_scripts():
    assert len(SCRIPTS) > 30


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_is_found_through_a_link_and_wants_bash(script, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/link").symlink_to(script)
    assert "Usage: " in run(tmp_path / "bin/link", "--help", cwd=tmp_path).stdout
    if "parse_options.sh" in script.read_text():
        result = run(tmp_path / "bin/link", "--no-such", "x", cwd=tmp_path)
        assert result.returncode == 1 and "no such option: --no-such" in result.stderr
    if shell := shutil.which("dash"):
        result = run(shell, script)
        assert result.returncode == 1 and not result.stdout
        assert result.stderr == f"{script}: needs bash; start it by its name, or with bash\n"


@pytest.mark.parametrize("character", UNFIT)
def test_what_the_shell_or_kaldi_would_misread_is_refused_in_paths_and_in_names(character):
    result = check(f"/a{character}b")
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert "the folder " in result.stderr and "would misread; choose another path" in result.stderr
    assert fault_of_name(f"a{character}b")


@pytest.mark.parametrize("path", ["/a/b-c_d.e+f=g@h%i^j", "/wäsche/日本", "/JO"])
def test_other_paths_are_fine(path):
    assert check(path).returncode == 0
    assert not fault_of_name(path.rpartition("/")[2])


def test_bytes_that_are_not_utf8_and_the_number_of_a_job_are_refused():
    assert "JOB" in check("/JOBS").stderr and "JOB" in fault_of_name("JOBS")
    assert "not UTF-8" in check(os.fsdecode(b"/w\xe4sche")).stderr


def test_a_folder_has_one_name_but_a_link_may_lead_around_a_name_that_cannot_be_used(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "two words").mkdir()
    (tmp_path / "words").symlink_to("two words")
    script = '. "$0/utils/paths.sh"; for path in "${@:1}"; do one_name "$path"; done'
    names = ["real/.", "link", "./new/../real/", "words", "new"]
    result = run("bash", "-c", script, ROOT, *names, cwd=tmp_path)
    assert result.stdout.split("\n")[:-1] == [f"{tmp_path}/{name}" for name in ("real", "real", "real", "words", "new")]


def test_a_checkout_whose_path_cannot_be_used_is_refused_before_anything_is_installed(tmp_path):
    checkout = tmp_path / "two words"
    for name in ("run.sh", "path.sh", "utils", "pyproject.toml", "requirements.lock"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        checkout.mkdir(exist_ok=True)
        copy(ROOT / name, checkout / name)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON"}
    command = [checkout / "run.sh", "--dir", tmp_path / "work"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and f"this checkout '{checkout}' has a space in it" in result.stderr
    assert len(result.stderr.splitlines()) == 1 and not (checkout / ".venv").exists()
