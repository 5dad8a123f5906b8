"""The load generator: a lean HTTP/1.1 client on raw sockets in a process of its own, so that it hardly costs the cores.

Reads one job as JSON from a file, writes one outcome as JSON to another. Closed loop: each connection asks again as
soon as it is answered. Open loop: requests leave by the clock at `rate` a second, whatever the answers do. A run
ends as soon as all has been asked and answered, and by itself when nobody answers any more.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
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
    """What came back. `created` holds (id, number, unix time of the answer) of every 201; latencies are in ms.

    `lost` counts what stayed without an answer, what could not even be sent for want of a connection included.
    """

    statuses: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    created: list[tuple[str, str, float]] = field(default_factory=list)
    first_refusal: str = ""
    lost: int = 0


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(
        self, answered: Callable[["_Connection", int, bytes], None], lost: Callable[["_Connection"], None]
    ) -> None:
        self._answered = answered
        self._lost = lost
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None
        self.busy_since = 0.0
        self.closing = False  # no further request on this connection: the server has said so, or we have done
        self.gone = False

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
        self.gone = True
        self._lost(self)

    def close(self) -> None:
        """Nothing more is asked."""
        self.closing = True
        if self._transport is not None:
            self._transport.close()


class Run:
    """One job under way."""

    def __init__(self, job: Job, patience: float = PATIENCE_SECONDS) -> None:
        self._job = job
        self._patience = patience
        self._heads = [tuple(part.encode() for part in head.split("{key}")) for head in job.heads]
        self._bodies = [body.encode() for body in job.bodies]
        self._sent = 0
        self._to_ask = 0 if job.rate is None else int(job.rate * job.seconds)  # what the clock has still to send
        self._open = 0
        self._outcome = Outcome()
        self._statuses: Counter[int] = Counter()
        self._deadline = 0.0
        self._over = asyncio.Event()
        self._made: list[_Connection] = []
        self._alive = 0
        self._idle: asyncio.Queue[_Connection] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    async def play(self) -> Outcome:
        """Connect, ask for as long as the job says, wait for the last answers."""
        async with asyncio.timeout(self._patience):
            connections = [await self._connect() for _ in range(self._job.connections)]
        self._alive = self._job.connections
        began = time.perf_counter()
        self._deadline = began + self._job.seconds
        for connection in connections:
            self._ready(connection, began)
        if self._job.rate is not None:
            self._in_background(self._by_the_clock(began, self._job.rate))
        await self._until_over()
        self._outcome.lost += self._open + self._to_ask
        self._outcome.seconds = time.perf_counter() - began
        for connection in self._made:
            connection.close()
        for task in self._tasks:
            task.cancel()
        self._outcome.statuses = {str(status): n for status, n in self._statuses.items()}
        return self._outcome

    async def _until_over(self) -> None:
        """Until all is asked and answered, or, everything being due, nobody has answered for as long as we wait."""
        answers = -1
        while answers != len(self._outcome.latencies) or time.perf_counter() < self._deadline:
            answers = len(self._outcome.latencies)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), self._patience)
                return

    async def _connect(self) -> _Connection:
        _, made = await asyncio.get_running_loop().create_connection(
            lambda: _Connection(self._answered, self._lost), self._job.host, self._job.port
        )
        self._made.append(made)
        return made

    async def _renew(self) -> None:
        """Another connection in the place of one that the server has closed between two requests."""
        try:
            self._ready(await self._connect(), time.perf_counter())
        except OSError:
            self._bury()

    async def _by_the_clock(self, began: float, rate: float) -> None:
        for nr in range(self._to_ask):
            due = began + nr / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            while (connection := await self._idle.get()).gone:
                pass  # its successor is or will be in the queue
            self._to_ask -= 1
            self._ask(connection, due)  # late when every connection was busy, and its latency says so
        self._end_if_done(time.perf_counter())

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
            self._in_background(self._renew())
        else:
            self._ready(connection, now)

    def _ready(self, connection: _Connection, now: float) -> None:
        """The connection may ask again, unless everything has been asked."""
        if self._job.rate is not None:
            self._idle.put_nowait(connection)
        elif now < self._deadline:
            self._ask(connection, now)
        self._end_if_done(now)

    def _lost(self, connection: _Connection) -> None:
        if connection.busy_since:
            self._outcome.lost += 1
            self._open -= 1
            self._bury()
        elif not connection.closing:
            self._in_background(self._renew())

    def _bury(self) -> None:
        self._alive -= 1
        self._end_if_done(time.perf_counter())

    def _end_if_done(self, now: float) -> None:
        asked = not self._to_ask if self._job.rate is not None else now >= self._deadline
        if not self._open and (asked or not self._alive):
            self._over.set()

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


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
