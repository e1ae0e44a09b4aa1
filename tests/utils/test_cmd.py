"""cmd.sh: which jobs go to a cluster."""

import os
import subprocess
import sys

import pytest

SCRIPT = """set -eu
cmd=$1
. {root}/path.sh
. {root}/cmd.sh
{what}
"""


@pytest.fixture
def ask(root, tmp_path):
    """What cmd.sh says when --cmd is given so."""

    def ask(cmd, what, **variables):
        environment = {**os.environ, "PYTHON": sys.executable, **variables}
        command = ["bash", "-c", SCRIPT.format(root=root, what=what), "a_step.sh", cmd]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return ask


def frames(folder, *numbers):
    (folder / "utt2num_frames").write_text("".join(f"utt{i} {number}\n" for i, number in enumerate(numbers)))


def test_without_an_option_everything_runs_here(ask, root):
    assert ask("", 'echo "$cmd|$cuda_cmd|$short_cmd"').stdout == "|".join([f"{root}/utils/run.sh"] * 3) + "\n"


def test_the_runner_of_this_checkout_is_found_from_any_folder_and_takes_long_jobs_only(ask, root):
    slurm = f"{root}/utils/slurm.sh --partition day"
    said = ask("utils/slurm.sh --partition day", 'echo "$cmd|$cuda_cmd|$short_cmd"').stdout
    assert said == f"{slurm}|{slurm}|{root}/utils/run.sh\n"


def test_other_local_runners_take_all_jobs(ask, root, tmp_path):
    said = ask("utils/run.sh --max-jobs-run 1", 'echo "$short_cmd"').stdout
    assert said == f"{root}/utils/run.sh --max-jobs-run 1\n"


def test_networks_may_have_a_partition_of_their_own(ask, root):
    said = ask("utils/slurm.sh -p cpu", 'echo "$cmd|$cuda_cmd"', cuda_cmd="utils/slurm.sh -p gpu").stdout
    assert said == f"{root}/utils/slurm.sh -p cpu|{root}/utils/slurm.sh -p gpu\n"


def test_a_runner_that_is_not_there_is_refused(ask):
    result = ask("slurm.pl --partition day", "echo made")
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr == "a_step.sh: --cmd: no such program: slurm.pl --partition day\n"


def test_work_of_seconds_stays_here_and_that_of_a_corpus_is_spread(ask, root, tmp_path):
    slurm = "utils/slurm.sh --partition day"
    chosen = lambda: ask(slurm, f"cmd_for {tmp_path} 13").stdout.strip()  # noqa: E731
    frames(tmp_path, *[300] * 96)  # the sample of TIMIT: five minutes, a second of work
    assert chosen() == f"{root}/utils/run.sh"
    frames(tmp_path, *[300] * 3696)  # TIMIT: three hours, forty seconds of work
    assert chosen() == f"{root}/{slurm}"
    # 10 s of work at 13 s an hour are 46 minutes 9 s.
    frames(tmp_path, 276_900)
    assert chosen() == f"{root}/utils/run.sh"
    frames(tmp_path, 277_000)
    assert chosen() == f"{root}/{slurm}"
    (tmp_path / "frame_shift").write_text("0.005\n")
    assert chosen() == f"{root}/utils/run.sh"
    assert ask(slurm, f"cmd_for {tmp_path} 13", short_cmd=slurm).stdout.strip() == f"{root}/{slurm}"
    (tmp_path / "utt2num_frames").unlink()  # a directory of another recipe: unknown
    assert chosen() == f"{root}/{slurm}"


@pytest.mark.parametrize(
    "options, number",
    [("", 1), ("--device auto", 1), ("--device cpu", 0), ("--seed 2 --device=cpu --threads 1", 0)],
)
def test_networks_on_the_cpu_ask_for_no_gpu(ask, options, number):
    assert ask("", f"num_gpus '{options}'").stdout == f"{number}\n"
