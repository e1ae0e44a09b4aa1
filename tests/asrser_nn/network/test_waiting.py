"""OpenMP's threads sleep where others want their cores, and the results are the same."""

import json
import os
import subprocess
import sys

import pytest

from asrser_nn.network.waiting import CROWDED, OWN_CHOICE, SHORTEST, Surplus, thread_seconds

# Two threads, of which one waits while the other does what only one can; with a surplus of threads and without it.
PROGRAM = """
import json, os, time, torch
from asrser_nn.network import waiting

torch.set_num_threads(2)
surplus = waiting.Surplus(waiting._libgomp())
network = torch.nn.Sequential(torch.nn.Linear(300, 300), torch.nn.BatchNorm1d(300), torch.nn.Linear(300, 10))
x = torch.randn(256, 300, generator=torch.Generator().manual_seed(1))

def shares():
    results = []
    processor, own = time.process_time(), time.thread_time()
    for _ in range(150):
        loss = network(x).square().mean()
        loss.backward()
        end = time.thread_time() + 0.001
        while time.thread_time() < end:
            pass
        results.append(loss.item())
    gradient = network[0].weight.grad.double().sum().item()
    network.zero_grad()
    return (time.process_time() - processor) / (time.thread_time() - own), results, gradient

torch.manual_seed(1)
for layer in (network[0], network[2]):
    torch.nn.init.normal_(layer.weight)
shares()
spinning = shares()
before = len(os.listdir("/proc/self/task"))
surplus.begin()
time.sleep(0.2)
during = len(os.listdir("/proc/self/task"))
asleep = shares()
surplus.stop()
time.sleep(0.2)
after = len(os.listdir("/proc/self/task"))
print(json.dumps([spinning, asleep, before, during, after]))
"""


@pytest.fixture(scope="module")
def measured():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("on one core there are no threads that could wait for each other")
    environment = {name: value for name, value in os.environ.items() if name not in OWN_CHOICE}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_surplus_of_threads_lets_those_that_wait_sleep(measured):
    spinning, asleep = measured[0][0], measured[1][0]
    assert spinning > 1.6, "processor time of both threads to that of one: the other one spins meanwhile"
    assert asleep < 1.6


def test_the_results_are_the_same_to_the_last_bit(measured):
    assert measured[0][1:] == measured[1][1:]


def test_the_threads_go_when_they_are_not_wanted_any_more(measured):
    before, during, after = measured[2:]
    assert after == before < during


class Recorded(Surplus):
    def __init__(self):
        super().__init__(library=None)
        self.cores = [0, 1, 2]
        self.did = []

    def begin(self):
        self.thread = object()
        self.did.append("sleep")

    def stop(self):
        self.thread = None
        self.did.append("spin")

    def keep_to_fewer(self, fewer):
        self.fewer = fewer
        self.did.append("fewer cores" if fewer else "all cores")


def test_threads_that_wait_for_cores_sleep_on_fewer_until_it_is_time_to_look_again():
    surplus = Recorded()
    for share in (0.03, CROWDED - 0.01):
        surplus.decide(run=2 * (1 - share), waited=2 * share, seconds=1)
        assert surplus.did == []
    surplus.decide(run=1.2, waited=0.8, seconds=1)
    assert surplus.did == ["sleep", "fewer cores"]
    for _ in range(SHORTEST - 1):
        surplus.decide(run=1.9, waited=1, seconds=1)  # of two cores
    assert surplus.did == ["sleep", "fewer cores"]
    surplus.decide(run=1.9, waited=1, seconds=1)
    assert surplus.did == ["sleep", "fewer cores", "all cores", "spin"]
    surplus.decide(run=1.2, waited=0.8, seconds=1)
    assert surplus.thread and surplus.left == 2 * SHORTEST, "the others are still there"
    surplus.left = 1
    surplus.decide(run=1.9, waited=1, seconds=1)
    surplus.decide(run=2.9, waited=0.1, seconds=1)
    assert surplus.thread is None and surplus.patience == SHORTEST


def test_fewer_cores_that_others_want_too_are_left_for_all():
    surplus = Recorded()
    surplus.decide(run=1.2, waited=0.8, seconds=1)
    surplus.decide(run=1.4, waited=1, seconds=1)
    assert surplus.did == ["sleep", "fewer cores", "all cores"]
    surplus.decide(run=1.4, waited=1, seconds=1)
    assert surplus.did == ["sleep", "fewer cores", "all cores"] and surplus.thread


def test_a_process_that_does_nothing_decides_nothing():
    surplus = Recorded()
    surplus.decide(run=0.0, waited=0.001, seconds=0.5)
    assert surplus.did == []
    surplus.decide(run=1.2, waited=0.8, seconds=1)
    for _ in range(SHORTEST):
        surplus.decide(run=0.0, waited=0.001, seconds=0.5)
    assert surplus.did == ["sleep", "fewer cores", "all cores", "spin"], "what was decided is old by then"


def test_threads_go_to_fewer_cores_and_back():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core")
    code = (
        "import os, threading; from asrser_nn.network.waiting import Surplus\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "surplus, before = Surplus(None), os.sched_getaffinity(0)\n"
        "def everywhere(): return [os.sched_getaffinity(int(task)) for task in os.listdir('/proc/self/task')]\n"
        "surplus.keep_to_fewer(True)\n"
        "assert everywhere() == 2 * [before - {min(before)}], everywhere()\n"
        "surplus.keep_to_fewer(False)\n"
        "assert everywhere() == 2 * [before]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_time_of_the_threads_is_theirs():
    if not any(thread_seconds()):
        pytest.skip("this system does not say how long threads have run and waited")
    before = thread_seconds().run
    assert sum(range(3_000_000)) and thread_seconds().run > before + 0.01
