"""Every benchmark of the network runs and finds figures; how large they are depends on the machine: not tested."""

import json
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("program", "options", "figure"),
    [
        ("training", ["--steps=2", "--turns=1"], ["ways", "asrser_nn", "to_gathered"]),
        ("grid", ["--steps=1", "--together=2"], ["grid", "hours", "asrser_nn"]),
        ("forward", ["--minutes=0.1"], ["seconds_per_hour", "utterances"]),
        ("hybrid", ["--minutes=0.05", "--turns=1"], ["shared_layers", "3", "seconds_per_hour"]),
    ],
)
def test_a_benchmark_runs(program, options, figure, root, tmp_path):
    command = [sys.executable, root / f"bench/{program}.py", "--threads=1", *options, "--json", tmp_path / "out.json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["machine"]["torch"] and result["peak_memory_gib"]["host"] > 0
    for name in figure:
        result = result[name]
    assert result > 0


def test_the_time_of_the_grid_is_that_of_its_trainings(root, monkeypatch):
    """105 trainings of one epoch at a frame a second, of which nothing but frames takes time."""
    monkeypatch.syspath_prepend(str(root / "bench"))
    import grid

    rates = {str(layers): {"once": False, "asrser_nn": 1.0, "dev": float("inf"), "plain": 0.5} for layers in range(6)}
    frames = 49 * 1.12e6 + 56 * 1.7e6 + 5 * 8 * (1.12e6 + 1.7e6)  # and the output layer alone, where l is at most 4
    hours = grid.whole_grid(rates, 1)
    assert hours["asrser_nn"] == pytest.approx(frames / 3600) and hours["plain"] == pytest.approx(2 * frames / 3600)


def test_the_benchmark_of_other_work_compares_each_arrangement_with_one_thread(root, tmp_path):
    command = [sys.executable, root / "bench/contention.py", "--busy=0,1", "--seconds=0.1", "--turns=1"]
    done = subprocess.run([*command, "--json", tmp_path / "out.json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out.json").read_text())["frames_per_second"]
    assert found.keys() == {"training", "grid", "forward"}
    for beside in found.values():
        assert beside.keys() == {"0", "1"}
        assert all(len(rates) == 2 and min(rates.values()) > 0 for rates in beside.values())
