"""A process is awaited until it answers, even when it first takes a connection and says nothing."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evidence import processes


@pytest.fixture
def alive() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that runs until it is told to end."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.communicate()


async def test_a_question_that_gets_no_answer_is_asked_again(
    alive: "subprocess.Popen[bytes]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_ANSWER_SECONDS", 0.2)
    silent: list[asyncio.StreamWriter] = []

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not silent:
            silent.append(writer)
            return
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        await processes.answering(alive, "127.0.0.1", port, "/health", tmp_path / "log")

    assert len(silent) == 1
    silent[0].close()
