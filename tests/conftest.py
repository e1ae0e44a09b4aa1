"""Fixtures shared by all tests: the real speech and Kaldi's answers that lie beside the checkout."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
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
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        munge = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        self._run("munged", *(f"--{option}={self.folder}/munge.{name}" for option, name in munge.items()))
        self._run("slurmctld", "-i")
        for node in ("node1", "node2", "late"):
            self.start_node(node)
        deadline = time.monotonic() + 20
        states = ("sinfo", "--noheader", "--Node", "--partition=day,late", "--format=%T")
        while self.command(*states).split() != ["idle"] * 3:
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.05)

    def start_node(self, name: str) -> None:
        slurmd = ["slurmd", "-N", name]
        if name == "node2":
            unshare = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]
            slurmd = [*unshare, f"hostname node2; {' '.join(slurmd)} -D"]
            self.node2 = subprocess.Popen(slurmd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return
        if name == "late":
            slurmd = ["unshare", "--mount", "sh", "-c", f"mount --bind {self.there} {self.here}; {' '.join(slurmd)}"]
        self._run(*slurmd)

    def stop(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self.command("scancel", "--user=root")
        for name in ("node1", "node2", "late", "slurmctld", "munge"):
            self.stop_daemon(name)

    def stop_daemon(self, name: str) -> None:
        if name == "node2":
            self.node2.kill()  # unshare would not heed another signal
            self.node2.wait()
            return
        with suppress(OSError, ValueError):
            os.kill(int((self.folder / f"{name}.pid").read_text()), signal.SIGTERM)

    def command(self, *words: str) -> str:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def _run(self, *words: str) -> None:
        subprocess.run(words, check=True, capture_output=True)

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
    with tempfile.TemporaryDirectory(prefix="slurm.", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # or munge does not believe in it
        cluster = Slurm(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
            del os.environ["SLURM_CONF"]


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
