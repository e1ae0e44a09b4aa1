"""Fixtures shared by all tests: the real speech and Kaldi's answers that lie beside the checkout."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SLOW = {"end_to_end", "slurm", "test_grid_on_cluster.py", "test_bench.py"}
# A compiled Kaldi answers in the tests that ask for it; in all others this project's own programs do.
KALDI_ROOT = os.environ.pop("KALDI_ROOT", "")
# `python` and the programs that tests start are those of the environment that runs the tests.
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
# Where the tests run in the background, Ctrl-C is ignored, and programs that they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def shared(*parts: str) -> Path:
    path = ROOT.parent.joinpath("shared", *parts)
    if not path.is_dir():
        pytest.skip(f"no {path}: this test compares against real speech that is not part of the repository")
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Few tests that take minutes come first: with them at the end, one worker would work and the other wait."""
    items.sort(key=lambda item: not SLOW.intersection(item.path.parts))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def golden() -> Path:
    """What Kaldi itself answers on 16 sentences of TIMIT."""
    return shared("golden", "dev")


@pytest.fixture(scope="session")
def timit_sample() -> Path:
    return shared("data", "timit-sample")


@pytest.fixture(scope="session")
def emodb() -> Path:
    return shared("data", "emodb")


# ---- Slurm: a cluster of its own on this machine's loopback address, while the tests run

SLURM_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
KillWait=2
SlurmdTimeout=3
ReturnToService=2
MaxArraySize=11
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=4 RealMemory=8000
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=4 RealMemory=8000 Gres=gpu:2
NodeName=late NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[3]} CPUs=4 RealMemory=8000
PartitionName=day Nodes=node1,node2 Default=YES MaxTime=INFINITE
PartitionName=cpu Nodes=node1 MaxTime=INFINITE
PartitionName=gpu Nodes=node2 MaxTime=INFINITE
PartitionName=late Nodes=late MaxTime=INFINITE
"""
# Files that are there everywhere; Slurm numbers them as it would number graphics cards.
GRES_CONF = "NodeName=node2 Name=gpu File=/dev/null\nNodeName=node2 Name=gpu File=/dev/zero\n"


# All in a process namespace, whose first process reads commands from here. It ends with these tests, however they end,
# and all others with it. (A daemon left behind would go on killing process groups whose numbers are others' by then.)
NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
START = """\
cd {folder}
dd if=/dev/urandom of=munge.key bs=128 count=1 2>/dev/null
chmod 600 munge.key
munge() {{ for name; do echo --$name=$PWD/munge.${{name%%-file}}; done; }}
munged $(munge socket key-file pid-file log-file seed-file)
slurmctld -i
node1() {{ slurmd -N node1; }}
node2() {{
  unshare --uts --pid --fork --kill-child --mount-proc sh -c 'hostname node2; slurmd -N node2 -D' &
  node2=$!
}}
late() {{ unshare --mount sh -c 'mount --bind there here; slurmd -N late'; }}
node1; node2; late
"""


class Slurm:
    """The daemons: munge, the controller and three nodes. Commands find them by SLURM_CONF in the environment.

    node2 has a host name and process numbers of its own, as another machine would. On the node `late`, the folder
    `there` stands under the name of the folder `here`: a test copies from one to the other when it likes.
    """

    def __init__(self, folder: Path):
        self.folder, self.here, self.there = folder, folder / "here", folder / "there"
        for name in ("state", "here", "there"):
            (folder / name).mkdir()
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
        ports = [some.getsockname()[1] for some in sockets]
        for some in sockets:
            some.close()
        host = os.uname().nodename
        (folder / "slurm.conf").write_text(SLURM_CONF.format(host=host.partition(".")[0], folder=folder, ports=ports))
        (folder / "gres.conf").write_text(GRES_CONF)
        os.environ["SLURM_CONF"] = str(folder / "slurm.conf")

    def start(self) -> None:
        with open(self.folder / "shell.log", "w") as log:
            pipes = {"stdin": subprocess.PIPE, "stdout": log, "stderr": log}
            self.shell = subprocess.Popen([*NAMESPACE, "bash"], text=True, **pipes)
        self.tell(START.format(folder=self.folder))
        states = ["sinfo", "--noheader", "--Node", "--partition=day,late", "--format=%T"]
        deadline = time.monotonic() + 60
        while subprocess.run(states, capture_output=True, text=True).stdout.split() != ["idle"] * 3:
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.05)

    def tell(self, commands: str) -> None:
        """Have them carried out where the daemons are."""
        assert self.shell.stdin
        self.shell.stdin.write(commands + "\n")
        self.shell.stdin.flush()

    def stop(self) -> None:
        self.shell.kill()
        self.shell.wait()

    def command(self, *words: str) -> str:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def logs(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text()[-3000:]}" for path in self.folder.glob("*.log"))


@pytest.fixture(scope="session")
def slurm():
    """A cluster of three nodes, all of them this machine."""
    needed = ("munged", "slurmctld", "slurmd", "sbatch", "unshare")
    if missing := [program for program in needed if not shutil.which(program)]:
        pytest.skip(f"no {', '.join(missing)} here (Debian: apt install slurm-wlm munge)")
    if os.geteuid() != 0:
        pytest.skip("Slurm's daemons are started by root")
    if subprocess.run([*NAMESPACE, "--uts", "mount", "--bind", "/tmp", "/tmp"], capture_output=True).returncode != 0:
        pytest.skip("this root may not make namespaces, in which Slurm's daemons would be")
    folder = Path(tempfile.mkdtemp(prefix="slurm."))
    folder.chmod(0o755)  # or munge does not believe in it
    cluster = Slurm(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        del os.environ["SLURM_CONF"]
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kaldi_root() -> Path:
    """A Kaldi whose programs are compiled."""
    if not KALDI_ROOT:
        pytest.skip("KALDI_ROOT names no compiled Kaldi, beside whose programs ours would run here")
    return Path(KALDI_ROOT).resolve(strict=True)


@pytest.fixture(scope="session")
def kaldi_scripts() -> Path:
    """Kaldi's steps and utils, of a checkout that need not be compiled."""
    checkout = os.environ.get("KALDI_CHECKOUT") or KALDI_ROOT
    if not checkout:
        pytest.skip("KALDI_CHECKOUT names no checkout of Kaldi (the folder with egs in it), whose scripts run here")
    return (Path(checkout) / "egs/wsj/s5").resolve(strict=True)
