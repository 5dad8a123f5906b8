"""The background side of the hazards service: relay, consumer, clocks, folding of the counters."""

import asyncio
import logging
from datetime import timedelta

from libs.common.bus import Bus
from libs.common.clock import Clock
from libs.common.consumer import Consumer
from libs.common.db import Database
from libs.common.errors import Busy
from libs.common.failpoints import failpoint
from libs.common.relay import Relay
from libs.common.retention import Retention
from libs.common.runner import Loop, replica
from libs.common.stopping import rest
from services.hazards import consumers, timers
from services.hazards.publishing import SOURCE
from services.hazards.settings import HazardsSettings
from services.hazards.store import counters

log = logging.getLogger(__name__)

_FOLD_BATCH = 10_000


def loops(settings: HazardsSettings, db: Database, bus: Bus, clock: Clock) -> list[Loop]:
    """The loops of one replica; any number of replicas may run."""
    return [
        Loop("relay", Relay(db, bus, clock, holder=replica(), source=SOURCE).run),
        Loop("consumer", consumer(settings, db, bus, clock).run),
        Loop("sweeper", timers.sweeper(settings, db, clock).run),
        Loop("folder", Folder(db, settings.fold_seconds).run),
        Loop("retention", Retention(db, clock, keep=timedelta(hours=settings.idempotency_hours)).run),
    ]


def consumer(_: HazardsSettings, db: Database, bus: Bus, clock: Clock) -> Consumer:
    """What this service does with the events of others."""
    return Consumer("hazards", db, bus, consumers.TOPICS, consumers.apply, clock, copies=consumers.COPIES)


class Folder:
    """Folds counter deltas into the counters, so that views read few rows."""

    def __init__(self, db: Database, every: float) -> None:
        self._db = db
        self._every = every

    async def run(self, stop: asyncio.Event) -> None:
        """Folds until `stop` is set; goes on at once while there is a full batch."""
        while not stop.is_set():
            folded = 0
            try:
                async with self._db.transaction() as tx:
                    folded = await counters.fold(tx, _FOLD_BATCH)
                    failpoint("hazards.folded")
            except Busy as error:
                log.warning("counters wait: %s", error)
            if folded < _FOLD_BATCH:
                await rest(stop, self._every)
