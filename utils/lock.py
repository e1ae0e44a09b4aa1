"""Lock a file that the calling shell holds open; called by utils/work_dir.sh.

Usage: utils/lock.py <file descriptor> <file> <script> <process id>
The lock belongs to the open file, not to this program: it stays when this program ends, and goes when the last process
that has the file open ends, even if killed. The file says who took it.
"""

import errno
import fcntl
import os
import re
import socket
import sys
import time
from pathlib import Path

PATIENCE = 10  # seconds for the programs of a run that was killed to end, too
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)  # of some network file systems


def is_alive(holder: str) -> bool:
    """Whether the run that took the lock is still there; of another machine's nobody here knows, so yes."""
    match = re.search(r"process (\d+) on (\S+), since", holder)
    if not match or match[2] != socket.gethostname():
        return True
    try:
        os.kill(int(match[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def users_of(file: Path) -> list[str]:
    """The processes that have the file open, where the system tells (Linux) and lets us see."""
    found = []
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.path.samefile(descriptor, file):
                found.append(descriptor.parts[2])
        except OSError:
            continue
    return sorted(set(found) - {str(os.getpid()), str(os.getppid())}, key=int)


def main() -> str | None:
    descriptor, file = int(sys.argv[1]), Path(sys.argv[2])
    started = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            holder = file.read_text(errors="replace").strip() or "another run"
            if is_alive(holder):
                return f"{file.parent} is in use by {holder}: wait for it, or choose another --dir"
            if time.monotonic() > started + PATIENCE:
                processes = " ".join(users_of(file)) or "unknown here"
                return (
                    f"{file.parent} was in use by {holder}, which has ended, but programs that it started still work "
                    f"there (processes {processes}): wait for them, or end them"
                )
            time.sleep(0.1)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                return f"{file}: {error.strerror}"
            print(
                f"{sys.argv[3]}: warning: {file}: {error.strerror}: nothing keeps another run out of {file.parent}, "
                "so see to it that there is none",
                file=sys.stderr,
            )
            return None
    os.ftruncate(descriptor, 0)
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    os.write(descriptor, f"{sys.argv[3]}, process {sys.argv[4]} on {socket.gethostname()}, since {since}\n".encode())
    return None


if __name__ == "__main__":
    if message := main():
        sys.exit(f"{sys.argv[3]}: {message}")
