"""A client that is gone without a word holds its socket for a minute at most: the service asks whether it is there."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from deploy.local.ports import free_port
from libs.common.db import Database
from libs.common.runner import _server
from tests.support.toyapp import create_toy_app
from tests.support.waiting import until

KEEPALIVE = "02"  # which timer of a connection runs, as /proc/net/tcp writes it


def timers_at(port: int) -> list[str]:
    """The timer of every connection that clients have with the port, as the service's end has it."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row[5].split(":")[0] for row in rows if int(row[1].split(":")[1], 16) == port and row[3] == "01"]


@asynccontextmanager
async def serving(server: uvicorn.Server) -> AsyncIterator[None]:
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield
    server.should_exit = True
    await task


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux shows the timers of its connections")
@pytest.mark.parametrize("kind", ["ours", "control"])
async def test_half_a_request_is_watched(db: Database, kind: str) -> None:
    port, app = free_port(), create_toy_app(db)
    ours = _server(app, "127.0.0.1", port)
    server = ours if kind == "ours" else uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    assert server is not None
    async with serving(server):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"POST /v1/things HTTP/1.1\r\nHost: toys\r\nContent-Le")
            await until(lambda: len(timers_at(port)) == 1)
            assert timers_at(port) == [KEEPALIVE if kind == "ours" else "00"]
