"""Phones: a real HTTP receiver that misbehaves when told to, and fails the test on messages it did not expect."""

import asyncio
import json
from collections import defaultdict, deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

HUGE = 64 * 1024 * 1024


@dataclass
class Call:
    """One HTTP request as it came in, byte for byte."""

    phone: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body)
        return read

    @property
    def delivery_id(self) -> str:
        return self.headers["x-delivery-id"]


@dataclass
class Phone:
    """One address. `will` lists how it answers the next calls; after that it answers 200."""

    name: str
    url: str
    calls: deque[Call] = field(default_factory=deque)
    answers: deque[str] = field(default_factory=deque)

    def will(self, *answers: str) -> None:
        """`204`, `500`, …, `silent`, `reset`, `slow_body`, `huge_body`, `redirect <address>`, `garbage`, or
        `later <status> <seconds>`.
        """
        self.answers.extend(answers)

    def take(self) -> Call:
        """The oldest call not looked at yet. Fails if there is none."""
        assert self.calls, f"nobody called {self.name}"
        return self.calls.popleft()

    def take_all(self) -> list[Call]:
        """All calls not looked at yet."""
        taken = list(self.calls)
        self.calls.clear()
        return taken


class Phones:
    """All phones of one test. Calls that the test did not take when it ends fail it."""

    def __init__(self) -> None:
        self._phones: dict[str, Phone] = {}
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.hung_up = asyncio.Event()
        self.in_flight: defaultdict[str, int] = defaultdict(int)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        if kind is None:
            surprises = [f"{call.phone}: {call.message['text']}" for p in self._phones.values() for call in p.calls]
            assert not surprises, f"messages that the test did not expect: {surprises}"

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def phone(self, name: str) -> Phone:
        """The phone of that name, made when it is first asked for."""
        return self._phones.setdefault(name, Phone(name, f"http://127.0.0.1:{self.port}/{name}"))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._speak(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        phone = self.phone(unquote(head[0].split(" ")[1]).lstrip("/"))
        phone.calls.append(Call(phone.name, headers, body))
        answer = phone.answers.popleft() if phone.answers else "200"
        match answer.split(" "):
            case ["silent"]:
                self.in_flight[phone.name] += 1
                await reader.read()  # until the other side gives up
                self.hung_up.set()
            case ["reset"]:
                writer.transport.abort()
            case ["garbage"]:
                writer.write(b"\x00\x01 not HTTP at all\r\n\r\n")
            case ["slow_body"]:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n.")
                await writer.drain()
                await reader.read()
            case ["huge_body"]:
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {HUGE}\r\n\r\n".encode())
                for _ in range(HUGE // 65536):
                    writer.write(b"x" * 65536)
                    await writer.drain()
            case ["redirect", where]:
                writer.write(f"HTTP/1.1 307 Elsewhere\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode())
            case ["later", status, seconds]:
                writer.write(f"HTTP/1.1 {status} Later\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\n\r\n".encode())
            case [status]:
                writer.write(f"HTTP/1.1 {status} Said\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        if not writer.transport.is_closing():
            await writer.drain()
