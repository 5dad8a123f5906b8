"""What stands between a service and its PostgreSQL and lets one COMMIT in fifty fail, in the ways in which they fail.

It reads the protocol, so whatever way the code takes to its COMMIT, it meets the same misfortune:

* `refused`: the server answers with an error and rolls back, as a deferred constraint does;
* `undone`: the server answers ROLLBACK and no error, as it does when a failed statement was passed over;
* `cut before`: the connection breaks before the server hears of the COMMIT;
* `cut after`: the transaction is committed, and the connection breaks before the answer is heard.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Final, Literal, get_args
from urllib.parse import urlsplit, urlunsplit

ONE_IN: Final = 50

Misfortune = Literal["refused", "undone", "cut before", "cut after"]
MISFORTUNES: Final[tuple[Misfortune, ...]] = get_args(Misfortune)

_SSL_REQUEST: Final = 80877103
_ROLLBACK: Final = b"Q" + struct.pack("!I", 4 + 9) + b"ROLLBACK\0"
_FIELDS: Final = b"SERROR\0VERROR\0C23000\0Mrefused in COMMIT\0\0"
_REFUSAL: Final = b"E" + struct.pack("!I", 4 + len(_FIELDS)) + _FIELDS + b"Z" + struct.pack("!I", 5) + b"I"


class UnluckyCommits:
    """The proxy. `seen` counts COMMITs, `met` those that failed: one of every fifty, wherever chance puts it among
    them, and each misfortune as often as the others."""

    def __init__(self, port: int, dice: Random) -> None:
        self._port = port
        self._dice = dice
        self.lucky = True  # while everything starts
        self.seen = 0
        self._unlucky = 0
        self._fates: list[Misfortune] = []
        self.met: Counter[Misfortune] = Counter()

    @classmethod
    @asynccontextmanager
    async def before(cls, url: str, dice: Random) -> AsyncIterator[tuple["UnluckyCommits", str]]:
        """The proxy before the server of that address, and the address that leads through it."""
        parts = urlsplit(url)
        assert parts.port is not None
        proxy = cls(parts.port, dice)
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        host = f"{parts.username}:{parts.password}@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield proxy, urlunsplit(parts._replace(netloc=host))
        finally:
            server.close()

    def draw(self) -> Misfortune | None:
        """What becomes of the COMMIT that was just seen; None is luck."""
        if self.lucky:
            return None
        if self.seen % ONE_IN == 0:
            self._unlucky = self.seen + self._dice.randrange(ONE_IN)
        self.seen += 1
        if self.seen - 1 != self._unlucky:
            return None
        if not self._fates:
            self._fates = self._dice.sample(MISFORTUNES, len(MISFORTUNES))
        drawn = self._fates.pop()
        self.met[drawn] += 1
        return drawn

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        passage = _Passage(self, writer, far_writer)
        directions = [asyncio.create_task(passage.asks(reader)), asyncio.create_task(passage.answers(far_reader))]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            writer.transport.abort()
            far_writer.transport.abort()


class _Passage:
    """One connection: what the client says is read message by message, what the server says is passed on as it is."""

    def __init__(self, luck: UnluckyCommits, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._luck = luck
        self._client = client
        self._server = server
        self._fate: Misfortune | None = None

    async def asks(self, reader: asyncio.StreamReader) -> None:
        """From the client, until it ends or is cut off."""
        with suppress(OSError, asyncio.IncompleteReadError):
            code = _SSL_REQUEST
            while code == _SSL_REQUEST:  # refused by the server, and followed by the real beginning
                head = await reader.readexactly(8)
                size, code = struct.unpack("!II", head)
                self._server.write(head + await reader.readexactly(size - 8))
            while True:
                head = await reader.readexactly(5)
                message = head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)
                fate = self._luck.draw() if _is_commit(message) else None
                if fate == "cut before":
                    return
                self._fate = fate
                self._server.write(_ROLLBACK if fate in ("refused", "undone") else message)

    async def answers(self, reader: asyncio.StreamReader) -> None:
        """From the server, until it ends or is cut off."""
        with suppress(OSError):
            while data := await reader.read(65536):
                fate, self._fate = self._fate, None
                if fate == "cut after":
                    return
                self._client.write(_REFUSAL if fate == "refused" else data)


def _is_commit(message: bytes) -> bool:
    """A simple query that ends in COMMIT; the drivers in use send it in no other way."""
    return message[:1] == b"Q" and message[5:].rstrip(b"\0; \n").upper().endswith(b"COMMIT")
