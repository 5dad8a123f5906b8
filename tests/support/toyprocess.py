"""The toy service as a process, wired as every service is: `python -m tests.support.toyprocess`.

DATABASE_URL, BUS, BUS_DATABASE_URL, KAFKA_BOOTSTRAP_SERVERS and PORT say with what. Beside the routes of the toy app it
has `POST /v1/slow?seconds=`, which holds its transaction open for so long between its two writes. UNRULY names loops
that misbehave (`deaf`, `blocking`, `crashing`).
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter, Response

from libs.common.bus import BusUnavailable, TopicSpec, create_bus
from libs.common.bus.base import Bus
from libs.common.clock import SystemClock
from libs.common.consumer import Consumer
from libs.common.db import Database, Tx
from libs.common.logs import configure_logs
from libs.common.relay import Relay
from libs.common.runner import Loop, run, serve
from libs.common.settings import ServiceSettings
from libs.common.timers import Sweeper, Timer
from tests.support import toyservice as toys
from tests.support.toyapp import ThingIn, create_toy_app

CLOCK = SystemClock()


def slow_router(db: Database) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/slow")
    async def make_slowly(body: ThingIn, seconds: float) -> Response:
        async with db.transaction() as tx:
            await toys.make_things(tx, [body.command()], CLOCK.now())
            await tx.flush()
            await asyncio.sleep(seconds)
            await toys.happen(tx, [body.id], "finished", CLOCK.now())
        return Response(status_code=201)

    return router


async def fire(tx: Tx, timers: Sequence[Timer], now: datetime) -> None:
    await toys.happen(tx, [timer.subject_id for timer in timers], "fired", now)


def loops(db: Database, bus: Bus) -> list[Loop]:
    """What the worker of every service runs."""

    async def relay(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await bus.ensure_topics([TopicSpec(toys.TOPIC)])
                break
            except BusUnavailable:
                await asyncio.sleep(0.2)
        await Relay(db, bus, CLOCK, holder=f"toy-{os.getpid()}", source=toys.SOURCE).run(stop)

    consumer = Consumer("toys", db, bus, [toys.TOPIC], toys.apply_changes, CLOCK)
    sweeper = Sweeper("toys", db, CLOCK, "things", fire)
    return [
        Loop("relay", relay),
        Loop("consumer", consumer.run),
        Loop("timers", sweeper.run),
        *(Loop(name, UNRULY[name]) for name in os.environ.get("UNRULY", "").split()),
    ]


async def deaf(_: asyncio.Event) -> None:
    """A loop that does not listen, not even to being cancelled."""
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def blocking(stop: asyncio.Event) -> None:
    """A loop that blocks everything when asked to stop."""
    await stop.wait()
    time.sleep(60)  # noqa: ASYNC251


async def crashing(_: asyncio.Event) -> None:
    """A loop that fails at once, again and again."""
    raise RuntimeError("as it always does")


UNRULY = {"deaf": deaf, "blocking": blocking, "crashing": crashing}


async def main() -> None:
    settings = ServiceSettings()
    configure_logs("toys", "WARNING")
    db = Database(settings.database_url, pool_size=6, application_name="toyprocess")
    bus = create_bus(
        settings.bus,
        bus_database_url=settings.bus_database_url,
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers,
    )
    await bus.start()
    app = create_toy_app(db, CLOCK, routers=(slow_router(db),))
    await serve(app, loops(db, bus), host="127.0.0.1", port=settings.port)
    await bus.stop()
    await db.close()


if __name__ == "__main__":
    run(main())
