"""A process that sweeps nothing tells the time of its database as well, and asks again until it is there."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from libs.common import clock as clocks
from libs.common.clock import SystemClock
from libs.common.db import Database, Record
from libs.common.errors import DatabaseUnavailable
from libs.common.timekeeping import Timekeeper
from tests.support.waiting import until

HOUR = timedelta(hours=1)


class HourAhead(datetime):
    """What `datetime` says on a machine that is wrong."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) + HOUR


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SystemClock:
    monkeypatch.setattr(clocks, "datetime", HourAhead)
    return SystemClock()


def is_right(clock: SystemClock) -> bool:
    return abs(clock.now() - datetime.now(UTC)) < HOUR / 2


async def test_asked_once_the_clock_is_right(db: Database, clock: SystemClock) -> None:
    assert not is_right(clock), "the machine must be wrong, or nothing is shown"
    await Timekeeper(db, clock).ask()
    assert is_right(clock)


async def test_it_asks_until_the_database_is_there(db: Database, clock: SystemClock) -> None:
    class Away(Database):
        tries = 0

        async def alone(self, sql: str, *args: object) -> list[Record]:
            self.tries += 1
            if self.tries < 2:
                raise DatabaseUnavailable
            return await db.alone(sql, *args)

    stop = asyncio.Event()
    away = Away("postgresql://127.0.0.1:1/nowhere")
    keeping = asyncio.create_task(Timekeeper(away, clock).run(stop))

    async def right() -> bool:
        return is_right(clock)

    await until(right)
    stop.set()
    await keeping
    await away.close()
    assert away.tries >= 2
