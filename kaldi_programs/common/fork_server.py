"""A process that has loaded our programs and forks for each call of one, in 5 ms where a start of its own takes 85.

    python -P -m kaldi_programs.common.fork_server FOLDER

FOLDER holds a FIFO `alive` and a link `bin` to the folder of the programs. Ends at once and leaves the server in the
background. FOLDER/programs, first on PATH, then holds a launcher for each program, which hands its call to the server
and ends as the call does (fork_client.py). The server ends, and removes FOLDER, when nobody has `alive` open to write.

A call runs once at most: it is accepted before its fork, and who has been told so never starts it by itself, unless
told, too, that there was no fork; who has not been told can, as there is none.

A forked program is what it would be if started by itself: arguments, environment, folder, umask, open files and ignored
signals are those of its call. Where limits, priority, session (a job of a queueing system) or a variable that Python
reads when it starts are not those of the server, the call is refused, and its launcher starts the program by itself.
"""

import contextlib
import ctypes
import fcntl
import gc
import importlib
import marshal
import os
import py_compile
import resource
import select
import shlex
import shutil
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import NamedTuple, NoReturn

from kaldi_programs.common import fork_client

IMPORTED_LATE = ("kaldi_hmm_gmm", "kaldifst", "kaldialign", "subprocess")  # by the programs, when they need them
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "OPENBLAS_", "OMP_", "MKL_", "GOTO_", "NPY_")  # names begin so
PR_SET_PDEATHSIG = 1


class Call(NamedTuple):
    """What fork_client.send_call sends; the last two as descriptors."""

    name: str
    arguments: list[bytes]
    environment: dict[bytes, bytes]
    umask: int
    ignored_signals: list[int]
    client: int
    numbers: list[int]  # by which the call knows its files
    files: list[int]
    folder: int


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    # While the caller has it open: the end of the last writer is told only to who was there before.
    alive = os.open(folder / "alive", os.O_RDONLY | os.O_NONBLOCK)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(folder / "socket"))
    listener.listen(128)
    here = surroundings(os.getpid())
    write_launchers(folder)
    if os.fork():
        os._exit(0)
    os.setpgid(0, 0)  # away from the signals of a terminal
    close_all_but(alive, listener.fileno())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    call = None
    server = os.getpid()
    try:
        load_programs()
        call = Server(listener, alive, here).serve()
    finally:
        if call is None:
            shutil.rmtree(folder, ignore_errors=True)
    if call:
        run(call, server)


def program_names() -> list[str]:
    files = Path(__file__).parent.parent.glob("[a-z]*.py")
    return sorted(file.stem.replace("_", "-") for file in files)


def write_launchers(folder: Path) -> None:
    client = folder / "client.pyc"
    py_compile.compile(fork_client.__file__, str(client), doraise=True)
    launcher = folder / "launcher"
    words = shlex.join([sys.executable, "-IS", str(client), str(folder)])
    launcher.write_text(f'#!/bin/sh\nexec {words} "${{0##*/}}" "$@"\n')
    launcher.chmod(0o700)
    (folder / "programs").mkdir()
    for name in program_names():
        (folder / "programs" / name).symlink_to(launcher)


def close_all_but(*kept: int) -> None:
    """Leave the caller's files, such as the pipe that it is read through."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    for number in map(int, os.listdir("/dev/fd")):
        if number > 2 and number not in kept:
            with contextlib.suppress(OSError):
                os.close(number)


def load_programs() -> None:
    for name in (*IMPORTED_LATE, *(f"kaldi_programs.{name.replace('-', '_')}" for name in program_names())):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # or the first collection in a fork would copy all of it


def surroundings(process: int) -> tuple:
    """What a fork has from the server, and should have from its caller."""
    limits = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
    return (
        os.getsid(process),
        os.getpriority(os.PRIO_PROCESS, process),
        os.sched_getaffinity(process),
        [resource.prlimit(process, limit) for limit in limits],
        Path(f"/proc/{process}/cgroup").read_bytes(),
    )


def read_at_start(environment: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {name: value for name, value in environment.items() if os.fsdecode(name).startswith(READ_AT_START)}


class Server:
    def __init__(self, listener: socket.socket, alive: int, here: tuple):
        self.listener, self.alive, self.here = listener, alive, here
        self.environment = read_at_start(dict(os.environb))
        self.running: dict[int, tuple[socket.socket, int]] = {}  # connection and process of each call, by descriptor
        self.ended, self.waker = socket.socketpair()  # written to by the arrival of SIGCHLD
        self.ended.setblocking(False)
        self.waker.setblocking(False)
        signal.set_wakeup_fd(self.waker.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.poll = select.poll()
        self.poll.register(alive, 0)  # its end is told in any case
        self.poll.register(listener, select.POLLIN)
        self.poll.register(self.ended, select.POLLIN)

    def serve(self) -> Call | None:
        """Fork for each call. Returns the call in the forked process, None when nobody needs the server any more."""
        needed = True
        while needed or self.running:
            for descriptor, _ in self.poll.poll():
                if descriptor == self.alive:
                    needed = False
                    self.poll.unregister(descriptor)
                elif descriptor == self.listener.fileno():
                    if call := self.accept():
                        return call
                elif descriptor == self.ended.fileno():
                    self.reap()
                elif descriptor in self.running:
                    self.hear(descriptor)
        return None

    def accept(self) -> Call | None:
        try:
            connection = self.listener.accept()[0]
        except OSError:  # too many open files, say
            time.sleep(0.1)
            return None
        call = None
        try:
            call = receive_call(connection)
            if surroundings(call.client) != self.here or read_at_start(call.environment) != self.environment:
                raise OSError("a call that must be started by itself")
            connection.sendall(fork_client.ACCEPTED)
        except (OSError, ValueError, TypeError, EOFError):  # or the client has gone, or is none of ours
            connection.close()
            close_files(call)
            return None
        try:
            process = os.fork()
        except OSError:
            with contextlib.suppress(OSError):
                connection.sendall(fork_client.NOT_FORKED)
            connection.close()
            close_files(call)
            return None
        if process == 0:
            self.leave(connection)
            return call
        with contextlib.suppress(OSError):
            os.setpgid(process, process)
        close_files(call)
        with contextlib.suppress(OSError):
            connection.sendall(b"%d " % process)
        connection.setblocking(False)
        self.running[connection.fileno()] = connection, process
        self.poll.register(connection, select.POLLIN)
        return None

    def leave(self, connection: socket.socket) -> None:
        """The forked process leaves the server's files, for a group of its own, to be signalled with what it starts."""
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        for each in (connection, self.listener, self.ended, self.waker, *(other for other, _ in self.running.values())):
            each.close()
        os.close(self.alive)

    def hear(self, descriptor: int) -> None:
        """A byte from a client is a signal to pass on; the end means that the client was killed."""
        connection, process = self.running[descriptor]
        try:
            signals = connection.recv(16)
        except BlockingIOError:
            return
        except OSError:
            signals = b""
        if not signals:
            self.poll.unregister(descriptor)
        for number in signals or [signal.SIGKILL]:
            with contextlib.suppress(OSError):
                os.killpg(process, number)

    def reap(self) -> None:
        self.ended.recv(4096)
        for descriptor, (connection, process) in list(self.running.items()):
            reaped, status = os.waitpid(process, os.WNOHANG)
            if reaped:
                with contextlib.suppress(OSError, KeyError):
                    self.poll.unregister(descriptor)
                with contextlib.suppress(OSError):
                    connection.sendall(b"%d" % os.waitstatus_to_exitcode(status))
                connection.close()
                del self.running[descriptor]


def receive_call(connection: socket.socket) -> Call:
    connection.settimeout(10)
    message, files, _, _ = socket.recv_fds(connection, 1 << 20, fork_client.MOST_FILES + 1)
    try:
        size = 8 + int.from_bytes(message[:8], sys.byteorder)
        while len(message) < size:
            part = connection.recv(size - len(message))
            if not part:
                raise OSError("half a call")
            message += part
        call = Call._make([*marshal.loads(message[8:]), files[:-1], *files[-1:]])
        if len(call.files) != len(call.numbers):
            raise OSError("not all the files of a call")
        return call
    except BaseException:
        for descriptor in files:
            os.close(descriptor)
        raise


def close_files(call: Call | None) -> None:
    for descriptor in (*call.files, call.folder) if call else ():
        os.close(descriptor)


def run(call: Call, server: int) -> NoReturn:
    """Become the program that was called. server: the process that this one was forked from"""
    # Dies with the server, which alone can tell that the caller was killed.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:  # dead before that
        os._exit(1)
    os.fchdir(call.folder)
    os.close(call.folder)
    os.umask(call.umask)
    # First out of the way: the number that one file has here may be that which another had for its caller.
    aside = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, max(call.numbers) + 1) for each in call.files]
    for each in call.files:
        os.close(each)
    for each, number in zip(aside, call.numbers, strict=True):
        os.dup2(each, number)
        os.close(each)
    os.environ.clear()
    os.environb.update(call.environment)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in call.ignored_signals else usual)
    for name, mode, buffering in (("stdin", "r", -1), ("stdout", "w", -1), ("stderr", "w", 1)):
        old = getattr(sys, name)
        new = open(old.fileno(), mode, buffering, old.encoding, old.errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, new)
    sys.argv = [call.name, *map(os.fsdecode, call.arguments)]
    status = 1
    try:
        status = importlib.import_module(f"kaldi_programs.{call.name.replace('-', '_')}").main()
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    # Not by Python's own end, which would first free all that the server has loaded.
    os._exit(status)


if __name__ == "__main__":
    main()
