"""Up to which id the outbox is settled. Ids are taken before COMMIT: what cannot be seen yet may lie below what can."""

import asyncio
import time
from datetime import datetime

from libs.common.db import Database

_LOOK_SECONDS = 0.2

# Whoever inserts holds this lock from before it takes its first id until its rows are visible or gone. The snapshot,
# and with it `top`, is older than the list of locks: every id up to `top` was taken by a transaction that has ended or
# is in the list. Transactions of other databases, which hold up a horizon of transaction ids, are not in it.
_WRITERS = """
SELECT (SELECT coalesce(max(id), 0) FROM outbox) AS top, pg_postmaster_start_time() AS server,
       ARRAY(SELECT virtualtransaction FROM pg_locks
             WHERE locktype = 'relation' AND relation = 'outbox'::regclass AND mode = 'RowExclusiveLock' AND granted
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS writers
"""


class Settled:
    """Asks now and then who is writing; what all those before them wrote is settled once they have ended."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._server: datetime | None = None
        self._upto = 0
        self._top = 0
        self._open: frozenset[str] = frozenset()
        self._look_at = 0.0
        self._looking = asyncio.Lock()

    async def upto(self, server: datetime) -> int:
        """No id up to this one can become visible any more, on the server that started then. Raises Busy.

        It holds for whatever is read after the answer; 0 when nothing is known.
        """
        async with self._looking:  # looks one after another: a late answer must not be taken for a later look
            if time.monotonic() >= self._look_at:
                (row,) = await self._db.alone(_WRITERS)
                self._look_at = time.monotonic() + _LOOK_SECONDS
                self.learn(row["server"], row["top"], frozenset(row["writers"]))
        return self._upto if server == self._server else 0

    def learn(self, server: datetime, top: int, writers: frozenset[str]) -> None:
        """Takes up one look: the highest id visible, then who was writing."""
        if server != self._server:  # what was known of another one means nothing here
            self._server, self._upto, self._top, self._open = server, 0, 0, frozenset()
        self._open &= writers
        if not self._open:  # all who were writing when `_top` was the highest have ended
            self._upto = self._top if writers else top
            self._top, self._open = top, writers
