"""The only clock of the system: rules get `now` as a parameter, loops wait on this object."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
DATABASE_TIME = "clock_timestamp()"  # what a statement asks the database in order to tell it to `told`


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock."""
        ...

    def told(self, there: datetime, asked: float, heard: float) -> None:
        """The database said that it is `there`; we asked and heard at these instants of `time.monotonic()`."""
        ...


class SystemClock:
    """The time of the service's database as soon as that has told it; until then the machine's own.

    All replicas of a service share one database, hence one time: a machine whose clock is an hour off neither misses a
    deadline early nor writes a wrong hour into a log. Between two tellings the monotonic clock carries it on, which
    nobody can set. It is never ahead of what the database said: an answer is taken to be as old as it may be, so that
    we are behind by at most the time of one round trip.
    """

    def __init__(self) -> None:
        self._ahead: float | None = None  # seconds since 1970 at the zero of the monotonic clock

    def now(self) -> datetime:
        if self._ahead is None:
            return datetime.now(UTC)
        return datetime.fromtimestamp(self._ahead + time.monotonic(), UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def told(self, there: datetime, asked: float, heard: float) -> None:
        instant = there.timestamp()
        least, most = instant - heard, instant - asked
        if self._ahead is None or not least <= self._ahead <= most:
            self._ahead = least
