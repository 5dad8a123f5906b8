"""Asks a service that may die at any moment: every request is answered at last, however often it must be sent again."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

ANSWER_SECONDS = 15.0
_AGAIN_SECONDS = 0.05
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `unknown` is how often before it nobody could say whether the change was made."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    unknown: int

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass(slots=True)
class Unsettled:
    """How often an answer did not come (connection lost, nothing in time) or said that it could not tell (5xx)."""

    lost: int = 0
    refused: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return self.lost + sum(self.refused.values())


class GaveUp(RuntimeError):
    """The service was not there again in time: nothing can be said about the request."""


class Asker:
    """One keep-alive connection, made again whenever it breaks; one request at a time."""

    def __init__(self, port: Callable[[], int], token: str, unsettled: Unsettled, *, patience: float = 120.0) -> None:
        """`patience` is for how long (seconds) one request is repeated before GaveUp."""
        self._port = port
        self._token = token
        self._unsettled = unsettled
        self._patience = patience
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def settle(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = _NO_HEADERS
    ) -> Answer:
        """The answer to this request, sent again unchanged (its Idempotency-Key included) until one comes that is
        none of the server's faults. Raises GaveUp."""
        give_up = asyncio.get_running_loop().time() + self._patience
        unknown = 0
        while asyncio.get_running_loop().time() < give_up:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    status, heads, content = await self._ask(method, path, body, headers)
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                self._unsettled.lost += 1
            else:
                if status < 500:
                    return Answer(status, heads, content, unknown)
                self._unsettled.refused[status] = self._unsettled.refused.get(status, 0) + 1
            unknown += 1
            self.close()
            await asyncio.sleep(_AGAIN_SECONDS)
        raise GaveUp(f"{method} {path}: no answer in {self._patience} s")

    def close(self) -> None:
        """Nothing more is asked over this connection."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def _ask(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port())
        lines = [f"{method} {path} HTTP/1.1", "Host: crash", f"Authorization: Bearer {self._token}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body and "Content-Type" not in headers:
            lines.append("Content-Type: application/json")
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
        self._writer.write(head.encode() + body)
        status, *rest = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest if line)}
        content = await self._reader.readexactly(int(found.get("content-length", "0")))
        if found.get("connection", "").lower() == "close":
            self.close()
        return int(status.split(" ")[1]), found, content
