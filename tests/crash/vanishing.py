"""Clients that vanish: which requests they make, how far they come, and how they go."""

import asyncio
import contextlib
import json
import socket
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from libs.common.ids import new_id
from tests.crash.hazards_desk import report
from tests.evidence.load import REPORT
from tests.support.registry import areas_csv

BATCH = 20
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST and drops what was not sent
_TCP_REPAIR = 19  # closing says nothing at all to the other side, as a phone that loses its network
_FULL = "\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as bytes, up to where the client comes, and what will be known of it by its key."""

    data: bytes
    whole: bool
    key: str = ""
    items: int = 0


@dataclass(slots=True)
class Told:
    """What was sent: keys of whole requests with their items, keys of requests cut off, how often each way was gone."""

    whole: dict[str, int] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)
    ways: Counter[str] = field(default_factory=Counter)


class Vanisher:
    """Makes requests of one token to the services at these ports, and goes."""

    def __init__(self, ports: dict[str, int], token: str, dice: Random, *, silently: bool) -> None:
        """`silently`: some go without a word, which only the root of this machine can play."""
        self._ports = ports
        self._token = token
        self._dice = dice
        self._silently = silently
        self.told = Told()
        self._ways: tuple[tuple[str, Callable[[], Request], str], ...] = (
            ("nothing said", lambda: Request(b"", False), "hazards"),
            ("half a head", self._half_head, "hazards"),
            ("half a body", self._half_body, "hazards"),
            ("half a chunk", self._half_chunk, "hazards"),
            ("whole report", self._report, "hazards"),
            ("whole report and half of the next", self._report_and_half, "hazards"),
            ("whole batch", self._batch, "hazards"),
            ("half a batch", self._half_batch, "hazards"),
            ("a list", lambda: self._get(f"{REPORT}?limit=200"), "hazards"),
            ("half an upload", self._half_upload, "registry"),
            ("whole upload", self._upload, "registry"),
            ("an export", lambda: self._get("/v1/enterprises?limit=200"), "registry"),
        )

    async def vanish(self) -> None:
        """One client."""
        name, make, service = self._dice.choice(self._ways)
        request = make()
        self.told.ways[name] += 1
        if request.key and request.whole:
            self.told.whole[request.key] = request.items
        elif request.key:
            self.told.cut.append(request.key)
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(20):
                await self._go(self._ports[service], request)

    async def _go(self, port: int, request: Request) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", port))
            if request.data:
                await loop.sock_sendall(client, request.data)
            stay = self._dice.random()
            if stay < 0.4:  # before, in the middle of, or after the work
                await asyncio.sleep(self._dice.random() * 0.02)
            elif stay < 0.6 and request.whole:  # in the middle of the answer
                await loop.sock_recv(client, 40)
            manner = self._dice.random()
            if self._silently and not request.whole and manner < 0.05:
                client.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
            elif manner < 0.6:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            elif manner < 0.7:
                client.shutdown(socket.SHUT_WR)
                await asyncio.sleep(self._dice.random() * 0.01)

    def _head(self, method: str, path: str, *lines: str) -> str:
        return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: crash", f"Authorization: Bearer {self._token}", *lines])

    def _post(self, path: str, body: bytes, key: str, kind: str = "application/json") -> bytes:
        lines = (f"Content-Type: {kind}", f"Content-Length: {len(body)}", f"Idempotency-Key: {key}")
        return (self._head("POST", path, *lines) + _FULL).encode() + body

    def _get(self, path: str) -> Request:
        return Request((self._head("GET", path) + _FULL).encode(), True)

    def _part(self, data: bytes, start: int = 1) -> bytes:
        """Up to anywhere, the end excepted."""
        return data[: self._dice.randrange(start, len(data))]

    def _half_head(self) -> Request:
        data = self._report().data
        return Request(data[: self._dice.randrange(1, data.index(b"\r\n\r\n") + 3)], False)

    def _report(self) -> Request:
        key = f"one-{new_id()}"
        return Request(self._post(REPORT, report(key), key), True, key, 1)

    def _half_body(self) -> Request:
        request = self._report()
        start = request.data.index(b"\r\n\r\n") + 4
        return Request(self._part(request.data, start), False, request.key, 1)

    def _report_and_half(self) -> Request:
        request, following = self._report(), self._half_body()
        self.told.cut.append(following.key)
        return Request(request.data + following.data, True, request.key, 1)

    def _half_chunk(self) -> Request:
        key = f"one-{new_id()}"
        body = report(key)
        lines = ("Content-Type: application/json", "Transfer-Encoding: chunked", f"Idempotency-Key: {key}")
        data = (self._head("POST", REPORT, *lines) + _FULL).encode() + b"%x\r\n" % len(body) + body
        return Request(self._part(data + b"\r\n0\r\n\r\n", len(data) - len(body)), False, key, 1)

    def _batch(self) -> Request:
        key = f"batch-{new_id()}"
        return Request(self._post(f"{REPORT}/batch", batch(key), key), True, key, BATCH)

    def _half_batch(self) -> Request:
        request = self._batch()
        start = request.data.index(b"\r\n\r\n") + 4
        return Request(self._part(request.data, start), False, request.key, BATCH)

    def _upload(self) -> Request:
        key = f"file-{new_id()}"
        content = areas_csv() + b"\r\n" * self._dice.choice((0, 0, 0, 30_000))  # the longer ones come in several pieces
        return Request(self._post("/v1/imports/areas", *_form(content, key)), True, key)

    def _half_upload(self) -> Request:
        key = f"file-{new_id()}"
        content = bytes(self._dice.choice((2_000, 300_000, 2_000_000)))  # the longest go to a file on the way
        data = self._post("/v1/imports/enterprises", *_form(content, key))
        return Request(self._part(data, data.index(b"\r\n\r\n") + 4), False, key)


def batch(key: str) -> bytes:
    """The body of a batch of reports, all at the place that is its key."""
    return json.dumps({"items": [json.loads(report(key))] * BATCH}, ensure_ascii=False).encode()


def _form(content: bytes, key: str) -> tuple[bytes, str, str]:
    """A file as browsers send it: body, key, content type."""
    head = '--edge\r\nContent-Disposition: form-data; name="file"; filename="f"\r\nContent-Type: text/csv\r\n\r\n'
    return head.encode() + content + b"\r\n--edge--\r\n", key, "multipart/form-data; boundary=edge"
