"""The background side of the registry: the relay, and the loop that carries out imports."""

from datetime import timedelta

from libs.common.bus import Bus
from libs.common.clock import Clock
from libs.common.db import Database
from libs.common.relay import Relay
from libs.common.retention import Retention
from libs.common.runner import Loop, replica
from services.registry.operations.importing import Importer
from services.registry.publishing import SOURCE
from services.registry.settings import RegistrySettings


def loops(settings: RegistrySettings, db: Database, bus: Bus, clock: Clock) -> list[Loop]:
    """The loops of one replica; any number of replicas may run."""
    return [
        Loop("relay", Relay(db, bus, clock, holder=replica(), source=SOURCE).run),
        Loop("imports", Importer(db, clock).run),
        Loop("retention", Retention(db, clock, keep=timedelta(hours=settings.idempotency_hours)).run),
    ]
