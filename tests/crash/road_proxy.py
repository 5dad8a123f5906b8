"""`python -m tests.crash.road_proxy HOST PORT TARGET_PORT`: the last stretch of the road to a broker, told by stdin.

One word a line: `freeze` accepts and passes nothing on, `thaw` goes on, `cut` breaks and refuses, `open` listens again,
`slow SECONDS` holds everything back for so long in each direction. Every word is answered with itself once it is done.
"""

import asyncio
import sys
from contextlib import suppress

from tests.support.tcp import Proxy

_READ_BYTES = 65536


class Stretch(Proxy):
    """A proxy that can also be slow: bytes arrive in order, each `delay` seconds after they were sent."""

    delay = 0.0

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)
        carrier = asyncio.create_task(self._carry(held, writer))
        try:
            with suppress(ConnectionError):
                while data := await reader.read(_READ_BYTES):
                    await held.put((loop.time() + self.delay, data))
            await held.put((loop.time() + self.delay, b""))
            await carrier
        finally:
            carrier.cancel()

    async def _carry(self, held: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await held.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self._flowing.wait()
            if not data:
                return
            with suppress(ConnectionError):
                writer.write(data)
                await writer.drain()


async def obey(stretch: Stretch, words: list[str]) -> None:
    """Does one of the words above. Raises ValueError for another."""
    match words:
        case ["freeze"]:
            stretch.freeze()
        case ["thaw"]:
            stretch.thaw()
        case ["cut"]:
            await stretch.cut()
        case ["open"]:
            await stretch.open()
        case ["slow", seconds]:
            stretch.delay = float(seconds)
        case _:
            raise ValueError(f"unknown: {words}")


async def _main(host: str, port: int, target: int) -> None:
    stretch = Stretch(("127.0.0.1", target), host)
    stretch.port = port
    await stretch.open()
    print("open", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        await obey(stretch, line.split())
        print(line.strip(), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
