"""The door of time: a clock that rings is a move like any other."""

import logging
from collections.abc import Sequence
from datetime import datetime

from libs.common.actors import SYSTEM_ACTOR
from libs.common.clock import Clock
from libs.common.db import Database, Tx
from libs.common.errors import AppError
from libs.common.timers import Fire, Sweeper, Timer
from services.hazards.domain.errors import MoveNotAllowed, NotDue
from services.hazards.domain.lifecycle import RINGS, ClockKind
from services.hazards.domain.moves import Ring
from services.hazards.operations.moves import MoveCommand, Moving
from services.hazards.settings import HazardsSettings
from services.hazards.store.rulebooks import Rulebooks

log = logging.getLogger(__name__)


def sweeper(settings: HazardsSettings, db: Database, clock: Clock) -> Sweeper:
    """What lets the clocks of the hazards ring; one on every replica."""
    return Sweeper("hazards", db, clock, "hazards", fire(Moving(Rulebooks())), every=settings.sweep_seconds)


def fire(moving: Moving) -> Fire:
    """What the sweeper calls with due timers. A clock that rings for what was done meanwhile changes nothing."""

    async def ring(tx: Tx, timers: Sequence[Timer], now: datetime) -> None:
        commands = [MoveCommand(t.subject_id, Ring(RINGS[ClockKind(t.kind)]), SYSTEM_ACTOR) for t in timers]
        for timer, result in zip(timers, await moving.perform(tx, commands, now), strict=True):
            if isinstance(result, AppError) and not isinstance(result, MoveNotAllowed | NotDue):
                log.error("clock %s of hazard %s rang in vain: %s", timer.kind, timer.subject_id, result.code)

    return ring
