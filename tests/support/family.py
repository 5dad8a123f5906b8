"""A process with all that it started: found, told alive from gone, and killed, while its members come and go."""

import contextlib
import os
import signal
from pathlib import Path

from tests.support.frozen import freeze


def family(pid: int) -> list[int]:
    """The process and all that it started and their children, as far as they live; the eldest first."""
    members = [pid]
    for member in members:  # grows while it is read
        members += _children(member)
    return members


def _children(pid: int) -> list[int]:
    children: list[int] = []
    for thread in _threads(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
            children += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return children


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return []


def kill_family(pid: int) -> list[int]:
    """kill -9 to the process and all that it started; returns whom, some of whom may take a moment to be gone.

    The eldest is frozen first: it can start nobody between the look and the kill, nor end the others in good order.
    """
    freeze(pid)
    members = family(pid)
    for member in members:
        with contextlib.suppress(ProcessLookupError):  # a worker whose work was done
            os.kill(member, signal.SIGKILL)
    return members


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits for its parent to take note of its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False
