"""A backlog of events that is there at once: copies of one find under other identities, committed together."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.ids import new_id
from libs.common.outbox import shard_of
from tests.evidence.cluster import connected
from tests.evidence.effects import WrongEffect
from tests.evidence.system import System

_COLUMNS = ("shard", "event_id", "topic", "key", "type", "schema_id", "sequence", "time", "traceparent", "data")
_PATTERN = """
SELECT o.*, h.number FROM outbox o JOIN hazards h ON h.id = o.key::uuid
WHERE o.type = 'hazard-found' ORDER BY o.id DESC LIMIT 1
"""
_BEGUN = "SELECT pg_xact_commit_timestamp(xmin) FROM outbox WHERE event_id = $1"
_SENT = "SELECT max(published_at) FROM bus.messages WHERE topic = $1"
_TAKEN = "SELECT count(*), max(pg_xact_commit_timestamp(xmin)) FROM inbox WHERE event_id = ANY($1::uuid[])"


@dataclass(frozen=True, slots=True)
class Carried:
    """How many of the events a second were published, and how many were taken up with their effect committed."""

    published: float
    taken: float


async def carry(system: System, count: int) -> Carried:
    """Commits the backlog in one transaction and waits until notifications has taken it up; times are PostgreSQL's."""
    async with connected(system.urls["hazards"]) as hazards:
        pattern = await hazards.fetchrow(_PATTERN)
        assert pattern is not None, "nothing was reported yet"
        rows, ids = [], []
        for nr in range(count):
            event, key = new_id(), str(new_id())
            data = (
                pattern["data"].replace(pattern["key"], key).replace(pattern["number"], f"HZ-COPY-{key[:8]}-{nr:06d}")
            )
            copied = {**dict(pattern), "shard": shard_of(key), "event_id": event, "key": key, "data": data}
            rows.append(tuple(copied[name] for name in _COLUMNS))
            ids.append(event)
        await hazards.copy_records_to_table("outbox", records=rows, columns=_COLUMNS)
        begun: datetime = await hazards.fetchval(_BEGUN, ids[0])
    await system.caught_up()
    async with connected(system.environments["hazards"]["BUS_DATABASE_URL"]) as bus:
        sent: datetime = await bus.fetchval(_SENT, pattern["topic"])
    taken = await _taken(system, ids)
    return Carried(count / (sent - begun).total_seconds(), count / (taken - begun).total_seconds())


async def _taken(system: System, ids: list[UUID]) -> datetime:
    async with connected(system.urls["notifications"]) as notifications:
        found, last = await notifications.fetchrow(_TAKEN, ids) or (0, None)
    if found != len(ids) or last is None:
        raise WrongEffect(f"{found} of {len(ids)} events of the backlog were taken up")
    at: datetime = last
    return at
