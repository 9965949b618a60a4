"""What a process starts: it is counted, and it ends when the process does.

What holds it together is the session: whatever a process starts is of its session, unless it leaves that on purpose.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
from collections import Counter

import psutil

ROUNDS = 3
"""How often a session is looked through: a process may start another one while the list is read."""


def lead(sign: int) -> None:
    """Make this process the head of a session of its own, which the kernel kills when its starter is gone.

    `sign` is the reading end of a pipe whose writing end the starter alone holds; it closes however that ends.
    """
    os.setsid()
    if sys.platform == "linux":
        fcntl.fcntl(sign, fcntl.F_SETOWN, -os.getpid())
        fcntl.fcntl(sign, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(sign, fcntl.F_SETFL, fcntl.fcntl(sign, fcntl.F_GETFL) | os.O_ASYNC)


def sizes() -> Counter[int]:
    """Return how many processes each session has by its head, those included that ended and were never asked after."""
    return Counter(map(_session, psutil.pids()))


def end(pid: int) -> None:
    """Kill a process and everything that it started."""
    born: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        born = psutil.Process(pid).children(recursive=True)  # those that left the session are found as long as it lives
    end_session(pid)
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
    for process in born:
        with contextlib.suppress(psutil.Error):
            process.kill()


def end_session(head: int) -> None:
    """Kill what there is of the session of a process, which may be gone itself."""
    with contextlib.suppress(OSError):
        os.killpg(head, signal.SIGKILL)  # at once, so that nothing is started meanwhile; groups beside it come next
    for _ in range(ROUNDS):
        left = [pid for pid in psutil.pids() if _session(pid) == head]
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not left:
            return


def _session(pid: int) -> int:
    """Return the head of a process's session; 0 where the process is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0
