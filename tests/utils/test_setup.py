"""utils/setup.sh and path.sh, with a Python that installs nothing: what is made, when, and what is said if it fails."""

import os
import shutil
import subprocess

import pytest

FAKE_PYTHON = """#!/usr/bin/env bash
# As much of Python as the set-up uses; notes what it was asked for.
case "$*" in
  -c*) ;;
  --version) echo Python 3.99 ;;
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip "*)
    echo "$*" >>pip.calls
    [ ! -e pip.fails ] || { echo "ERROR: no network" >&2; exit 1; }
    touch .venv/bin/asrser_nn && chmod +x .venv/bin/asrser_nn
    ;;
esac
"""


@pytest.fixture
def checkout(root, tmp_path):
    """A checkout of its own, with the fake Python first on PATH."""
    checkout = tmp_path / "checkout"
    (checkout / "utils").mkdir(parents=True)
    scripts = ("utils/setup.sh", "utils/parse_options.sh", "utils/paths.sh", "path.sh")
    for name in (*scripts, "pyproject.toml", "requirements.lock"):
        shutil.copy(root / name, checkout / name)
    write_program(tmp_path / "bin/python3", FAKE_PYTHON)
    return checkout


def write_program(file, text):
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def setup(checkout, **variables):
    environment = {"PATH": f"{checkout.parent}/bin:/usr/bin:/bin", **variables}
    return subprocess.run(["utils/setup.sh"], cwd=checkout, env=environment, capture_output=True, text=True)


def calls(checkout):
    return (checkout / "pip.calls").read_text().splitlines()


def test_the_lock_and_the_project_are_installed_once(checkout):
    assert setup(checkout).returncode == 0
    assert [call.split("-qq ")[1] for call in calls(checkout)] == [
        "install -r requirements.lock",
        "install --no-deps --no-build-isolation -e .",
    ]
    again = setup(checkout)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert len(calls(checkout)) == 2


def test_a_changed_lock_is_installed_into_the_same_environment(checkout):
    setup(checkout)
    (checkout / ".venv/kept").touch()
    with open(checkout / "requirements.lock", "a") as lock:
        lock.write("one-more==1.0\n")
    assert setup(checkout).returncode == 0
    assert len(calls(checkout)) == 4 and (checkout / ".venv/kept").exists()


def test_a_set_up_that_broke_off_starts_afresh(checkout):
    (checkout / "pip.fails").touch()
    result = setup(checkout)
    assert result.returncode == 1 and "pip could not install everything" in result.stderr
    (checkout / ".venv/half").touch()
    (checkout / "pip.fails").unlink()
    assert setup(checkout).returncode == 0
    assert not (checkout / ".venv/half").exists()


def test_another_environment_is_left_as_it_is(checkout):
    assert setup(checkout, PYTHON="/usr/bin/python3").returncode == 0
    assert not (checkout / ".venv").exists()


def test_an_old_python_is_passed_over_with_a_word_on_what_to_do(checkout):
    write_program(checkout.parent / "bin/python3", "#!/bin/sh\nexit 1\n")
    for name in ("python3.13", "python3.12", "python3.11", "python"):
        shutil.copy(checkout.parent / "bin/python3", checkout.parent / "bin" / name)
    result = setup(checkout)
    assert result.returncode == 1 and "no Python 3.11 or later" in result.stderr and "apt install" in result.stderr


def test_a_python_without_venv_is_told_apart(checkout):
    broken = FAKE_PYTHON.replace("  -c*) ;;", '  "-c import venv"*) exit 1 ;;\n  -c*) ;;')
    write_program(checkout.parent / "bin/python3", broken)
    result = setup(checkout)
    assert result.returncode == 1 and "has no venv module" in result.stderr and "python3-venv" in result.stderr
    assert not (checkout / ".venv").exists()


def source_path(checkout, **variables):
    command = ["bash", "-c", '. ./path.sh; echo "$kaldi_provider"; command -v add-deltas']
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)


def test_before_the_set_up_every_script_says_how_to_do_it(checkout):
    result = source_path(checkout)
    assert result.returncode == 1 and "utils/setup.sh" in result.stderr


def test_an_environment_without_the_project_is_refused(checkout):
    result = source_path(checkout, PYTHON="/usr/bin/python3")
    assert result.returncode == 1 and "pip install" in result.stderr


def test_kaldis_programs_win_where_there_is_a_kaldi(checkout):
    setup(checkout)
    kaldi = checkout.parent / "kaldi"
    for program in (
        "src/bin/ali-to-pdf",
        "src/featbin/compute-mfcc-feats",
        "src/featbin/add-deltas",
        "src/gmmbin/gmm-align-compiled",
        "src/fstbin/fsttablecompose",
        "tools/openfst/bin/fstcompile",
    ):
        (kaldi / program).parent.mkdir(parents=True, exist_ok=True)
        write_program(kaldi / program, "#!/bin/sh\n")
    result = source_path(checkout, KALDI_ROOT=str(kaldi))
    assert result.stdout == f"Kaldi in {kaldi}\n{kaldi}/src/featbin/add-deltas\n"


def test_a_kaldi_root_without_programs_is_refused(checkout, tmp_path):
    setup(checkout)
    result = source_path(checkout, KALDI_ROOT=str(tmp_path))
    assert result.returncode == 1
    assert f"KALDI_ROOT={tmp_path} holds no program" in result.stderr and "unset it" in result.stderr


@pytest.mark.skipif(shutil.which("flock") is None, reason="no flock here: set-ups do not wait for each other")
def test_of_two_set_ups_at_a_time_one_works_and_the_other_waits(checkout):
    environment = {"PATH": f"{checkout.parent}/bin:/usr/bin:/bin"}
    both = [subprocess.Popen(["utils/setup.sh"], cwd=checkout, env=environment) for _ in range(2)]
    assert [process.wait(timeout=30) for process in both] == [0, 0]
    assert len(calls(checkout)) == 2


def test_an_environment_of_others_is_not_changed_through_a_link(checkout, tmp_path):
    (tmp_path / "theirs").mkdir()
    (checkout / ".venv").symlink_to(tmp_path / "theirs")
    refused = setup(checkout)
    assert refused.returncode == 1 and f".venv is a link to {tmp_path}/theirs" in refused.stderr
    assert not (checkout / "pip.calls").exists()
