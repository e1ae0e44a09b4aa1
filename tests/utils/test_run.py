"""utils/run.sh, the runner of jobs on this machine, and the same contract kept by utils/slurm.sh."""

import os
import signal
import subprocess
import time

import pytest


@pytest.fixture(params=["run.sh", "slurm.sh"])
def runner(request, root):
    if request.param == "slurm.sh":
        request.getfixturevalue("slurm")
    return root / "utils" / request.param


@pytest.fixture
def run(runner, tmp_path):
    def run(*words, **options):
        command = [runner, *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, **options)

    return run


def words(text):
    return text.split()


def test_each_job_has_its_number_in_command_and_log(run, tmp_path):
    assert run("JOB=1:3", "log/x.JOB.log", "echo", "job", "JOB", ">", "out.JOB").returncode == 0
    assert [(tmp_path / f"out.{job}").read_text() for job in (1, 2, 3)] == ["job 1\n", "job 2\n", "job 3\n"]
    assert (tmp_path / "log/x.2.log").read_text().startswith("# echo job 2 > out.2")


def test_a_log_tells_host_times_output_and_status(run, tmp_path):
    run("x.log", "echo", "hello;", "exit", "3")
    log = (tmp_path / "x.log").read_text()
    for text in ("# Running on ", "# Started at ", "\nhello\n", "# Accounting: time=", "# Ended (code 3) at "):
        assert text in log


def test_one_failing_job_fails_all_and_its_log_is_named(run, tmp_path):
    result = run("JOB=1:3", "x.JOB.log", *words("echo why; test JOB -ne 2"))
    assert result.returncode == 1
    assert "1 of 3 jobs failed" in result.stderr
    assert "x.2.log" in result.stderr and "    why" in result.stderr
    assert "x.1.log" not in result.stderr
    assert "(code 0)" in (tmp_path / "x.3.log").read_text(), "the other jobs run to their end"


@pytest.mark.parametrize("pipe", ["false | cat", "cat /dev/null | false", "true | false | true"])
def test_any_failing_part_of_a_pipe_fails_the_job(run, pipe):
    assert run("x.log", *words(pipe)).returncode == 1


def test_an_argument_with_a_space_stays_one(run, tmp_path):
    run("x.log", "printf", r"'<%s>'", "ark:gunzip -c a.gz |", 'say "b c"', "")
    assert '<ark:gunzip -c a.gz |><say "b c"><>' in (tmp_path / "x.log").read_text()


def test_a_progress_bar_is_shown_and_not_logged(run, tmp_path):
    command = words("x.log echo bar >&2 ; echo result")
    result = run(*command, env={**os.environ, "show_progress": "true"})
    assert result.stderr == "bar\n" and "\nresult\n" in (tmp_path / "x.log").read_text()
    assert run(*command).stderr == "" and "bar\nresult\n" in (tmp_path / "x.log").read_text()


def test_options_of_queues_have_no_effect(root, tmp_path):
    run = lambda *words: subprocess.run([root / "utils/run.sh", *words], cwd=tmp_path)  # noqa: E731
    assert run("--gpu", "1", "--mem", "4G", "--time", "4:00:00", "-l", "x", "x.log", "true").returncode == 0


def test_no_more_jobs_at_a_time_than_asked_for(run, tmp_path):
    count = words("ls | grep -c running > seen.JOB ; touch running.JOB ; sleep 0.1 ; rm running.JOB")
    assert run("--max-jobs-run", "1", "JOB=1:4", "x.JOB.log", *count).returncode == 0
    assert [(tmp_path / f"seen.{job}").read_text().strip() for job in (1, 2, 3, 4)] == ["0"] * 4


def test_an_option_without_its_value_does_not_take_the_jobs_for_it(run, tmp_path):
    result = run("--mem", "JOB=1:2", "x.JOB.log", "touch", "made.JOB")
    assert result.returncode == 1 and "--mem needs a value" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_jobs_that_would_share_a_log_are_refused(run):
    result = run("JOB=1:2", "x.log", "true")
    assert result.returncode == 1 and "2 jobs would share one log" in result.stderr


def test_an_unwritable_log_is_an_error(run, tmp_path):
    (tmp_path / "log").write_text("a file, not a folder")
    result = run("log/x.log", "touch", "made")
    assert result.returncode == 1 and "log/x.log" in result.stderr
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_jobs_and_what_they_started(runner, tmp_path, number):
    mark = f"31{os.getpid()}.{int(number)}"
    command = [runner, "JOB=1:2", "x.JOB.log", "sleep", mark, "|", "cat"]
    # A shell's background process would ignore Ctrl-C; this one must not.
    process = subprocess.Popen(command, cwd=tmp_path)
    sleeping = lambda: subprocess.run(["pgrep", "-f", f"^sleep {mark}"], capture_output=True).stdout.split()  # noqa: E731
    deadline = time.monotonic() + 60
    while len(sleeping()) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(timeout=60) == -number
    time.sleep(0.1)
    assert not sleeping()


# ---- GPUs, of which the jobs see the numbers only


@pytest.fixture
def seen_by(root, tmp_path):
    """What jobs see of CUDA_VISIBLE_DEVICES and OMP_NUM_THREADS on a machine with so many GPUs."""

    def seen_by(num_gpus, num_jobs, *words, **variables):
        tools = tmp_path / "tools"
        tools.mkdir(exist_ok=True)
        lines = "\n".join(map(str, range(num_gpus))) if num_gpus else "No devices were found"
        (tools / "nvidia-smi").write_text(f"#!/bin/sh\necho '{lines}'\nexit {0 if num_gpus else 6}\n")
        (tools / "nvidia-smi").chmod(0o755)
        environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        environment |= {"PATH": f"{tools}:{os.environ['PATH']}", **variables}
        script = tmp_path / "script.sh"
        script.write_text('echo "${CUDA_VISIBLE_DEVICES-all} ${OMP_NUM_THREADS-all}" >seen.$1')
        command = [root / "utils/run.sh", *words, f"JOB=1:{num_jobs}", "x.JOB.log", "bash", script, "JOB"]
        assert subprocess.run(command, cwd=tmp_path, env=environment).returncode == 0
        return [(tmp_path / f"seen.{job}").read_text().removesuffix("\n").split(" ") for job in range(1, num_jobs + 1)]

    return seen_by


def test_jobs_go_round_the_gpus(seen_by):
    assert [gpus for gpus, _ in seen_by(4, 4, "--gpu", "1")] == ["0", "1", "2", "3"]
    assert [gpus for gpus, _ in seen_by(2, 5, "--gpu", "1")] == ["0", "1", "0", "1", "0"]
    assert [gpus for gpus, _ in seen_by(4, 3, "--gpu", "2")] == ["0,1", "2,3", "0,1"]
    assert [gpus for gpus, _ in seen_by(1, 2, "--gpu", "2")] == ["0", "0"]


def test_jobs_that_ask_for_no_gpu_see_what_the_caller_sees(seen_by):
    assert seen_by(2, 2) == [["all", "all"]] * 2
    assert [gpus for gpus, _ in seen_by(2, 2, "--gpu", "0", CUDA_VISIBLE_DEVICES="1")] == ["1", "1"]


def test_the_gpus_that_a_scheduler_gave_are_respected(seen_by):
    assert [gpus for gpus, _ in seen_by(8, 3, "--gpu", "1", CUDA_VISIBLE_DEVICES="5,2")] == ["5", "2", "5"]
    assert [gpus for gpus, _ in seen_by(8, 2, "--gpu", "1", CUDA_VISIBLE_DEVICES="GPU-8f3a")] == ["GPU-8f3a"] * 2


def test_all_jobs_on_gpus_run_at_a_time(root, tmp_path):
    # Each waits for all others, more than there are cores.
    jobs = len(os.sched_getaffinity(0)) + 2
    wait = f"for i in $(seq 200); do [ $(ls here.* | wc -l) = {jobs} ] && exit; sleep 0.05; done; exit 1"
    (tmp_path / "wait.sh").write_text(wait)
    command = words(f"{root}/utils/run.sh --gpu 1 JOB=1:{jobs} x.JOB.log touch here.JOB ; bash wait.sh")
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "0,1"}
    assert subprocess.run(command, cwd=tmp_path, env=environment).returncode == 0


def test_without_a_gpu_jobs_share_the_cores(seen_by):
    cores = len(os.sched_getaffinity(0))
    for jobs in (1, 2, cores + 1):
        threads = "all" if jobs == 1 else str(max(1, cores // jobs))
        assert seen_by(0, jobs, "--gpu", "1") == [["all", threads]] * jobs
    assert seen_by(0, 2, "--gpu", "1", OMP_NUM_THREADS="7") == [["all", "7"]] * 2
    # GPUs that are hidden stay so.
    assert seen_by(3, 2, "--gpu", "1", CUDA_VISIBLE_DEVICES="") == [["", str(max(1, cores // 2))]] * 2
