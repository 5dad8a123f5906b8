"""Facts that a database knows about itself: its own id, and which log its events went to."""

from libs.common.db import Database, Tx
from libs.common.ids import new_id


async def swap_fact(tx: Tx, name: str, value: str) -> str | None:
    """Sets the fact and returns what it was, None at first. The row stays locked until the transaction ends."""
    await tx.execute("INSERT INTO facts (name, value) VALUES ($1, '') ON CONFLICT DO NOTHING", name)
    former: str = await tx.fetchval("SELECT value FROM facts WHERE name = $1 FOR UPDATE", name)
    await tx.execute("UPDATE facts SET value = $2 WHERE name = $1", name, value)
    return former or None


async def database_id(db: Database) -> str:
    """The id of this very database, made at the first call.

    Consumer groups bear it, so that an emptied or restored database reads the log from its beginning by itself.
    """
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO facts (name, value) VALUES ('database_id', $1) ON CONFLICT DO NOTHING", str(new_id())
        )
        found: str = await tx.fetchval("SELECT value FROM facts WHERE name = 'database_id'")
    return found
