"""Something between a client and its server that a test can freeze or cut: the two ways in which networks fail."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Passes bytes on to `target` (host, port) until it is told otherwise; without a target it only ever listens."""

    def __init__(self, target: tuple[str, int] | None = None, host: str = "127.0.0.1") -> None:
        self._target = target
        self._host = host
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.accepted = 0
        self.port = 0

    @classmethod
    async def before(cls, url: str) -> tuple["Proxy", str]:
        """A proxy before the server of that address, and the address that leads through it."""
        parts = urlsplit(url)
        assert parts.port is not None
        proxy = cls(("127.0.0.1", parts.port))
        await proxy.open()
        host = f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}"
        return proxy, urlunsplit(parts._replace(netloc=host))

    async def open(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._serve, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def freeze(self) -> None:
        """From now on connections are accepted, and nothing is answered."""
        self._flowing.clear()

    def thaw(self) -> None:
        """What was held goes on, and so does everything after it."""
        self._flowing.set()

    async def cut(self) -> None:
        """Every connection breaks, and new ones are refused until `open`."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                await self._join(reader, writer)
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._target is None:
            await asyncio.Event().wait()
            return
        await self._flowing.wait()
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._writers.add(far_writer)
        pumps = [asyncio.create_task(self._pump(*ends)) for ends in ((reader, far_writer), (far_reader, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            self._writers.discard(far_writer)
            far_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
