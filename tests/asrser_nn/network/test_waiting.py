"""OpenMP's threads sleep where others want their cores, and the results are the same."""

import json
import os
import subprocess
import sys

import pytest

from asrser_nn.network.waiting import CROWDED, OWN_CHOICE, QUIET, Surplus, thread_seconds

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
        self.did = []

    def begin(self):
        self.thread = object()
        self.did.append("begin")

    def stop(self):
        self.thread = None
        self.did.append("stop")


def test_threads_sleep_from_when_they_wait_for_cores_until_they_do_not():
    surplus = Recorded()
    between = (CROWDED + QUIET) / 2
    for share, expected in [(0.03, 0), (between, 0), (0.3, 1), (between, 1), (0.03, 2), (between, 2)]:
        surplus.decide(run=1 - share, waited=share)
        assert surplus.did == ["begin", "stop"][:expected]


def test_a_process_that_does_nothing_decides_nothing():
    surplus = Recorded()
    surplus.decide(run=0.0, waited=0.001)
    assert surplus.did == []


def test_the_time_of_the_threads_is_theirs():
    if not any(thread_seconds()):
        pytest.skip("this system does not say how long threads have run and waited")
    before = thread_seconds().run
    assert sum(range(3_000_000)) and thread_seconds().run > before + 0.01
