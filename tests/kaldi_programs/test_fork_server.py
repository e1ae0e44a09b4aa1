"""Programs forked from a loaded process are the programs; whatever befalls it, nothing is wrong and nothing is left."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kaldi_programs.common import fork_client

ROOT = Path(__file__).resolve().parents[2]
COPY = "copy-int-vector 'ark:echo utt 1 |' ark,t:-"


@pytest.fixture
def temporary(tmp_path):
    path = tmp_path / "tmp"
    path.mkdir()
    return path


def start(script: str, temporary: Path, **more) -> subprocess.Popen:
    """Run the lines of a script that keeps its programs loaded; $fork_server is the server's folder."""
    environment = {name: value for name, value in os.environ.items() if name not in ("KALDI_ROOT", "fork_server")}
    environment |= {"PYTHON": sys.executable, "TMPDIR": str(temporary), **more.pop("env", {})}
    lines = f"set -u -o pipefail; . {ROOT}/path.sh; keep_programs_loaded\n{script}"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
    return subprocess.Popen(["bash", "-c", lines], env=environment, **(pipes | more))


def run(script: str, temporary: Path, **more) -> subprocess.CompletedProcess:
    process = start(script, temporary, **more)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(script, process.returncode, out, err)


def only_forked(script: str) -> str:
    """A script in which a program that is not forked is not found."""
    return f'rm "$fork_server/bin"; mkdir "$fork_server/bin"; {script}'


def processes(mark: object) -> dict[int, str]:
    """Command lines, by process id, of the running processes that name `mark` there or in their environment."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            if str(mark).encode() in words + (folder / "environ").read_bytes() and words:
                found[int(folder.name)] = words.replace(b"\0", b" ").decode()
        except OSError:
            pass  # ended, or another user's
    return found


def started(beginning: str, temporary: Path) -> int:
    """The process whose command line begins so, once there is one."""
    found: list[int] = []

    def there() -> bool:
        found[:] = [number for number, line in processes(temporary).items() if line.startswith(beginning)]
        return bool(found)

    wait_until(there)
    return found[0]


def wait_until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def nothing_is_left(temporary: Path) -> bool:
    return not processes(temporary) and not any(temporary.iterdir())


CALLS = (
    "copy-int-vector ark:- ark,t:- <<<'utt 1 2'",
    "copy-int-vector --verbose=1 'ark:echo utt 1 x |' ark,t:-",
    "copy-int-vector 'ark:echo utt 1 2; exit 3 |' ark,t:-",
    "copy-int-vector --no-such-option ark:- ark:-",
    "copy-int-vector 'ark:echo \"utt é 1\" |' 'ark,t:| cat; exit 4'",
    "copy-int-vector --help",
    "gmm-info /no/such/model",
    "(echo -n utt; printf ' %d' {1..99999}; echo) | copy-int-vector ark:- ark:- | head -c 3; echo ${PIPESTATUS[@]}",
    "copy-int-vector 'ark:copy-int-vector \"ark:echo utt 5 |\" ark:- |' ark,t:-",
    "copy-int-vector ark:<(echo utt 7) ark,t:-",
    "copy-int-vector ark:- ark,t:- <&-",
    "copy-int-vector 'ark:echo utt 1 2 |' ark,t:- >&-",
)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Of a forked program and of one started by itself: what each call writes, and its status."""
    loop = 'for i in "${!calls[@]}"; do eval "${calls[i]}" >$to/$i.out 2>$to/$i.err; echo $? >$to/$i.status; done'
    both = []
    for first in (":", "PATH=${PATH#*:}"):
        to = tmp_path_factory.mktemp("answers")
        run(f"calls=({shlex.join(CALLS)}); to={to}; {first}; {loop}", to, env={"TMPDIR": str(to)})
        both.append({file.name: file.read_text() for file in to.iterdir() if file.is_file()})
    return both


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_forked_program_answers_as_one_started_by_itself(number, answers):
    forked, started = ([of[f"{number}.{what}"] for what in ("status", "out", "err")] for of in answers)
    assert forked == started and forked[2]


def test_a_program_and_the_programs_in_its_pipes_are_forked(temporary):
    call = "copy-int-vector 'ark:copy-int-vector \"ark:echo utt 5 |\" ark:- |' ark,t:- | copy-int-vector ark:- ark,t:-"
    result = run(only_forked(call), temporary)
    assert (result.returncode, result.stdout) == (0, "utt 5 \n"), result.stderr


def test_a_program_has_the_environment_folder_umask_input_and_signals_of_its_call(temporary, tmp_path):
    looks = "pwd >&2; umask >&2; echo \\$SEEN \\${GONE-gone} >&2; grep SigIgn /proc/self/status >&2"
    script = "export GONE=1; cd /usr; unset GONE; umask 027; export SEEN=this; trap '' HUP"
    call = f'copy-int-vector --print-args=false "ark:{looks}; cat /dev/fd/0 |" "ark,t:{tmp_path}/made"'
    result = run(only_forked(f"{script}; echo utt 1 2 | {call}; stat -c %a {tmp_path}/made"), temporary)
    folder, umask, variables, ignored, _ = result.stderr.splitlines()
    assert (folder, umask, variables) == ("/usr", "0027", "this gone")
    assert int(ignored.split()[1], 16) & 1 << signal.SIGHUP - 1
    assert result.stdout == "640\n"


def test_limits_of_a_call_hold(temporary, tmp_path):
    call = f"ulimit -f 8; (echo -n utt; printf ' %d' {{1..9999}}; echo) | copy-int-vector ark:- ark:{tmp_path}/big"
    result = run(call, temporary)
    assert result.returncode == 1 and "File too large" in result.stderr
    assert not list(tmp_path.glob("big*"))


def test_a_call_from_another_session_is_started_by_itself(temporary):
    # As from a queueing system's job on the same machine, whose limits are not those of this process.
    result = run(only_forked(f"setsid -w {COPY}"), temporary)
    assert "cannot start" in result.stderr
    assert run(f"setsid -w {COPY}", temporary).returncode == 0


def test_another_locale_or_hash_seed_is_started_by_itself(temporary):
    assert "cannot start" in run(only_forked(f"PYTHONHASHSEED=1 {COPY}"), temporary).stderr
    assert run(f"PYTHONHASHSEED=1 {COPY}", temporary).returncode == 0


def test_many_calls_at_a_time_get_their_own_answers(temporary):
    script = 'for i in {1..40}; do copy-int-vector "ark:echo utt $i |" ark,t:- 2>/dev/null & done; wait'
    result = run(only_forked(script), temporary)
    assert sorted(result.stdout.split("\n")[:-1]) == sorted(f"utt {i} " for i in range(1, 41))


def test_nothing_stays_behind_when_the_script_ends(temporary):
    assert run(COPY, temporary).returncode == 0
    wait_until(lambda: nothing_is_left(temporary))


SLOW = 'copy-int-vector "ark:echo utt 1; sleep 1000 |" "ark,t:{}/out"'


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_to_a_program_ends_it_and_its_commands(number, temporary, tmp_path):
    process = start(f"{SLOW.format(tmp_path)}; echo $?", temporary)
    started("sleep", temporary)
    (client,) = [number for number, line in processes(temporary).items() if "client.pyc" in line and " -IS " in line]
    os.kill(client, number)
    out, err = process.communicate(timeout=60)
    assert out == f"{128 + number}\n", err
    wait_until(lambda: nothing_is_left(temporary))
    assert number != signal.SIGINT or not (tmp_path / "out.tmp").exists()


def test_killing_the_script_and_its_job_ends_everything(temporary, tmp_path):
    process = start(SLOW.format(tmp_path), temporary, start_new_session=True)
    started("sleep", temporary)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: nothing_is_left(temporary))


def test_when_the_server_is_killed_its_programs_fail_and_the_next_are_started_by_themselves(temporary, tmp_path):
    process = start(f"{SLOW.format(tmp_path)}; echo $?; {COPY}", temporary)
    started("sleep", temporary)
    server = min(number for number, line in processes(temporary).items() if "fork_server" in line and "-P" in line)
    os.kill(server, signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert out == "1\nutt 1 \n" and process.returncode == 0
    assert "ERROR (copy-int-vector:main()) the process from which programs are forked was killed" in err
    wait_until(lambda: not processes(temporary))


@pytest.fixture
def answered(tmp_path):
    """Call a program by way of a server that sends this answer and hangs up: (status, standard output, error)."""

    def answered(answer: bytes) -> tuple[int, str, str]:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/copy-feats").write_text("#!/bin/sh\necho started by itself: $*\n")
        (tmp_path / "bin/copy-feats").chmod(0o755)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(f"{tmp_path}/socket")
            listener.listen()
            command = [sys.executable, "-IS", fork_client.__file__, str(tmp_path), "copy-feats", "a", "b"]
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            process = subprocess.Popen(command, **pipes)
            with listener.accept()[0] as connection:
                _, files, _, _ = socket.recv_fds(connection, 1 << 20, 253)
                connection.sendall(answer)
            for file in files:
                os.close(file)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    return answered


@pytest.mark.parametrize("answer", [b"", b"+-"], ids=["not accepted", "accepted, but no fork could be made"])
def test_a_call_that_is_not_forked_is_started_by_itself(answer, answered):
    assert answered(answer) == (0, "started by itself: a b\n", "")


@pytest.mark.parametrize("answer", [b"+", b"+4194399 "], ids=["before or after the fork", "after the fork"])
def test_a_call_that_may_have_begun_is_never_begun_again_when_the_server_dies(answer, answered):
    status, out, err = answered(answer)
    assert (status, out) == (1, "")
    assert err == "ERROR (copy-feats:main()) the process from which programs are forked was killed\n"


def test_what_is_no_call_does_not_end_the_server(temporary):
    talk = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(%r); s.recv(9)"
    messages = (b"GET / HTTP/1.0\r\n", (5).to_bytes(8, sys.byteorder) + b"xxxxx")
    script = "; ".join(f"{sys.executable} -c {shlex.quote(talk % data)} $fork_server/socket" for data in messages)
    result = run(only_forked(f"{script}; {COPY}"), temporary)
    assert result.stdout == "utt 1 \n", result.stderr


@pytest.mark.parametrize("folder", ["/no/such/folder", "/proc", f"/tmp/{'long' * 30}"])
def test_without_a_folder_for_the_server_programs_are_started_by_themselves(folder, temporary):
    if folder.startswith("/tmp"):
        Path(folder).mkdir(exist_ok=True)
    result = run(f"echo ${{fork_server-}}; {COPY}", temporary, env={"TMPDIR": folder})
    if folder.startswith("/tmp"):
        Path(folder).rmdir()
    assert result.returncode == 0 and result.stdout.splitlines()[-1] == "utt 1 "
    assert result.stderr.splitlines() == [COPY, "LOG (copy-int-vector:main()) Copied 1 vectors of int32."]


def test_a_script_within_uses_the_server_of_the_script_around_it(temporary):
    inner = f"bash -c '. {ROOT}/path.sh; keep_programs_loaded; echo $fork_server; gmm-info'"
    result = run(only_forked(f"echo $fork_server; {inner}"), temporary, env={"fork_server": "/no/such/folder"})
    outer, within = result.stdout.split()
    assert outer == within and "Usage: gmm-info" in result.stderr


def test_with_a_compiled_kaldi_there_is_no_server(temporary, tmp_path):
    for name in ("src/bin/ali-to-pdf", "src/featbin/compute-mfcc-feats", "src/gmmbin/gmm-align-compiled",
                 "src/fstbin/fsttablecompose", "tools/openfst/bin/fstcompile"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to("/bin/true")
    result = run("echo ${fork_server-none}; ls $TMPDIR", temporary, env={"KALDI_ROOT": str(tmp_path)})
    assert (result.returncode, result.stdout) == (0, "none\n")
