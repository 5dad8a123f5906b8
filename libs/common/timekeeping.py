"""Keeps the clock of a process with that of its database, which all replicas of the service share."""

import asyncio
import contextlib
import time

from libs.common.clock import DATABASE_TIME, Clock
from libs.common.db import Database
from libs.common.errors import Busy
from libs.common.stopping import rest

_SQL = f"SELECT {DATABASE_TIME}"
_IMPATIENT = 0.5


class Timekeeper:
    """Asks the database for the time again and again; a sweeper does so as well, an HTTP side alone would not."""

    def __init__(self, db: Database, clock: Clock, *, every: float = 10.0) -> None:
        self._db = db
        self._clock = clock
        self._every = every

    async def ask(self) -> None:
        """Asks once. Raises Busy when the database is away."""
        asked = time.monotonic()
        (row,) = await self._db.alone(_SQL)
        self._clock.told(row[0], asked, time.monotonic())

    async def run(self, stop: asyncio.Event) -> None:
        """Asks until `stop` is set."""
        while not stop.is_set():
            pause = _IMPATIENT  # until the database is back: what is written first should have the right time
            with contextlib.suppress(Busy):
                await self.ask()
                pause = self._every
            await rest(stop, pause)
