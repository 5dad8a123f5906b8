"""The control of `broker-away`: an API that publishes to the broker before it answers, as is done without an outbox."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import uvicorn
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import FastAPI, Request, Response

from libs.common.ids import new_id

PUBLISH_SECONDS = 3.0


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=8)
    app.state.producer = AIOKafkaProducer(bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"], acks="all")
    await app.state.pool.execute("CREATE TABLE IF NOT EXISTS things (id uuid PRIMARY KEY)")
    await app.state.producer.start()
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=_lifespan)


@app.get("/readyz")
async def ready() -> dict[str, str]:
    """Whether it runs."""
    return {"status": "ready"}


@app.post("/things")
async def make(request: Request) -> Response:
    """Writes a row and publishes, both before the answer: whoever asks pays for the broker."""
    one = new_id()
    await request.app.state.pool.execute("INSERT INTO things (id) VALUES ($1)", one)
    try:
        message = json.dumps({"id": str(one)}).encode()
        async with asyncio.timeout(PUBLISH_SECONDS):
            await request.app.state.producer.send_and_wait(os.environ["TOPIC"], message, key=one.bytes)
    except (KafkaError, TimeoutError):
        return Response(b"{}", 503, media_type="application/json")
    return Response(json.dumps({"id": str(one)}).encode(), 201, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
