"""utils/work_dir.sh: one run at a time in a work directory."""

import os
import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """#!/usr/bin/env bash
# Work in a directory, through a program or another script, until a file is there.
#
# Options, given as --name value:
dir=.         # work directory
until=        # file to wait for
inner=false   # true: call this script again
# End options
set -eu -o pipefail
here=ROOT
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/utils/work_dir.sh"
lock_work_dir
if $inner; then "$0" --dir "$dir/." --until "$until"; fi
bash -c 'echo working; while [ ! -e "$0" ]; do sleep 0.05; done' "$until"
"""


@pytest.fixture
def script(root, tmp_path):
    script = tmp_path / "work.sh"
    script.write_text(SCRIPT.replace("ROOT", str(root)))
    script.chmod(0o755)
    (tmp_path / "work").mkdir()
    return script


def start(script, *words):
    environment = {**os.environ, "PYTHON": sys.executable}
    command = [script, "--dir", script.parent / "work", "--until", script.parent / "end", *words]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@pytest.fixture
def running(script):
    process = start(script)
    assert process.stdout.readline() == "working\n"
    yield process
    (script.parent / "end").touch()
    process.communicate(timeout=20)


def refusal(process):
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 1 and not output and len(errors.splitlines()) == 1
    return errors


def test_a_second_run_is_told_who_works_there_and_since_when(script, running):
    (script.parent / "link").symlink_to("work")
    for words in ((), ("--dir", script.parent / "link")):
        said = refusal(start(script, *words))
        host = os.uname().nodename
        assert f"{script.parent}/work is in use by {script}, process {running.pid} on {host}, since 20" in said
        assert "choose another --dir" in said


def test_another_directory_is_free(script, running):
    (script.parent / "other").mkdir()
    process = start(script, "--dir", script.parent / "other")
    assert process.stdout.readline() == "working\n"
    (script.parent / "end").touch()
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_script_that_is_called_does_not_lock_itself_out(script):
    (script.parent / "end").touch()
    process = start(script, "--inner", "true")
    assert process.communicate(timeout=20)[0] == "working\nworking\n" and process.returncode == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_the_lock_of_a_killed_run_is_gone(script, how):
    process = start(script)
    assert process.stdout.readline() == "working\n"
    os.killpg(process.pid, how)
    process.communicate(timeout=20)
    (script.parent / "end").touch()
    again = start(script)
    assert again.communicate(timeout=20)[0] == "working\n" and again.returncode == 0


def test_a_run_waits_for_the_last_programs_of_one_that_was_killed(script):
    process = start(script)
    assert process.stdout.readline() == "working\n"
    os.kill(process.pid, signal.SIGKILL)  # the script alone: its program works on
    process.wait(timeout=20)
    again = start(script)
    time.sleep(0.5)
    assert again.poll() is None
    (script.parent / "end").touch()
    assert again.communicate(timeout=20)[0] == "working\n" and again.returncode == 0


def test_programs_that_outlive_their_run_are_named(root, script):
    process = start(script)
    assert process.stdout.readline() == "working\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=20)
    with open(script.parent / "work/.lock", "a") as file:
        command = [sys.executable, "-c", "import sys, lock; lock.PATIENCE = 0; sys.exit(lock.main())"]
        environment = {**os.environ, "PYTHONPATH": str(root / "utils")}
        words = [str(file.fileno()), file.name, "run.sh", "1"]
        result = subprocess.run(
            [*command, *words], env=environment, pass_fds=[file.fileno()], capture_output=True, text=True
        )
    (script.parent / "end").touch()
    assert result.returncode == 1
    assert "which has ended, but programs that it started still work there" in result.stderr
    programs = result.stderr.partition("(processes ")[2].partition(")")[0].split()
    assert programs and str(process.pid) not in programs
    assert all(program.isdigit() for program in programs)


def test_where_the_file_system_has_no_locks_there_is_a_warning(root, tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(root / "utils")
    import lock

    def no_locks(*_):
        raise OSError(lock.errno.ENOLCK, os.strerror(lock.errno.ENOLCK))

    monkeypatch.setattr(lock.fcntl, "flock", no_locks)
    monkeypatch.setattr(sys, "argv", ["lock.py", "0", str(tmp_path / "work/.lock"), "run.sh", "1"])
    assert lock.main() is None
    assert f"run.sh: warning: {tmp_path}/work/.lock: No locks available: nothing keeps" in capsys.readouterr().err
