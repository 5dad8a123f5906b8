"""A database of before is taken over: what was flagged as published counts as published, and only that."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from libs.common.migrations import downgrade, upgrade
from libs.common.outbox import SHARDS, UNPUBLISHED

_ROWS = """
INSERT INTO outbox (shard, event_id, topic, key, type, schema_id, sequence, time, data, published_at)
SELECT n % $1, gen_random_uuid(), 't', 'k', 't', 's', n, now(), '{}', CASE WHEN $2 THEN now() END
FROM generate_series(1, $3) AS n
"""
_OPEN = "SELECT array_agg(id ORDER BY id) FROM outbox WHERE published_at IS NULL"
BEFORE = {"registry": "0001", "hazards": "0002", "notifications": "0001"}


@pytest.mark.parametrize("service", BEFORE)
async def test_what_was_published_stays_published(
    service: str, create_database: Callable[[str | None], Awaitable[str]]
) -> None:
    url = await create_database(None)
    await asyncio.to_thread(upgrade, service, url, BEFORE[service])
    connection = await asyncpg.connect(url)
    for published, count in ((True, 40), (False, 11), (True, 30), (False, 5)):
        await connection.execute(_ROWS, SHARDS, published, count)
    before = await connection.fetchval(_OPEN)
    await connection.close()
    await asyncio.to_thread(upgrade, service, url)
    connection = await asyncpg.connect(url)
    after = await connection.fetchval(f"SELECT array_agg(id ORDER BY id) FROM {UNPUBLISHED}")
    await connection.close()
    assert after == before
    assert len(after) == 16
    await asyncio.to_thread(downgrade, service, url, BEFORE[service])
    connection = await asyncpg.connect(url)
    assert await connection.fetchval(_OPEN) == before
    await connection.close()
