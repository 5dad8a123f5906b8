"""Committed rows in the outbox of a real service database: what the relay finds after a busy time or an outage."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from libs.common.contracts.hazards import HazardFound
from libs.common.envelope import Event, new_event
from libs.common.ids import new_id
from libs.common.migrations import upgrade
from libs.common.outbox import UNPUBLISHED, shard_of
from tests.evidence.cluster import BenchCluster, connected

SOURCE = "hazards"
BEGAN = datetime(2026, 11, 20, 1, 2, 3, 456789, UTC)  # when all that was announced happened
_COLUMNS = ("shard", "event_id", "topic", "key", "type", "schema_id", "sequence", "time", "traceparent", "data")


async def service_database(cluster: BenchCluster, name: str) -> str:
    """An empty database of the hazards service; its address."""
    url = await cluster.create(name)
    await asyncio.to_thread(upgrade, SOURCE, url)
    return url


def finds(count: int, topic: str | None = None) -> list[Event]:
    """So many events as reports make them, each of a hazard of its own; for another topic than their own if asked."""
    events = [_find(nr) for nr in range(count)]
    return events if topic is None else [replace(event, topic=topic) for event in events]


async def announce(url: str, events: Sequence[Event]) -> None:
    """Puts the events into the outbox, as a commit long ago did."""
    rows = [
        (shard_of(e.key), e.id, e.topic, e.key, e.type, e.schema, e.sequence, e.time, e.traceparent, e.body)
        for e in events
    ]
    async with connected(url) as connection:
        await connection.copy_records_to_table("outbox", records=rows, columns=_COLUMNS)


async def analyze(url: str) -> None:
    """What autovacuum would have done since."""
    async with connected(url) as connection:
        await connection.execute("ANALYZE outbox")


async def unpublished(url: str) -> int:
    """How many rows the relay has not marked."""
    async with connected(url) as connection:
        left: int = await connection.fetchval(f"SELECT count(*) FROM {UNPUBLISHED}")
    return left


def _find(nr: int) -> Event:
    id = new_id()
    payload = HazardFound(
        hazard_id=id,
        number=f"HZ-410503-2026-{nr:06d}",
        version=1,
        state="reported",
        suggested_level="general",
        category="fire",
        source="grid",
        area_code="410503001002",
        area_path="410503001002",
        enterprise_id=new_id(),
        enterprise_name=f"安阳第{nr:06d}机械加工厂",
        handling="ordered",
        act_by=BEGAN,
        occurred_at=BEGAN,
    )
    return new_event(payload, key=id, sequence=1, now=BEGAN, source=SOURCE)
