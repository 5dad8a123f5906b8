"""The control of `vanishing-clients`: a transaction opened by hand in a handler that is cancelled with its client.

Nothing here is far-fetched: the pool, BEGIN and COMMIT are used as in many a first version, and a middleware saves
work for clients that have gone.
"""

import asyncio
import os
from typing import Any

import asyncpg
import uvicorn
from starlette.types import Receive, Scope, Send

TABLE = "CREATE TABLE IF NOT EXISTS reports (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL)"
POOL = 20


class Careless:
    """Keeps what it is sent; answers 201."""

    def __init__(self) -> None:
        self._pool: asyncpg.Pool[Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if self._pool is None:
            self._pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=POOL, max_size=POOL)
            await self._pool.execute(TABLE)
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        else:
            return
        working = asyncio.create_task(self._keep(body) if scope["method"] == "POST" else asyncio.sleep(0))
        leaving = asyncio.create_task(_disconnected(receive))
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            return
        leaving.cancel()
        status = 201 if scope["method"] == "POST" else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def _keep(self, body: bytes) -> None:
        assert self._pool is not None
        connection = await self._pool.acquire()
        await connection.execute("BEGIN")
        await connection.execute("INSERT INTO reports (body) VALUES ($1)", body.decode(errors="replace"))
        await asyncio.sleep(0.005)  # what else a handler does meanwhile
        await connection.execute("COMMIT")
        await self._pool.release(connection)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


if __name__ == "__main__":
    uvicorn.run(
        Careless(),
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
