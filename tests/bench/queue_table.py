"""The control of `snapshot`: an outbox as most have it, whose rows are marked one by one under a partial index.

Every mark leaves a dead entry in the index of what is not published. While somebody holds a snapshot nobody may remove
it, and each scan walks over all of them.
"""

from typing import Final

from tests.evidence.cluster import connected

_AT_ONCE: Final = 2000
_TABLE = """
CREATE TABLE queued (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data text NOT NULL, published_at timestamptz)
"""
_INDEX = "CREATE INDEX queued_unpublished ON queued (id) WHERE published_at IS NULL"
_PUT = "INSERT INTO queued (data) SELECT repeat('x', 600) FROM generate_series(1, $1)"
_READ = "SELECT id, data FROM queued WHERE published_at IS NULL ORDER BY id LIMIT $1"
_MARK = "UPDATE queued SET published_at = clock_timestamp() WHERE id = ANY($1::bigint[])"


async def make(url: str) -> None:
    """The table, in a database of its own or of somebody else."""
    async with connected(url) as connection:
        await connection.execute(_TABLE)
        await connection.execute(_INDEX)


async def put(url: str, count: int) -> None:
    """So many rows, committed."""
    async with connected(url) as connection:
        await connection.execute(_PUT, count)


async def drain(url: str) -> int:
    """Reads and marks until nothing is left; how many there were."""
    moved = 0
    async with connected(url) as connection:
        while rows := await connection.fetch(_READ, _AT_ONCE):
            await connection.execute(_MARK, [row["id"] for row in rows])
            moved += len(rows)
    return moved
