"""A process is killed with all that it started, although its children come and go while it is looked at."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.support.family import family, is_alive, kill_family

# One child stays, others end as soon as they have begun, as the workers of a database server do.
RESTLESS = """
import subprocess, sys
subprocess.Popen(["sleep", "1000"])
print("ready", flush=True)
while True:
    subprocess.Popen(["true"]).wait()
"""


@pytest.fixture
def restless() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", RESTLESS], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process.pid
    kill_family(process.pid)
    process.wait()
    process.stdout.close()


def test_a_family_whose_children_come_and_go_is_killed_to_the_last(restless: int) -> None:
    members = kill_family(restless)
    assert len(members) >= 2
    deadline = time.monotonic() + 10
    while any(map(is_alive, members)):
        assert time.monotonic() < deadline, "somebody was left alive"
    assert kill_family(restless) == [restless]  # nobody is left, and to say so again is no harm


def test_a_process_that_has_ended_has_no_children() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert family(gone.pid) == [gone.pid]


def test_a_thread_that_ends_during_the_look_hides_nobody(restless: int, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: ["1", *listed(path)] if "/task" in str(path) else listed(path))
    assert len(family(restless)) >= 2


def test_a_look_at_a_family_may_name_one_who_is_gone(restless: int) -> None:
    def careless() -> None:
        """What `kill_family` would be without its care."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for pid in family(restless)[2:]:  # the restless ones alone
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(ProcessLookupError):
        careless()
