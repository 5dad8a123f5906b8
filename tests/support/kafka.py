"""Apache Kafka for tests: one broker per pytest run shared by all workers, and brokers of one's own to kill.

Without Java, Maven or jars the tests that need it are skipped with one line; with REQUIRE_KAFKA=1 they fail instead.
"""

import asyncio
import fcntl
import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest

from deploy.kafka import jars
from deploy.kafka.broker import wait_until_ready
from deploy.local.ports import free_port
from deploy.local.problems import LocalProblem
from tests.support.frozen import freeze, thaw
from tests.support.postgres import ROOT, RUN_VARIABLE

START_SECONDS = 120.0
STOP_SECONDS = 15.0
SKIPPED = "Kafka tests are skipped (REQUIRE_KAFKA=1 forbids it): "
_MACHINE = ("PATH", "JAVA_HOME", "KAFKA_HOME", "HAZARDLOOP_CACHE")


def shared_servers() -> str:
    """Bootstrap servers of the run's broker, started by whoever asks first; skips the test where it cannot be.

    `TEST_KAFKA_BOOTSTRAP_SERVERS` names a broker of yours instead. Use topics and groups of your own on it.
    """
    if own := os.environ.get("TEST_KAFKA_BOOTSTRAP_SERVERS"):
        return own
    require_kafka()
    folder = Path(os.environ[RUN_VARIABLE])
    with (folder / "broker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "bootstrap").exists():
            _start_keeper(folder)
    return (folder / "bootstrap").read_text()


def require_kafka() -> None:
    """Skip the calling test when Kafka cannot run here, or fail it when REQUIRE_KAFKA=1 says that it must."""
    reason = _missing(*(os.environ.get(name) for name in _MACHINE))
    if reason is None:
        return
    if os.environ.get("REQUIRE_KAFKA") == "1":
        pytest.fail(f"REQUIRE_KAFKA=1, but {reason}", pytrace=False)
    pytest.skip(SKIPPED + reason)


@cache
def _missing(*_machine: str | None) -> str | None:
    """What is missing, found out once for all tests: jars that cannot be fetched take Maven a while each time."""
    return jars.missing()


def fold_skips(report: pytest.TestReport) -> pytest.TestReport:
    """Give all skips for want of Kafka one place, so that the summary has one line for them and not one per test."""
    if report.skipped and isinstance(report.longrepr, tuple) and SKIPPED in report.longrepr[2]:
        report.longrepr = ("tests/support/kafka.py", 1, report.longrepr[2])
    return report


class Broker:
    """A broker of one's own in `folder`, on a port that stays the same, to be killed, frozen and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.servers = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = START_SECONDS) -> None:
        """Start it and wait until it answers; RuntimeError with its last words if it does not.

        Jars that are not there yet are fetched before its time begins to run.
        """
        jars.classpath()
        self.folder.mkdir(parents=True, exist_ok=True)
        data, log = self.folder / "data", self.folder / "log"
        with (self.folder / "stdout").open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deploy.kafka.broker", f"--data={data}", f"--port={self.port}", f"--log={log}"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while self._process.poll() is None and time.monotonic() < deadline:
            if _answers(self.servers):
                return
        self.kill()
        raise RuntimeError(f"Kafka did not start: {(self.folder / 'stdout').read_text()[-2000:]}")

    def running(self) -> bool:
        """Whether it was started and not killed since."""
        return self._process is not None

    def kill(self) -> None:
        """End it the hard way, as kill -9 does."""
        if self._process is not None:
            self._process.kill()  # a frozen process dies of this too
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it stop answering without closing a connection."""
        if self._process is not None:
            freeze(self._process.pid)

    def thaw(self) -> None:
        """Let it go on."""
        if self._process is not None:
            thaw(self._process.pid)

    def stop(self) -> None:
        """End it politely, by force if it does not go."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def _answers(servers: str) -> bool:
    try:
        asyncio.run(wait_until_ready(servers, 1.0))
    except LocalProblem:
        return False
    return True


def _start_keeper(folder: Path) -> None:
    subprocess.Popen(
        [sys.executable, "-m", "tests.support.broker_keeper", str(folder)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in the terminal must not reach it before pytest has finished with it
    )
    deadline = time.monotonic() + START_SECONDS + 5
    while time.monotonic() < deadline and not (folder / "broker.failed").exists():
        if (folder / "bootstrap").exists():
            return
        time.sleep(0.05)
    failed = folder / "broker.failed"
    raise RuntimeError(failed.read_text() if failed.exists() else "the Kafka broker of the tests took too long")
