"""One process of the system as files: `<name>.pid` says which, and a lock on it says whether it lives.

The process inherits the lock at birth and the kernel releases it at death. So whoever starts second adopts what lives,
two copies cannot run at once, and a pid given to somebody else by the kernel is never taken for ours.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ProcessFile:
    """The pid file of one process."""

    run: Path
    name: str

    @property
    def path(self) -> Path:
        """Where the pid is."""
        return self.run / f"{self.name}.pid"

    def alive(self) -> bool:
        """Whether the process, or a child that inherited its lock, still lives."""
        try:
            handle = self.path.open("rb")
        except FileNotFoundError:
            return False
        with handle:
            return not _locks(handle.fileno(), fcntl.LOCK_SH)

    def pid(self) -> int | None:
        """The pid of the living process; None when it is gone or just being started."""
        if not self.alive():
            return None
        try:
            return int(self.path.read_text())
        except (ValueError, FileNotFoundError):
            return None

    def start(
        self, command: Sequence[str], log: Path, cwd: Path, environment: Mapping[str, str]
    ) -> "subprocess.Popen[bytes] | None":
        """Start the process in a session of its own; None when it lives already."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if not self._take(descriptor):
                return None
            os.ftruncate(descriptor, 0)

            def sign() -> None:
                os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)

            with log.open("ab") as out:
                return subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                    pass_fds=(descriptor,),
                    preexec_fn=sign,  # noqa: PLW1509 - by the child itself: were we killed after the fork, nobody would know it
                )
        finally:
            os.close(descriptor)  # the child holds the lock now

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process if it lives."""
        pid = self.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self, number: signal.Signals, seconds: float) -> bool:
        """Ask the process to go and wait; after `seconds` end it and its session by force. False if that was needed."""
        self.send(number)
        if self.wait_gone(seconds):
            return True
        pid = self.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self._kill_heirs()
        self.wait_gone(5.0)
        return False

    def wait_gone(self, seconds: float) -> bool:
        """Wait until nothing holds the lock; False after `seconds`."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _take(self, descriptor: int) -> bool:
        # Someone who only asks `alive()` holds the lock for a moment: ask again before believing that it is taken.
        for _ in range(5):
            if _locks(descriptor, fcntl.LOCK_EX, keep=True):
                return True
            time.sleep(0.01)
        return False

    def _kill_heirs(self) -> None:
        """End whoever else holds the lock: a database's children outlive it for a moment. Known on Linux only."""
        if not Path("/proc/self/fd").exists():
            return
        target = self.path.stat()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid() and _has_open(entry / "fd", target):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(int(entry.name), signal.SIGKILL)


def _locks(descriptor: int, kind: int, *, keep: bool = False) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    if not keep:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def _has_open(folder: Path, target: os.stat_result) -> bool:
    with contextlib.suppress(OSError):  # gone meanwhile, or not ours to look at
        for descriptor in folder.iterdir():
            with contextlib.suppress(OSError):
                if os.path.samestat(descriptor.stat(), target):
                    return True
    return False
