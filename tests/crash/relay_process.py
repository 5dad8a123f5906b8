"""A relay of the toy service in a process of its own: `python -m tests.crash.relay_process DATABASE KIND LOG HOLDER`.

With `--naive TOPIC` it is the control: it remembers the last id and reads what is above it, into that topic. Asked to
stop, it first comes to the end of what it sees.
"""

import argparse
import asyncio
from dataclasses import replace
from typing import cast

from libs.common.bus.base import Bus
from libs.common.clock import SystemClock
from libs.common.db import Database
from libs.common.envelope import to_message
from libs.common.logs import configure_logs
from libs.common.relay import Relay, event_of
from libs.common.runner import Loop, run, serve
from libs.common.stopping import rest
from tests.support import toyservice as toys
from tests.support.bus import Kind, make_bus

_AT_ONCE = 2000
_IDLE_SECONDS = 0.02


class NaiveRelay:
    """Reads `id > last`: what commits after a higher id was read is never sent."""

    def __init__(self, db: Database, bus: Bus, topic: str) -> None:
        self._db = db
        self._bus = bus
        self._topic = topic

    async def run(self, stop: asyncio.Event) -> None:
        last = 0
        while True:
            ending = stop.is_set()
            sql = "SELECT * FROM outbox WHERE id > $1 ORDER BY id LIMIT $2"
            rows = await self._db.alone(sql, last, _AT_ONCE)
            if rows:
                events = [replace(event_of(row, toys.SOURCE), topic=self._topic) for row in rows]
                await self._bus.publish([to_message(event) for event in events])
                last = rows[-1]["id"]
            elif ending:
                return
            else:
                await rest(stop, _IDLE_SECONDS)


async def main(database: str, kind: Kind, address: str, holder: str, naive: str | None) -> None:
    """Relays until told to stop."""
    configure_logs(holder, "WARNING")
    db = Database(database, pool_size=3, application_name=holder)
    bus = make_bus(kind, address)
    await bus.start()
    relay = NaiveRelay(db, bus, naive) if naive else Relay(db, bus, SystemClock(), holder=holder, source=toys.SOURCE)
    try:
        await serve(None, [Loop(holder, relay.run)], host="", port=0)
    finally:
        await bus.stop()
        await db.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.crash.relay_process")
    for name in ("database", "kind", "address", "holder"):
        parser.add_argument(name)
    parser.add_argument("--naive")
    asked = parser.parse_args()
    run(main(asked.database, cast(Kind, asked.kind), asked.address, asked.holder, asked.naive))
