"""Hand a call to the fork server and end as it ends; without a server, be the program itself.

    python -IS fork_client.py FOLDER PROGRAM [arguments]

All that the call has goes along, and signals are passed on. This start is what every call costs, so only modules in C
are imported, which take no time.
"""

import _signal
import _socket
import marshal
import posix
import sys

PASSED_ON = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM)
MOST_FILES = 250  # a message takes 253
# The server's first answer, and perhaps its second; else that is the process and, at its end, its status.
ACCEPTED, NOT_FORKED = b"+", b"-"


def main(folder: str, name: str, *arguments: str) -> None:
    if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # end without a traceback
    try:
        # Before the connection is one more open file.
        files = open_files()
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        connection.connect(f"{folder}/socket")
        send_call(connection, name, arguments, files)
        accepted = connection.recv(1) == ACCEPTED
    except OSError:
        accepted = False  # nothing is forked without this answer, which comes before it
    answer = read_answer(connection) if accepted else b""
    if not accepted or answer == NOT_FORKED:
        start(f"{folder}/bin/{name}", name, arguments)
    for number in PASSED_ON:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda number, _: connection.send(bytes([number])))
    try:
        while part := connection.recv(32):
            answer += part
    except OSError:
        pass  # the server has died, which is also told by an answer without a status
    process, *status = [int(number) for number in answer.split()] or [0]
    if not status:
        # Perhaps it had begun, so it is not begun once more.
        kill_group(process)
        sys.exit(f"ERROR ({name}:main()) the process from which programs are forked was killed")
    end(*status)


def read_answer(connection: _socket.socket) -> bytes:
    """What follows the acceptance: NOT_FORKED, or the process; nothing from a server that has died meanwhile."""
    try:
        return connection.recv(32)
    except OSError:
        return b""


def start(program: str, name: str, arguments: tuple[str, ...]) -> None:
    try:
        posix.execv(program, [program, *arguments])
    except OSError as error:
        sys.exit(f"ERROR ({name}:main()) cannot start {program}: {error.strerror}")


def open_files() -> list[int]:
    """The descriptors that a program started by this call would have."""
    found = []
    for number in map(int, posix.listdir("/dev/fd")):
        try:
            if posix.get_inheritable(number):
                found.append(number)
        except OSError:  # the folder itself, closed since
            pass
    # In a group of its own a forked process may not read from a terminal.
    if not {0, 1, 2} <= set(found) or len(found) > MOST_FILES or posix.isatty(0):
        raise OSError("files that cannot be handed over")
    return found


def send_call(connection: _socket.socket, name: str, arguments: tuple[str, ...], files: list[int]) -> None:
    words = [word.encode(sys.getfilesystemencoding(), "surrogateescape") for word in arguments]
    umask = posix.umask(0o77)
    posix.umask(umask)
    ignored = [number for number in range(1, _signal.NSIG) if _signal.getsignal(number) == _signal.SIG_IGN]
    data = marshal.dumps((name, words, posix.environ, umask, ignored, posix.getpid(), files))
    message = len(data).to_bytes(8, sys.byteorder) + data
    handed_over = [*files, posix.open(".", posix.O_RDONLY | posix.O_DIRECTORY)]
    rights = b"".join(number.to_bytes(4, sys.byteorder) for number in handed_over)
    sent = connection.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
    if sent < len(message):  # or it would find that the server has answered and gone
        connection.sendall(message[sent:])


def kill_group(process: int) -> None:
    """What was forked dies with the server; the commands that it had started do not by themselves."""
    if not process:
        return
    try:  # noqa: SIM105 # contextlib would have to be imported
        posix.killpg(process, _signal.SIGKILL)
    except OSError:
        pass


def end(status: int) -> None:
    """As the forked process ended; status: its exit status, or with a minus the signal that it died of."""
    if status < 0:
        _signal.signal(-status, _signal.SIG_DFL)
        posix.kill(posix.getpid(), -status)
    posix._exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
