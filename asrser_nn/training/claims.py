"""Who works on a run: a claim in its directory, which holds between processes, machines and network file systems.

Claims are files claim.1, claim.2, … in the directory of a run. The highest number counts; it is taken back only when
the run is complete. Whoever wants a run that is free, or whose holder is dead, makes the file with the next number.

Relied on: open(2) with O_EXCL makes a file for one process only, NFS included (version 3 or later); a directory in
which this machine has just made a file, and a file that it opens, are looked at anew. Not relied on: clocks that agree,
and locks of files (flock, fcntl), which some network file systems ignore or keep for each machine alone.

A holder touches its claim every few seconds. It is dead if it was a process of this machine that is no more, if Slurm
says that its job has ended, or if its claim was not touched for three minutes by the watch of the one who looks. A
holder that was stopped, or cut off from the files, looks whether its claim still counts before it goes on. So two could
work on a run only if one of them were stopped for minutes between such a look and the end of writing a file.
"""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from asrser_io.files import Failure, described, write_text

BEAT = 10.0  # seconds between two touches
SILENCE = 180.0  # seconds without one after which a holder is dead; more than NFS keeps what it knows of a file
WORD_HOLDS = 10.0  # seconds before Slurm is asked again about a job
ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED"),
    *("NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"),
}  # Slurm's states of jobs that are no more


def now() -> float:
    """Seconds, also those for which the machine slept."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class Holder:
    """A process, told from all others: of the same machine, of other machines, and of earlier ones with its number."""

    host: str
    machine: str  # as it is since it was started, and the part of it (a container) in which process numbers are unique
    process: int
    started: str
    cluster: str | None  # of Slurm
    job: str | None
    restarts: int

    @classmethod
    def me(cls) -> "Holder":
        process, variables = os.getpid(), os.environ
        job = variables.get("SLURM_JOB_ID")
        if task := variables.get("SLURM_ARRAY_TASK_ID"):  # one of the tasks has the number of all of them as its own
            job = f"{variables.get('SLURM_ARRAY_JOB_ID')}_{task}"
        return cls(
            os.uname().nodename,
            f"{_first_line('/proc/sys/kernel/random/boot_id')} {_link('/proc/self/ns/pid')}",
            process,
            start_of(process) or "",
            variables.get("SLURM_CLUSTER_NAME"),
            job,
            int(variables.get("SLURM_RESTART_COUNT", 0)),
        )

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}" + (f", Slurm job {self.job}" if self.job else "")


def start_of(process: int) -> str | None:
    """When a process of this machine was started, in the kernel's units; None if it is no more."""
    try:
        # The name, in brackets, may hold anything.
        state, *fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return None if state in "ZX" else fields[18]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    except ProcessLookupError:
        return None
    try:  # a system without /proc
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return ""


def _first_line(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text().strip()
    return ""


def _link(path: str) -> str:
    with suppress(OSError):
        return os.readlink(path)
    return ""


class Slurm:
    """What the scheduler says of jobs, where there is one."""

    def __init__(self) -> None:
        self.cluster: str | None = None
        self.answers: dict[str, tuple[float, bool]] = {}

    def says_ended(self, holder: Holder) -> bool:
        """False also where it does not know."""
        if not holder.job or not holder.cluster:
            return False
        asked, ended = self.answers.get(holder.job, (-WORD_HOLDS, False))
        if not ended and now() - asked >= WORD_HOLDS:
            # Another cluster has jobs with the same numbers.
            ended = self.name() == holder.cluster and self._ask(holder.job)
            self.answers[holder.job] = now(), ended
        return ended

    def _ask(self, job: str) -> bool:
        status, out, err = _call("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}")
        if status != 0:
            return "Invalid job id" in err  # so long ago that Slurm has forgotten it
        return bool(states := set(out.split())) and states <= ENDED

    def name(self) -> str:
        if self.cluster is None:
            lines = [line.split("=") for line in _call("scontrol", "show", "config")[1].splitlines()]
            self.cluster = next((line[1].strip() for line in lines if line[0].strip() == "ClusterName"), "")
        return self.cluster


def _call(*words: str) -> tuple[int, str, str]:
    try:
        result = subprocess.run(words, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return 1, "", ""
    return result.returncode, result.stdout, result.stderr


class Stopped(Exception):
    """A training ends before it is complete, and may go on later."""


class Lost(Failure):
    """Another process has taken a run over, for it had to think that this one is dead."""

    def __init__(self, directory: Path):
        super().__init__(f"{directory}: another process took this one for dead, and works on it now")


@dataclass
class Entry:
    """What a claim says. state: working; failed or stopped, which leave the run free"""

    holder: Holder | None  # None while it is being written
    since: float  # by the clock of the holder
    state: str
    said: str  # last by the holder, for people

    @classmethod
    def read(cls, path: Path) -> "Entry":
        try:
            data = json.loads(path.read_bytes())
            return cls(Holder(**data.pop("holder")), **data)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls(None, 0, "working", "")


def numbers(directory: Path) -> list[int]:
    """Of all claims in a directory, the highest last."""
    names = [name.removeprefix("claim.") for name in os.listdir(directory) if name.startswith("claim.")]
    return sorted(int(name) for name in names if name.isdecimal())


class Claim:
    """A run that this process works on. check() before what must not be done twice; say() tells others how it goes."""

    def __init__(self, path: Path, holder: Holder):
        self.path = path
        self.entry = Entry(holder, time.time(), "working", "")
        self.lost = False
        self.touched = now()

    def beat(self) -> None:
        """Show that this process is alive, unless another has taken the run over."""
        try:
            os.utime(self.path)
            self.lost = self.lost or numbers(self.path.parent)[-1] > int(self.path.suffix[1:])
            self.touched = now()
        except FileNotFoundError:
            self.lost = True
        except OSError:
            pass  # a file system that does not answer for the moment

    def check(self) -> None:
        """Raises Lost if the run is another's by now."""
        self.beat()
        if self.lost:
            raise Lost(self.path.parent)

    def say(self, text: str) -> None:
        """For people, and a check()."""
        self.check()
        self.entry.said = text
        self.write()

    def write(self) -> None:
        write_text(self.path, json.dumps(asdict(self.entry)) + "\n")


_ours: dict[tuple[int, Path], Claim] = {}  # all claims of this process, by the directory


@contextmanager
def working_in(directory: Path) -> Iterator[Claim]:
    """The claim that this process has to a directory, or makes for the time. Raises Failure if it is another's."""
    if claim := _ours.get((os.getpid(), directory.resolve())):
        yield claim
        return
    with Claims() as claims, claims.claim(directory) as claim:
        if claim is None:
            raise Failure(f"{directory}: another process is at work in it; wait for it, or give another")
        yield claim


class Claims:
    """The runs that this process works on, and what it knows of those of others. As a context it keeps them alive."""

    def __init__(self) -> None:
        self.me = Holder.me()
        self.slurm = Slurm()
        self.held: dict[Path, Claim] = {}  # by the claim's file
        self.seen: dict[Path, tuple[int, float]] = {}  # a claim's time, and when it was first seen with it
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def _beat(self) -> None:
        while not self.ended.wait(BEAT):
            for claim in list(self.held.values()):
                claim.beat()

    @contextmanager
    def claim(self, directory: Path) -> Iterator[Claim | None]:
        """A claim to the run, which is made if need be; None if another has one.

        Afterwards the run is free again: complete, without claims, unless an exception says why it is not.
        """
        claim = self._take(directory)
        if claim is None:
            yield None
            return
        _ours[os.getpid(), directory.resolve()] = claim
        try:
            yield claim
        except BaseException as error:
            claim.entry.state = "stopped"
            if isinstance(error, Exception) and not isinstance(error, Stopped | Lost):
                claim.entry.state, claim.entry.said = "failed", described(error)
            self._leave(claim)
            raise
        else:
            claim.path.unlink(missing_ok=True)
        finally:
            del self.held[claim.path]
            _ours.pop((os.getpid(), directory.resolve()), None)

    def _take(self, directory: Path) -> Claim | None:
        directory.mkdir(parents=True, exist_ok=True)
        top = max(numbers(directory), default=0)
        if top and not self.is_free(directory / f"claim.{top}"):
            return None
        claim = Claim(directory / f"claim.{top + 1}", self.me)
        try:
            os.close(os.open(claim.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            return None
        try:
            claim.write()
            # This machine may have known an old state of the directory.
            *older, highest = numbers(directory)
            if highest > top + 1:
                claim.path.unlink()
                return None
            for name in (f"claim.{number}{end}" for number in older for end in ("", ".tmp")):
                (directory / name).unlink(missing_ok=True)
        except BaseException:
            claim.path.unlink(missing_ok=True)
            raise
        self.held[claim.path] = claim
        return claim

    def _leave(self, claim: Claim) -> None:
        with suppress(Exception):
            claim.beat()
            if not claim.lost:
                claim.write()

    def is_free(self, path: Path) -> bool:
        """Whether the holder of a claim has left it, or is dead."""
        try:
            entry, touched = Entry.read(path), path.stat().st_mtime_ns
        except FileNotFoundError:
            return False  # just now; the next look will tell
        if entry.state != "working" or (entry.holder and self.is_dead(entry.holder, path)):
            return True
        if self.seen.get(path, (None, 0))[0] != touched:
            self.seen[path] = touched, now()
        return now() - self.seen[path][1] > SILENCE

    def is_dead(self, holder: Holder, path: Path) -> bool:
        """Whether it is known that a holder is no more; False if only its silence could tell."""
        me = self.me
        if (holder.host, holder.machine) == (me.host, me.machine):
            if (holder.process, holder.started) == (me.process, me.started):
                return path not in self.held
            if start_of(holder.process) != holder.started:
                return True
        if (holder.cluster, holder.job) == (me.cluster, me.job) and holder.restarts < me.restarts:
            return True
        return self.slurm.says_ended(holder)


@dataclass
class Sign:
    """What a claim shows of a run to somebody who only looks."""

    state: str  # working, failed, stopped
    said: str
    holder: Holder | None
    since: float
    silent: float  # seconds, by the clock of this machine


def sign_of(directory: Path, claims: Claims) -> Sign | None:
    """None if nobody has a claim."""
    try:
        path = directory / f"claim.{numbers(directory)[-1]}"
        entry, touched = Entry.read(path), path.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError, IndexError):
        return None
    state, silent = entry.state, max(0.0, time.time() - touched)
    if state == "working" and ((entry.holder and claims.is_dead(entry.holder, path)) or silent > SILENCE):
        state = "stopped"
    return Sign(state, entry.said, entry.holder, entry.since, silent)
