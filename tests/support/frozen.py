"""Freezing a process so that it is surely frozen: SIGSTOP is only asked for by `kill`, and takes effect later."""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

SECONDS = 10.0
STOPPED = "TtZX"  # as /proc/<pid>/task/<tid>/stat writes "stopped", "stopped by a tracer" and two kinds of ended


def freeze(*pids: int) -> None:
    """SIGSTOP; returns when not one thread of these processes runs any more. AssertionError after `SECONDS`.

    The signal goes to one thread, which stops the others when it next runs; on a busy machine a server of many
    threads answers several requests in between. One that has ended meanwhile runs no more either.
    """
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + SECONDS
    while not all(_is_stopped(pid) for pid in pids):
        assert time.monotonic() < deadline, f"{pids} still run {SECONDS} s after SIGSTOP"
        time.sleep(0.001)


def thaw(*pids: int) -> None:
    """SIGCONT, to those that live."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _is_stopped(pid: int) -> bool:
    return all(state in STOPPED for state in _states(Path(f"/proc/{pid}/task")))


def _states(tasks: Path) -> Iterable[str]:
    """The state of every thread; a name may hold spaces and brackets, so the letter is what follows the last one."""
    for task in tasks.glob("*"):
        try:
            yield (task / "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread ended meanwhile
