"""Never two on one run, and a run whose holder is dead is free."""

import json
import multiprocessing
import os
import signal
import subprocess
import time
from dataclasses import asdict, replace

import pytest

from asrser_nn.training import claims as module
from asrser_nn.training.claims import Claims, Holder, Lost, Stopped, sign_of


@pytest.fixture
def run(tmp_path):
    return tmp_path / "run"


@pytest.fixture
def short_silence(monkeypatch):
    monkeypatch.setattr(module, "SILENCE", 0.5)
    monkeypatch.setattr(module, "BEAT", 0.05)


def elsewhere(**changes):
    """A process of another machine."""
    return replace(Holder.me(), host="elsewhere", machine="another", **changes)


def claims_of(holder):
    claims = Claims()
    claims.me = holder
    return claims


def leave_claim(run, holder, number=1):
    """What a process that was killed leaves."""
    run.mkdir(exist_ok=True)
    entry = {"holder": asdict(holder), "since": 0.0, "state": "working", "said": "epoch 3"}
    (run / f"claim.{number}").write_text(json.dumps(entry))


def is_had(claims, run):
    with claims.claim(run) as claim:
        return claim is not None


def test_a_run_is_had_by_one_at_a_time_and_keeps_no_trace_when_it_is_complete(run):
    ours, theirs = Claims(), claims_of(elsewhere())
    with ours.claim(run) as claim:
        assert claim and not is_had(theirs, run) and not is_had(ours, run)
    assert list(run.iterdir()) == []
    assert is_had(theirs, run)


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [(ValueError("x"), "failed", "ValueError: x"), (KeyboardInterrupt(), "stopped", ""), (Stopped(), "stopped", "")],
)
def test_a_run_that_is_not_complete_is_free_and_says_why(run, error, state, said):
    claims = Claims()
    with pytest.raises(type(error)), claims.claim(run):
        raise error
    sign = sign_of(run, claims)
    assert (sign.state, sign.said) == (state, said)
    assert is_had(claims_of(elsewhere()), run)


def _race(run, barrier, results):
    claims = Claims()
    barrier.wait()
    with claims.claim(run) as claim:
        results.put(claim is not None)
        barrier.wait()


def test_of_many_that_begin_at_once_one_has_the_run(tmp_path):
    for i in range(5):
        run, barrier, results = tmp_path / f"run{i}", multiprocessing.Barrier(6), multiprocessing.Queue()
        if i > 2:  # and of many who find a dead one
            leave_claim(run, replace(Holder.me(), process=2**22 + 1))
        workers = [multiprocessing.Process(target=_race, args=(run, barrier, results)) for _ in range(6)]
        for worker in workers:
            worker.start()
        assert sorted(results.get(timeout=30) for _ in workers) == [False] * 5 + [True]
        for worker in workers:
            worker.join(timeout=30)


def _hold(run, started):
    with Claims().claim(run):
        started.set()
        time.sleep(60)


def _hold_in_another_process(run):
    started = multiprocessing.Event()
    worker = multiprocessing.Process(target=_hold, args=(run, started))
    worker.start()
    assert started.wait(timeout=30)
    return worker


def test_the_run_of_a_process_of_this_machine_that_was_killed_is_free_at_once(run):
    worker = _hold_in_another_process(run)
    assert not is_had(Claims(), run)
    worker.kill()
    deadline = time.monotonic() + 10
    while not is_had(Claims(), run):  # the parent has not asked for its status: a zombie
        assert time.monotonic() < deadline
    worker.join()


def test_a_process_with_the_number_of_the_dead_one_does_not_keep_its_run(run):
    leave_claim(run, replace(Holder.me(), process=os.getppid(), started="1"))
    assert is_had(Claims(), run)


def test_a_process_of_another_machine_with_the_number_of_a_living_one_is_not_taken_for_it(run):
    leave_claim(run, elsewhere(process=2**22 + 1))
    assert not is_had(Claims(), run)
    leave_claim(run, replace(Holder.me(), machine="rebooted", process=2**22 + 1))
    assert not is_had(Claims(), run)


@pytest.mark.parametrize("their_clock", [0.0, -1e6, 1e6])
def test_a_silent_holder_is_dead_by_the_watch_of_who_looks(run, short_silence, their_clock):
    claims = Claims()
    leave_claim(run, elsewhere())
    for _ in range(8):  # 0.8 s, in which it was never silent for long
        their_clock += 1
        os.utime(run / "claim.1", (their_clock + 2e9,) * 2)
        assert not is_had(claims, run)
        time.sleep(0.1)
    assert not is_had(Claims(), run), "who has just come does not know how long it was silent"
    time.sleep(0.6)
    with claims.claim(run) as claim:
        assert claim.path.name == "claim.2"


def test_a_claim_that_is_not_written_yet_counts(run, short_silence):
    run.mkdir()
    (run / "claim.1").touch()
    claims = Claims()
    assert not is_had(claims, run)
    time.sleep(0.6)
    assert is_had(claims, run)


def test_a_holder_is_alive_as_long_as_it_lives(run, short_silence):
    ours = claims_of(elsewhere())
    theirs = Claims()
    with ours, ours.claim(run) as claim:
        for _ in range(10):
            time.sleep(0.1)
            assert not is_had(theirs, run)
        claim.check()


def test_a_holder_that_was_stopped_for_long_finds_that_its_run_is_anothers(run, short_silence):
    ours, theirs = claims_of(elsewhere()), Claims()  # ours has no thread that shows it alive
    with pytest.raises(Lost), ours.claim(run) as claim:
        assert not is_had(theirs, run)
        time.sleep(0.6)
        with theirs.claim(run) as other:
            assert other.path.name == "claim.2"
            with pytest.raises(Lost):
                claim.check()
            with pytest.raises(Lost):
                claim.say("epoch 4")
            assert [path.name for path in run.iterdir()] == ["claim.2"]
            raise Lost(run)
    assert sign_of(run, theirs).state == "stopped", "theirs, which was left so"


def test_a_holder_that_was_stopped_and_lost_its_run_leaves_the_claim_of_the_other(run, short_silence):
    ours, theirs = claims_of(elsewhere()), Claims()
    claim = ours._take(run)
    assert not is_had(theirs, run)
    time.sleep(0.6)
    other = theirs._take(run)
    ours._leave(claim)
    assert [path.name for path in run.iterdir()] == ["claim.2"] and not other.lost


@pytest.mark.parametrize("known", [[], [1]])
def test_an_old_listing_of_the_directory_gives_no_run_away(run, monkeypatch, known):
    """As a network file system may have it: the claims that were there a minute ago, and not the one that counts."""
    leave_claim(run, replace(Holder.me(), process=2**22 + 1), number=1)  # of a dead process
    leave_claim(run, elsewhere(), number=3)
    before, real, answers = sorted(run.iterdir()), module.numbers, [known]
    monkeypatch.setattr(module, "numbers", lambda folder: answers.pop() if answers else real(folder))
    if not known:
        (run / "claim.1").unlink()
        before = before[1:]
    assert not is_had(Claims(), run) and not answers
    assert sorted(run.iterdir()) == before


@pytest.fixture
def slurm_says(tmp_path, monkeypatch):
    """A squeue that answers so, in a cluster of this name."""

    def slurm_says(answer, status=0, cluster="here"):
        tools = tmp_path / "tools"
        tools.mkdir(exist_ok=True)
        stream = 1 if status == 0 else 2
        (tools / "squeue").write_text(f"#!/bin/sh\necho '{answer}' >&{stream}\nexit {status}\n")
        (tools / "scontrol").write_text(f"#!/bin/sh\necho 'ClusterName             = {cluster}'\n")
        for tool in tools.iterdir():
            tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")

    return slurm_says


@pytest.mark.parametrize(
    ("answer", "status", "dead"),
    [
        ("RUNNING", 0, False), ("PENDING", 0, False), ("COMPLETING", 0, False), ("", 0, False),
        ("FAILED", 0, True), ("TIMEOUT", 0, True), ("NODE_FAIL", 0, True), ("COMPLETED", 0, True),
        ("slurm_load_jobs error: Invalid job id specified", 1, True),
        ("slurm_load_jobs error: Unable to contact slurm controller", 1, False),
    ],
)  # fmt: skip
def test_slurms_word_is_taken(run, slurm_says, answer, status, dead):
    leave_claim(run, elsewhere(cluster="here", job="17"))
    slurm_says(answer, status)
    assert is_had(Claims(), run) == dead


def test_the_word_of_another_cluster_is_not_taken(run, slurm_says):
    leave_claim(run, elsewhere(cluster="there", job="17"))
    slurm_says("FAILED")
    assert not is_had(Claims(), run)


def test_a_job_that_slurm_started_again_goes_on_with_its_own_run(run, monkeypatch):
    leave_claim(run, elsewhere(cluster="here", job="17"))
    for name, value in {"CLUSTER_NAME": "here", "JOB_ID": "17", "RESTART_COUNT": "1"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert is_had(Claims(), run)


def test_what_a_holder_says_is_seen_by_others(run):
    claims = Claims()
    assert sign_of(run, claims) is None
    with claims.claim(run) as claim:
        claim.say("epoch 2")
        sign = sign_of(run, claims_of(elsewhere()))
        assert (sign.state, sign.said) == ("working", "epoch 2") and sign.silent < 5
        assert str(sign.holder) == f"process {os.getpid()} on {os.uname().nodename}"
        os.utime(claim.path, (0, 0))
        assert sign_of(run, claims_of(elsewhere())).state == "stopped"


def test_a_stopped_process_does_not_hold_its_parent_up():
    assert module.start_of(os.getpid()) == module.start_of(os.getpid()) != module.start_of(1)
    child = subprocess.Popen(["sleep", "60"])
    started = module.start_of(child.pid)
    child.send_signal(signal.SIGSTOP)
    assert module.start_of(child.pid) == started
    child.kill()
    child.wait()
    assert module.start_of(child.pid) is None
