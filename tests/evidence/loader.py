"""The load generator: a lean HTTP/1.1 client on raw sockets in a process of its own, so that it hardly costs the cores.

Reads one job as JSON from a file, writes one outcome as JSON to another. Closed loop: each connection asks again as
soon as it is answered. Open loop: requests leave by the clock at `rate` a second, whatever the answers do.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

import uvloop

PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask, of whom, how often. `{key}` in a head stands for a fresh idempotency key."""

    host: str
    port: int
    heads: list[str]
    bodies: list[str]
    connections: int
    seconds: float
    key_prefix: str
    rate: float | None = None


@dataclass(slots=True)
class Outcome:
    """What came back. `created` holds (id, number, unix time of the answer) of every 201; latencies are in ms."""

    statuses: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    created: list[tuple[str, str, float]] = field(default_factory=list)
    first_refusal: str = ""
    lost: int = 0


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, answered: Callable[["_Connection", int, bytes], None], lost: Callable[[], None]) -> None:
        self._answered = answered
        self._lost = lost
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None
        self.busy_since = 0.0
        self.closing = False  # the server has said that it takes no further request on this connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's transports inherit from nothing

    def ask(self, request: bytes, since: float) -> None:
        """Send one request; its latency counts from `since`, which in an open loop is when it should have left."""
        assert self._transport is not None
        self.busy_since = since
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = buffer[:end].lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(buffer) < end + 4 + length:
            return
        self._buffer = b""
        self.closing = b"\r\nconnection: close" in head
        self._answered(self, int(buffer[9:12]), buffer[end + 4 :])

    def connection_lost(self, exc: Exception | None) -> None:
        if self.busy_since:
            self._lost()

    def close(self) -> None:
        """Nothing more is asked."""
        if self._transport is not None:
            self._transport.close()


class Run:
    """One job under way."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._heads = [tuple(part.encode() for part in head.split("{key}")) for head in job.heads]
        self._bodies = [body.encode() for body in job.bodies]
        self._sent = 0
        self._open = 0
        self._outcome = Outcome()
        self._statuses: Counter[int] = Counter()
        self._deadline = 0.0
        self._over = asyncio.Event()
        self._idle: deque[_Connection] = deque()
        self._free = asyncio.Semaphore(job.connections)
        self._renewing: set[asyncio.Task[None]] = set()

    async def play(self) -> Outcome:
        """Connect, ask for as long as the job says, wait for the last answers."""
        connections = [await self._connect() for _ in range(self._job.connections)]
        began = time.perf_counter()
        self._deadline = began + self._job.seconds
        if self._job.rate is None:
            for connection in connections:
                self._ask(connection, time.perf_counter())
        else:
            self._idle.extend(connections)
            await self._by_the_clock(began, self._job.rate)
        try:
            await asyncio.wait_for(self._over.wait(), self._job.seconds + PATIENCE_SECONDS)
        except TimeoutError:
            self._outcome.lost += self._open
        self._outcome.seconds = time.perf_counter() - began
        for connection in connections:
            connection.busy_since = 0.0
            connection.close()
        self._outcome.statuses = {str(status): n for status, n in self._statuses.items()}
        return self._outcome

    async def _connect(self) -> _Connection:
        _, made = await asyncio.get_running_loop().create_connection(
            lambda: _Connection(self._answered, self._lost), self._job.host, self._job.port
        )
        return made

    async def _renew(self) -> None:
        """Another connection in the place of one that the server closes after every answer."""
        try:
            self._ready(await self._connect(), time.perf_counter())
        except OSError:
            self._outcome.lost += 1

    async def _by_the_clock(self, began: float, rate: float) -> None:
        for nr in range(int(rate * self._job.seconds)):
            due = began + nr / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            await self._free.acquire()  # when every connection is busy the request is late, and its latency says so
            self._ask(self._idle.popleft(), due)
        if not self._open:
            self._over.set()

    def _ask(self, connection: _Connection, since: float) -> None:
        nr = self._sent
        self._sent += 1
        self._open += 1
        head = (b"%s-%08d" % (self._job.key_prefix.encode(), nr)).join(self._heads[nr % len(self._heads)])
        connection.ask(head + self._bodies[nr % len(self._bodies)], since)

    def _answered(self, connection: _Connection, status: int, body: bytes) -> None:
        now = time.perf_counter()
        self._open -= 1
        self._statuses[status] += 1
        self._outcome.latencies.append((now - connection.busy_since) * 1000)
        connection.busy_since = 0.0
        if status == 201:
            self._outcome.created.append((_text(body, b'"id":"'), _text(body, b'"number":"'), time.time()))
        elif not 200 <= status < 300 and not self._outcome.first_refusal:
            self._outcome.first_refusal = body[:500].decode(errors="replace")
        if connection.closing:
            task = asyncio.ensure_future(self._renew())
            self._renewing.add(task)
            task.add_done_callback(self._renewing.discard)
        else:
            self._ready(connection, now)

    def _ready(self, connection: _Connection, now: float) -> None:
        """The connection may ask again, unless everything has been asked."""
        if self._job.rate is not None:
            self._idle.append(connection)
            self._free.release()
        elif now < self._deadline:
            self._ask(connection, now)
        if not self._open and now >= self._deadline:
            self._over.set()

    def _lost(self) -> None:
        self._outcome.lost += 1
        self._open -= 1
        if not self._open:
            self._over.set()


def _text(body: bytes, before: bytes) -> str:
    """The text value that follows the first `before`; cheaper than reading the whole document."""
    at = body.find(before)
    if at < 0:
        return ""
    return body[at + len(before) : body.index(b'"', at + len(before))].decode()


async def _main(job: Job) -> Outcome:
    return await Run(job).play()


if __name__ == "__main__":
    asked, told = Path(sys.argv[1]), Path(sys.argv[2])
    told.write_text(json.dumps(asdict(uvloop.run(_main(Job(**json.loads(asked.read_text())))))))
