"""Telephones that answer over HTTP and remember under which ids each message came to them."""

import asyncio
import contextlib
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

Message = tuple[str, int, str]
"""What a person is told once: alert, rung, person."""


@dataclass(slots=True)
class Receivers:
    """One server for all of them. Of ten calls one is answered with 500, after it was heard."""

    chance: Random
    heard: dict[Message, set[str]] = field(default_factory=lambda: defaultdict(set))
    calls: int = 0
    unanswered: deque[str] = field(default_factory=lambda: deque(maxlen=1000))  # alerts that somebody may answer
    port: int = 0

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status of the answer."""
        told: dict[str, Any] = json.loads(body)
        self.heard[told["alertId"], told["rung"], told["personId"]].add(headers["x-delivery-id"])
        self.calls += 1
        self.unanswered.append(told["alertId"])
        return 500 if self.chance.random() < 0.1 else 200

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            _, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines if line)}
            status = self.take(headers, await reader.readexactly(int(headers["content-length"])))
            writer.write(f"HTTP/1.1 {status} Heard\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        writer.close()


@asynccontextmanager
async def receivers(chance: Random) -> AsyncIterator[Receivers]:
    """They listen for as long as the block lasts."""
    made = Receivers(chance)
    server = await asyncio.start_server(made._serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
