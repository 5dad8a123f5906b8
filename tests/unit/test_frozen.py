"""A process that a test froze is frozen when the test goes on."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.frozen import freeze, thaw

BUSY = "import threading\nfor _ in range(20): threading.Thread(target=lambda: [n for n in iter(int, 1)]).start()\n"


@pytest.fixture
def busy() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    yield process.pid
    process.kill()
    process.wait()


def _states(pid: int) -> set[str]:
    return {(task / "stat").read_text().rpartition(")")[2].split()[0] for task in Path(f"/proc/{pid}/task").iterdir()}


def test_no_thread_runs_once_a_freeze_has_returned(busy: int) -> None:
    for _ in range(20):
        freeze(busy)
        assert _states(busy) <= {"T", "t"}
        thaw(busy)
    assert os.waitpid(busy, os.WNOHANG) == (0, 0)
