"""`python -m tests.crash.flaky_phones FOLDER SECONDS [DNS_ADDRESS]`: phones that fail in every way they can, then heal.

A path says what a phone does: `/<fault>/<times>/<number>` fails the first `times` calls for that number so, and then
answers 200. Some ports fail as a whole; the silent one and the names heal SECONDS after they were first called. What
was heard goes into `heard.json` when a line comes on stdin.
"""

import asyncio
import contextlib
import json
import socket
import struct
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from tests.crash.flaky_names import Names, Sickness

RETRY_AFTER = 2  # seconds
GOOD, MOODY, SLOW, REFUSING, RESETTING, SILENT = "good", "moody", "slow", "refusing", "resetting", "silent"
_OPEN_AND_SHUT = 1.5  # seconds that the refusing port is closed, then open
_TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x16"  # what a TLS port says to plain HTTP
_ENDLESS = b"x" * 65536
_RESET = struct.pack("ii", 1, 0)
_EARLIER = 0.05  # seconds by which `Retry-After` may be undercut: it is counted from when the answer left

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Heard:
    """What came for one number."""

    ids: list[str] = field(default_factory=list)
    taken: int = 0  # times that the message got through to whoever listens
    impatient: int = 0  # times that it came before `Retry-After` was over
    not_before: float = 0.0


class Phones:
    """All phones of one run."""

    def __init__(self, silent_seconds: float) -> None:
        self._silence = Sickness(silent_seconds)
        self.heard: dict[int, Heard] = defaultdict(Heard)
        self.strays = 0  # calls that no phone should ever get
        self.ports: dict[str, int] = {}
        self._connections = 0
        self._coming_and_going: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Every port listens; the refusing one comes and goes."""
        for name in (GOOD, MOODY, SLOW, RESETTING, SILENT, REFUSING):
            server = await asyncio.start_server(self._answers(name), "127.0.0.1", 0, backlog=1024)
            self.ports[name] = server.sockets[0].getsockname()[1]
        self._coming_and_going = asyncio.create_task(self._come_and_go(server))

    async def _come_and_go(self, server: asyncio.Server) -> None:
        while True:
            server.close()
            await asyncio.sleep(_OPEN_AND_SHUT)
            server = await asyncio.start_server(self._answers(REFUSING), "127.0.0.1", self.ports[REFUSING])
            await asyncio.sleep(_OPEN_AND_SHUT)

    def _answers(self, port: str) -> Answer:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(port, reader, writer)
            writer.close()

        return answer

    async def _answer(self, port: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if port == RESETTING:
            self._connections += 1
            if self._connections % 2:
                _reset(writer)
                return
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path = lines[0].split(" ")[1].split("/")
        if len(path) != 4:
            self.strays += 1
            return
        _, fault, times, number = path
        heard = self.heard[int(number)]
        heard.ids.append(_id_of(headers, body))
        heard.impatient += time.monotonic() < heard.not_before
        if port == SILENT and self._silence.lasts():
            fault = "slow"
        elif len(heard.ids) > int(times):
            fault = "none"
        await self._do(fault, heard, reader, writer)

    async def _do(self, fault: str, heard: Heard, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match fault:
            case "none":
                heard.taken += 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            case "lost-answer":
                heard.taken += 1
                _reset(writer)
            case "reset":
                _reset(writer)
            case "500":
                writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
            case "503" | "429":
                heard.not_before = time.monotonic() + RETRY_AFTER - _EARLIER
                wait = f"Retry-After: {RETRY_AFTER}\r\nContent-Length: 0"
                writer.write(f"HTTP/1.1 {fault} Wait\r\n{wait}\r\n\r\n".encode())
            case "slow":
                await reader.read()  # until the other side gives up
            case "half-answer":
                writer.write(b"HTTP/1.1 20")
            case "endless":
                heard.taken += 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
                while True:
                    writer.write(_ENDLESS)
                    await writer.drain()
            case "redirect":
                where = f"http://127.0.0.1:{self.ports[GOOD]}/elsewhere"
                writer.write(f"HTTP/1.1 307 Go\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode())
            case "garbage":
                writer.write(_TLS_ALERT)
            case _:
                self.strays += 1
        await writer.drain()

    def told(self) -> dict[str, object]:
        """Everything, as JSON can say it."""
        rows = {number: [one.ids, one.taken, one.impatient] for number, one in self.heard.items()}
        return {"strays": self.strays, "heard": rows}


def _id_of(headers: dict[str, str], body: bytes) -> str:
    """The id of a message; one that head and body do not agree on is none."""
    said = headers.get("x-delivery-id", "")
    return said if f'"deliveryId":"{said}"'.encode() in body else f"{said} is not what the body says"


def _reset(writer: asyncio.StreamWriter) -> None:
    """The connection breaks, without a goodbye."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _main(folder: Path, silent_seconds: float, dns: str) -> None:
    phones = Phones(silent_seconds)
    await phones.open()
    if dns:
        await Names.serve(dns, silent_seconds)
    fresh = folder / "ports.new"
    fresh.write_text(json.dumps(phones.ports))
    fresh.rename(folder / "ports.json")
    asked = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, asked.set)
    await asked.wait()
    (folder / "heard.json").write_text(json.dumps(phones.told()))


if __name__ == "__main__":
    uvloop.run(_main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]))
