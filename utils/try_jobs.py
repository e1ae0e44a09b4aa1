"""What Slurm offers, and whether a job that is sent with --cmd runs; for utils/doctor.py."""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

PATIENCE = 120  # seconds for a job of one second, in a queue


class Fault(Exception):
    """What is wrong, in words."""


class Waiting(Fault):
    """A queue that is busy."""


@dataclass
class Partition:
    name: str
    is_default: bool
    nodes: int = 0
    gpus: set[str] = field(default_factory=set)  # kinds and numbers of a node, in Slurm's words

    def __str__(self) -> str:
        offers = f"GPUs {', '.join(sorted(self.gpus))}" if self.gpus else "no GPU"
        nodes = "1 node" if self.nodes == 1 else f"{self.nodes} nodes"
        return f"{self.name}{' (default)' if self.is_default else ''}: {nodes}, {offers}"


def partitions() -> list[Partition]:
    """Those that take jobs now. Raises Fault if Slurm's controller does not answer."""
    command = ["sinfo", "--noheader", "--format=%P|%a|%D|%G"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Fault(f"sinfo: {error}") from error
    if done.returncode != 0:
        # The last of its lines is what it gave up for: "sinfo: fatal: Could not establish a configuration source".
        *_, reason = [f"sinfo ended with status {done.returncode}", *filter(str.strip, done.stderr.splitlines())]
        raise Fault(re.sub("^(sinfo: |error: |fatal: )+", "", reason.strip()))
    found: dict[str, Partition] = {}
    for line in done.stdout.splitlines():
        name, state, nodes, resources = line.split("|", 3)
        if state != "up":
            continue
        name, star, _ = name.partition("*")
        partition = found.setdefault(name, Partition(name, bool(star)))
        partition.nodes += int(nodes)
        # Each as gpu:2, gpu:a100:4 or gpu:a100:4(S:0-1).
        partition.gpus |= set(re.findall(r"(?:^|,)gpu:([^,(]+)", resources))
    return list(found.values())


def try_job(runner: str, num_gpus: int, folder: Path) -> str:
    """Where a job of one second ran, which started asrser_nn there. Raises Fault if it did not end well.

    folder: of the work, which the job must see as this machine does
    """
    existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    with TemporaryDirectory(prefix=".doctor.", dir=existing) as scratch:
        log = Path(scratch) / "job.log"
        work = ["sleep", "1", "&&", "asrser_nn", "--help", ">", f"{scratch}/help"]
        command = [*runner.split(), "--gpu", str(num_gpus), str(log), *work]
        try:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        except OSError as error:
            raise Fault(f"{command[0]}: {error.strerror}") from error
        try:
            said = process.communicate(timeout=PATIENCE)[1]
        except subprocess.TimeoutExpired:
            process.terminate()
            said = process.communicate()[1]
            raise Waiting(f"it did not end in {PATIENCE} s{last_line(said)}") from None
        if process.returncode != 0:
            raise Fault(f"it failed{last_line(said)}")
        if not (Path(scratch) / "help").is_file():
            raise Fault(f"what it wrote is not seen in {existing}: do the nodes share that folder?")
        ran = re.search(r"^# Running on (\S+)", log.read_text(errors="replace"), re.MULTILINE)
        return f"on {ran[1]}" if ran else "somewhere"


def last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f": {lines[-1]}" if lines else ""
