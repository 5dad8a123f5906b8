"""Waiting until a system that was broken has nothing left to do, and saying what is left when it gets no further."""

import asyncio
from collections import Counter
from collections.abc import Mapping

import asyncpg

from libs.common.outbox import UNPUBLISHED
from tests.evidence.cluster import connected

_LOOK_SECONDS = 0.5
_SOON = "10 minutes"  # a clock that rings within this time belongs to what is going on now

_UNPUBLISHED = f"SELECT count(*) FROM {UNPUBLISHED}"
_DUE = f"SELECT count(*) FROM timers WHERE due_at < clock_timestamp() + interval '{_SOON}'"
_COUNTS: Mapping[str, Mapping[str, str]] = {
    "registry": {
        "events of the registry not published": _UNPUBLISHED,
        "imports not ended": "SELECT count(*) FROM imports WHERE state IN ('queued', 'running')",
    },
    "hazards": {
        "events of hazards not published": _UNPUBLISHED,
        "clocks of hazards that did not ring": _DUE,
        "cell changes not folded": "SELECT count(*) FROM counter_deltas",
    },
    "notifications": {
        "events of notifications not published": _UNPUBLISHED,
        "ladders that were not looked at": _DUE,
        "messages neither delivered nor given up": "SELECT count(*) FROM deliveries WHERE state = 'pending'",
    },
}
_ANNOUNCED = "SELECT count(*) FROM outbox"
_TAKEN = "SELECT count(*) FROM inbox"


async def settled(urls: Mapping[str, str], patience: float) -> Counter[str]:
    """What is left undone; nothing, as a rule. Waits as long as it becomes less, and `patience` seconds longer.

    `patience` must be longer than any lease: what a dead process held is free again by then.
    """
    loop = asyncio.get_running_loop()
    least, moved = 0, loop.time()
    first = True
    while True:
        left = await _left(urls)
        if not left:
            return left
        if first or left.total() < least:
            first, least, moved = False, left.total(), loop.time()
        if loop.time() - moved > patience:
            return left
        await asyncio.sleep(_LOOK_SECONDS)


async def _left(urls: Mapping[str, str]) -> Counter[str]:
    left: Counter[str] = Counter()
    announced: dict[str, int] = {}
    taken: dict[str, int] = {}
    for service, counts in _COUNTS.items():
        async with connected(urls[service]) as connection:
            for what, sql in counts.items():
                left[what] = await _one(connection, sql)
            announced[service] = await _one(connection, _ANNOUNCED)
            if service != "registry":
                taken[service] = await _one(connection, _TAKEN)
    left["events not taken up by hazards"] = announced["registry"] - taken["hazards"]
    left["events not taken up by notifications"] = announced["registry"] + announced["hazards"] - taken["notifications"]
    return Counter({what: count for what, count in left.items() if count})


async def _one(connection: "asyncpg.Connection[asyncpg.Record]", sql: str) -> int:
    count: int = await connection.fetchval(sql)
    return count
