"""Failpoints do nothing unless they are asked to, then do it at the very pass named, and never in production."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from libs.common import failpoints
from libs.common.failpoints import FailpointReached, failpoint
from libs.common.settings import ServiceSettings

PASSES = """
import sys
from libs.common import failpoints
failpoints.arm(sys.argv[1], sys.argv[2])
for nr in range(1, 4):
    failpoints.failpoint("relay.read")
    failpoints.failpoint("relay.published")
    print(nr, flush=True)
"""


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


def passes(words: str, witness: Path) -> "subprocess.CompletedProcess[str]":
    """A process that passes two failpoints three times."""
    command = [sys.executable, "-c", PASSES, words, str(witness)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_process_dies_at_the_pass_that_was_named(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    result = passes("relay.read=kill:9, relay.published=kill:2", witness)
    assert result.returncode == -signal.SIGKILL
    assert result.stdout == "1\n"
    assert witness.read_text() == "relay.published\n"


def test_a_process_can_end_by_itself_instead(tmp_path: Path) -> None:
    assert passes("relay.published=exit", tmp_path / "witness").returncode == 70


def test_nothing_happens_where_nothing_is_armed(tmp_path: Path) -> None:
    result = passes("", tmp_path / "witness")
    assert (result.returncode, result.stdout) == (0, "1\n2\n3\n")
    assert not (tmp_path / "witness").exists()


def test_a_step_can_be_made_to_fail_once() -> None:
    failpoints.arm("consumer.polled=raise:2")
    failpoint("consumer.polled")
    with pytest.raises(FailpointReached, match=r"consumer\.polled"):
        failpoint("consumer.polled")
    failpoint("consumer.polled")


@pytest.mark.parametrize("words", ["relay.nowhere=kill", "relay.read", "relay.read=sleep", "relay.read=kill:0", "x"])
def test_words_that_name_no_failpoint_stop_the_start(words: str) -> None:
    with pytest.raises(ValidationError, match="is no failpoint"):
        ServiceSettings(failpoints=words)


def test_production_refuses_failpoints() -> None:
    sound = {"environment": "production", "auth_issuer": "https://issuer.example.org"}
    ServiceSettings.model_validate(sound)
    with pytest.raises(ValidationError, match="FAILPOINTS: refused"):
        ServiceSettings.model_validate({**sound, "failpoints": "relay.read=kill"})
