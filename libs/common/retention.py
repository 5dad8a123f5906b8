"""What is kept for a time only: answers to idempotency keys, removed in small batches once nobody can ask for them.

The outbox stays, since a new log is filled from it, and so the inbox stays as well: whatever the log may bring again
must still be known, or it would have its effect twice.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from libs.common.clock import Clock
from libs.common.db import Database
from libs.common.errors import Busy
from libs.common.stopping import rest

log = logging.getLogger(__name__)

_BATCH = 1000
_PAUSE_SECONDS = 0.1

# Rows lie roughly in the order in which they were written, so that a scan meets the oldest first; an index for this
# alone would cost every report something.
_PURGE = """
DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM idempotency_keys WHERE answered_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
)) RETURNING 1
"""


class Retention:
    """Removes answers older than `keep`, now and then; any number of replicas may do so."""

    def __init__(self, db: Database, clock: Clock, *, keep: timedelta, every: float = 3600.0) -> None:
        self._db = db
        self._clock = clock
        self._keep = keep
        self._every = every

    async def run(self, stop: asyncio.Event) -> None:
        """Removes until `stop` is set."""
        while not stop.is_set():
            try:
                removed = await self.purge(stop)
                if removed:
                    log.info("%d answers to idempotency keys were older than %s and are gone", removed, self._keep)
            except Busy as error:
                log.warning("old answers stay for now: %s", error)
            await rest(stop, self._every)

    async def purge(self, stop: asyncio.Event) -> int:
        """Removes what is too old now, batch by batch, with a breath between them. How many. Raises Busy."""
        before, removed = self._clock.now() - self._keep, 0
        while not stop.is_set():
            removed += (count := await self._batch(before))
            if count < _BATCH:
                break
            await rest(stop, _PAUSE_SECONDS)
        return removed

    async def _batch(self, before: datetime) -> int:
        return len(await self._db.alone(_PURGE, before, _BATCH))
