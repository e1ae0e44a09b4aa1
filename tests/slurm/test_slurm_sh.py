"""utils/slurm.sh with a real Slurm: what it does besides the contract of utils/run.sh (tests/utils/test_run.py)."""

import os
import shutil
import signal
import subprocess
import threading
import time

import pytest

pytestmark = pytest.mark.usefixtures("slurm")


@pytest.fixture
def start(root, tmp_path):
    """Start slurm.sh in a folder of its own; what the test leaves of it is ended."""
    processes = []

    def start(*words, **options):
        command = [root / "utils" / "slurm.sh", *map(str, words)]
        where = {"cwd": tmp_path, **options}
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **where))
        return processes[-1]

    yield start
    for process in processes:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture
def run(start):
    def run(*words, **options):
        process = start(*words, **options)
        out, err = process.communicate(timeout=200)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    return run


@pytest.fixture
def script(tmp_path):
    """A bash script: what it does needs no quotes then."""

    def script(text):
        path = tmp_path / "script.sh"
        path.write_text(text)
        return ["bash", path]

    return script


@pytest.fixture(scope="module")
def beyond_time(root, slurm, tmp_path_factory):
    """A job that runs longer than its time. Slurm counts in half minutes, so other tests run meanwhile."""
    folder = tmp_path_factory.mktemp("time")
    command = [root / "utils/slurm.sh", "-p", "late", "--job-name", "long", "--time", "0:01", "x.log", "sleep", "300"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    task = wait_until(lambda: [line.split()[0] for line in jobs_named("long") if line.endswith("RUNNING")])[0]
    slurm.command("scontrol", "update", f"JobId={task}", "EndTime=now")  # a minute would be the least
    yield folder, process
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture(autouse=True)
def begin_early(beyond_time):
    pass


def queue():
    command = ["squeue", "--noheader", "--array", "--format=%i %j %T"]
    return subprocess.run(command, capture_output=True, text=True).stdout


def jobs_named(name):
    return [line for line in queue().splitlines() if f" {name} " in line]


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def nothing_left(folder):
    return not list(folder.rglob(".*"))


def test_jobs_have_the_environment_and_the_folder_of_the_caller(run, tmp_path, script):
    folder = tmp_path / "a folder"
    folder.mkdir()
    command = script('echo "$PWD $GREETING $(umask) $OMP_NUM_THREADS $SLURM_CPUS_PER_TASK"')
    environment = {**os.environ, "GREETING": "two\nlines 'and' \"quotes\""}
    environment.pop("OMP_NUM_THREADS", None)
    assert run("--num-threads", 2, "x.log", *command, cwd=folder, env=environment, umask=0o027).returncode == 0
    assert f"\n{folder} {environment['GREETING']} 0027 2 2\n" in (folder / "x.log").read_text()


def test_options_reach_slurm(run, tmp_path, script):
    command = script('scontrol show job "$SLURM_JOB_ID"')
    ours = ("--mem", "300M", "--time", "0:20:00", "--num-threads", 3)
    theirs = ("-p", "cpu", "--comment", "mine", "--nice=7")
    assert run(*ours, *theirs, "--exclusive", "JOB=4:4", "log/some.JOB.log", *command).returncode == 0
    said = (tmp_path / "log/some.4.log").read_text()
    for text in (
        "mem=300M", "TimeLimit=00:20:00", "Partition=cpu", "CPUs/Task=3", "Comment=mine", "Nice=7", "OverSubscribe=NO",
        "JobName=some", "ArrayTaskId=4", "Requeue=0",
    ):  # fmt: skip
        assert text in said, text


def test_a_job_sees_the_gpus_that_it_was_given(run, tmp_path, script):
    command = script('echo "[$CUDA_VISIBLE_DEVICES]"; sleep 1')
    assert run("-p", "gpu", "--gpu", 1, "JOB=1:2", "one.JOB.log", *command).returncode == 0
    seen = [(tmp_path / f"one.{job}.log").read_text().split("[")[1].split("]")[0] for job in (1, 2)]
    assert sorted(seen) == ["0", "1"]
    assert run("-p", "gpu", "--gpu", 2, "two.log", *command).returncode == 0
    assert "[0,1]" in (tmp_path / "two.log").read_text()


def test_where_there_is_no_gpu_jobs_run_without_and_that_is_said(run):
    result = run("--partition", "cpu", "--gpu", 1, "x.log", "true")
    assert result.returncode == 0 and "no GPU in partition cpu: x.log runs without" in result.stderr
    assert run("--partition", "cpu", "--gpu", 0, "x.log", "true").stderr == ""


def test_more_jobs_than_an_array_may_have_are_several_arrays(run, tmp_path):
    config = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True).stdout
    assert "MaxArraySize            = 11\n" in config
    assert run("--max-jobs-run", 8, "JOB=3:24", "log/x.JOB.log", "echo", "job", "JOB").returncode == 0
    assert {path.name for path in (tmp_path / "log").iterdir()} == {f"x.{job}.log" for job in range(3, 25)}
    assert all(f"\njob {job}\n" in (tmp_path / f"log/x.{job}.log").read_text() for job in range(3, 25))
    result = run("JOB=1:12", "x.JOB.log", "test", "JOB", "-ne", "12")
    assert result.returncode == 1 and "1 of 12 jobs failed" in result.stderr and "x.12.log" in result.stderr


def test_no_state_is_left_behind(run, tmp_path):
    for command in ("true", "false"):
        run("JOB=1:2", "log/x.JOB.log", command)
        assert sorted(path.name for path in (tmp_path / "log").iterdir()) == ["x.1.log", "x.2.log"]


@pytest.mark.parametrize(
    "words, message",
    [
        (["--partition", "night"], "sbatch refused x.log: sbatch: error: invalid partition specified: night"),
        (["--mem", "100G"], "Memory specification can not be satisfied"),
        (["--no-such", "option"], "unrecognized option '--no-such=option'"),
        (["--num-threads", "0"], "--num-threads is a number from 1, not '0'"),
        (["--max-jobs-run", "x"], "--max-jobs-run is a number from 1, not 'x'"),
        (["--gpu", "-1"], "--gpu is a number from 1, not '-1'"),
    ],
)
def test_what_slurm_cannot_do_is_one_line(run, tmp_path, words, message):
    result = run(*words, "x.log", "touch", "made")
    assert result.returncode == 1 and message in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "made").exists() and nothing_left(tmp_path)


def test_without_slurm_that_is_said(run, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname", "mkdir", "basename", "readlink", "uname"):
        (tools / tool).symlink_to(shutil.which(tool))
    result = run("x.log", "true", env={"PATH": str(tools)})
    assert result.returncode == 1 and "no program sbatch here" in result.stderr


def test_a_controller_that_is_gone_is_said(run, tmp_path, slurm):
    conf = tmp_path / "slurm.conf"
    lines = (slurm.folder / "slurm.conf").read_text().splitlines()
    lines = [line for line in lines if not line.startswith("SlurmctldPort=")]
    conf.write_text("\n".join([*lines, "SlurmctldPort=1", "MessageTimeout=2", ""]))
    result = run("x.log", "true", env={**os.environ, "SLURM_CONF": str(conf)})
    assert result.returncode == 1 and "Slurm's controller does not answer" in result.stderr
    assert nothing_left(tmp_path)


# ---- Ends that are not the command's own


def test_a_job_that_takes_too_much_memory_says_so(run, tmp_path):
    (tmp_path / "hungry.py").write_text("import time\nx = b'1' * 300_000_000\ntime.sleep(60)\n")
    result = run("--mem", 100, "JOB=1:1", "x.JOB.log", "python3", "hungry.py")
    assert result.returncode == 1
    assert "x.1.log: Slurm ended it: OUT_OF_MEMORY, it took more memory than it may (--mem)" in result.stderr
    assert "OUT_OF_MEMORY" in (tmp_path / "x.1.log").read_text()


def test_a_job_that_somebody_cancels_says_so_and_the_others_go_on(start, tmp_path, script):
    process = start("JOB=1:2", "cancelled.JOB.log", *script("[ $1 = 2 ] || sleep 300"), "JOB")
    wait_until(lambda: (tmp_path / "cancelled.1.log").exists() and (tmp_path / "cancelled.2.log").exists())
    task = wait_until(lambda: [line.split()[0] for line in jobs_named("cancelled") if "_1 " in line])[0]
    subprocess.run(["scancel", task], check=True)
    _, said = process.communicate(timeout=100)
    assert process.returncode == 1 and "1 of 2 jobs failed" in said
    assert "cancelled.1.log: Slurm ended it: CANCELLED, somebody cancelled it" in said


def test_a_program_that_is_killed_is_told_from_one_that_slurm_ended(run, script):
    assert "x.log: signal 9 ended it" in run("x.log", *script("kill -9 $$")).stderr
    # and the whole of the job, which cannot say so itself
    assert "x.log: signal 9 ended it" in run("x.log", *script("kill -9 $PPID")).stderr


def test_a_lost_node_is_named_as_such(start, slurm, tmp_path):
    process = start("--partition", "gpu", "x.log", "sleep", 300)
    wait_until((tmp_path / "x.log").exists)
    slurm.tell("kill -9 $node2")
    try:
        # What Slurm finds out itself after a minute.
        slurm.command("scontrol", "update", "NodeName=node2", "State=DOWN", "Reason=lost")
        _, said = process.communicate(timeout=100)
        assert process.returncode == 1 and "x.log: Slurm ended it: NODE_FAIL, its node was lost" in said
    finally:
        slurm.tell("node2")
        slurm.command("scontrol", "update", "NodeName=node2", "State=RESUME")


def test_a_job_that_slurm_starts_again_counts_as_running(start, tmp_path, script):
    process = start("--requeue", "again.log", *script("echo once >>begun; [ $(wc -l <begun) -gt 1 ] || sleep 300"))
    wait_until((tmp_path / "begun").exists)
    task = jobs_named("again")[0].split()[0]
    subprocess.run(["scontrol", "requeue", task], check=True)
    wait_until(lambda: "PENDING" in "".join(jobs_named("again")))
    assert process.poll() is None
    time.sleep(2)  # a node refuses a job that begins in the second in which it was killed there
    at_once = ["scontrol", "update", f"JobId={task}", "StartTime=now"]  # not two minutes later
    wait_until(lambda: subprocess.run(at_once).returncode == 0)
    assert process.wait(timeout=200) == 0
    assert (tmp_path / "begun").read_text() == "once\nonce\n"


def test_a_job_longer_than_its_time_says_so(beyond_time):
    folder, process = beyond_time
    _, said = process.communicate(timeout=180)
    assert process.returncode == 1
    assert "x.log: Slurm ended it: TIMEOUT, it ran longer than it may (--time)" in said
    assert "TIMEOUT" in (folder / "x.log").read_text() and nothing_left(folder)


def test_what_the_jobs_wait_for_is_said_once(start):
    process = start("--late", 4, "--hold", "held.log", "true")
    wait_until(lambda: jobs_named("held"))
    said = [process.stderr.readline()]
    time.sleep(6)  # Slurm is asked again
    process.terminate()
    said += process.communicate(timeout=60)[1].splitlines(keepends=True)
    assert [line.partition(": ")[2] for line in said] == [
        "held.log: waiting for Slurm, which says: JobHeldUser\n",
        "cancelling the jobs of held.log\n",
    ]


# ---- Cancelling


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_the_array(start, tmp_path, number):
    name = f"signal{int(number)}"
    process = start("JOB=1:3", f"{name}.JOB.log", "sleep", 300)
    wait_until(lambda: len(jobs_named(name)) == 3 and (tmp_path / f"{name}.3.log").exists())
    process.send_signal(number)
    assert process.wait(timeout=60) == -number
    assert not jobs_named(name) and nothing_left(tmp_path)


def test_a_signal_while_the_jobs_are_submitted_cancels_them_too(start, tmp_path):
    slow = tmp_path / "tools/sbatch"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\ntouch begun\nsleep 1\n{shutil.which('sbatch')} \"$@\" && touch submitted\n")
    slow.chmod(0o755)
    environment = {**os.environ, "PATH": f"{slow.parent}:{os.environ['PATH']}"}
    process = start("early.log", "sleep", 300, env=environment, start_new_session=True)
    wait_until((tmp_path / "begun").exists)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    assert process.wait(timeout=60) == -signal.SIGINT
    assert (tmp_path / "submitted").exists() and not jobs_named("early") and nothing_left(tmp_path)


def test_a_wrapper_that_was_killed_is_succeeded_by_the_next_which_cancels_its_jobs(start, run, tmp_path):
    first = start("JOB=1:2", "killed.JOB.log", "sleep", 300)
    old = wait_until(lambda: jobs_named("killed") if (tmp_path / "killed.2.log").exists() else [])
    first.kill()
    first.wait()
    assert run("JOB=1:2", "killed.JOB.log", "echo", "second").returncode == 0
    assert not set(jobs_named("killed")) & set(old) and nothing_left(tmp_path)
    assert "\nsecond\n" in (tmp_path / "killed.1.log").read_text()


def test_two_that_wait_for_the_same_logs_do_not_disturb_each_other(start, run, tmp_path):
    first = start("same.log", "sleep", 2)
    wait_until((tmp_path / "same.log").exists)
    second = run("same.log", "true")
    assert second.returncode == 1 and f"process {first.pid} waits for jobs with the same log" in second.stderr
    assert first.wait(timeout=60) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_jobs_do_not_outlive_the_script_that_called(root, tmp_path, number):
    """As when run.sh is killed, whose children go on."""
    script = tmp_path / "caller.sh"
    script.write_text(f". {root}/utils/parse_options.sh\nbash -c '{root}/utils/slurm.sh orphan.log sleep 300; :'\n")
    caller = subprocess.Popen(["bash", script], cwd=tmp_path, stderr=subprocess.DEVNULL)
    wait_until(lambda: jobs_named("orphan") and (tmp_path / "orphan.log").exists())
    caller.send_signal(number)
    caller.wait()
    wait_until(lambda: not jobs_named("orphan"))
    wait_until(lambda: nothing_left(tmp_path))


# ---- Files that show late, between a machine and the node `late`


def copy_late(source, target, seconds, stop):
    """Show in one folder what is in another, so many seconds after it was made."""
    first_seen = {}
    while not stop.is_set():
        for path in source.rglob("*"):
            name = path.relative_to(source)
            if time.monotonic() - first_seen.setdefault(name, time.monotonic()) < seconds:
                continue
            other = target / name
            if path.is_dir():
                other.mkdir(exist_ok=True)
            elif not path.name.startswith(".kick") and not other.exists():
                try:
                    shutil.copy(path, f"{other}.copy")
                    os.replace(f"{other}.copy", other)
                except FileNotFoundError:
                    pass
        time.sleep(0.05)


@pytest.fixture
def slow_copy(slurm):
    """A folder in which the node `late` sees what others write, and the others what it writes, two seconds later."""
    stop = threading.Event()
    ways = [(slurm.here, slurm.there), (slurm.there, slurm.here)]
    threads = [threading.Thread(target=copy_late, args=(*way, 2, stop)) for way in ways]
    for thread in threads:
        thread.start()
    yield slurm.here
    stop.set()
    for thread in threads:
        thread.join()


def test_files_that_show_late_are_waited_for_on_both_sides(run, slow_copy):
    (slow_copy / "split2").mkdir()
    for job in (1, 2):
        (slow_copy / f"split2/{job}").write_text(f"part {job}\n")
    result = run("-p", "late", "JOB=1:2", "x.JOB.log", "cat", "split2/JOB", ">", "out.JOB", cwd=slow_copy)
    assert result.returncode == 0, result.stderr
    assert [(slow_copy / f"out.{job}").read_text() for job in (1, 2)] == ["part 1\n", "part 2\n"]
    assert "(code 0)" in (slow_copy / "x.1.log").read_text()


def test_an_output_that_never_shows_is_a_failure(run, slurm):
    out = slurm.here / "never"
    result = run("-p", "late", "--late", 2, "x.log", "touch", out)
    assert result.returncode == 1 and (slurm.there / "never").exists()
    assert f"x.log: it wrote {out}, not seen here after 2 s: is that folder shared?" in result.stderr


def test_a_folder_that_the_nodes_do_not_share_is_named(run, slurm):
    folder = slurm.here / "unshared"
    folder.mkdir()
    result = run("-p", "late", "--late", 2, "x.log", "true", cwd=folder)
    assert result.returncode == 1
    assert f"its status is not seen in {folder}/.x.log.slurm after 2 s: do the nodes share" in result.stderr
