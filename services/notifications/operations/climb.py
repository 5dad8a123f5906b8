"""Looks at ladders whose time has come: an open alert climbs, an exhausted one looks for somebody to tell after all."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.common.actors import SYSTEM_ACTOR
from libs.common.db import Tx
from libs.common.failpoints import failpoint
from libs.common.ids import in_order
from services.notifications.domain.ladder import Command, Move, State
from services.notifications.operations.desk import Desk, gather
from services.notifications.store import alerts as alert_rows
from services.notifications.store import copies

_MOVES = {State.OPEN: Move.CLIMB, State.EXHAUSTED: Move.RECHECK}


async def climb(tx: Tx, alert_ids: Sequence[UUID], now: datetime, attempts_allowed: int) -> None:
    """One look at each of these ladders; one that was answered or closed meanwhile is left alone."""
    alerts = await alert_rows.lock(tx, alert_ids)
    failpoint("notifications.climbing")
    hazards = await copies.hazards_of(tx, in_order(alert.hazard_id for alert in alerts.values()))
    facts = await gather(tx, hazards, (alert.kind for alert in alerts.values()), now)
    desk = Desk(facts, alerts.values(), now, attempts_allowed)
    for alert in alerts.values():
        if alert.state in _MOVES:
            desk.move(alert, Command(_MOVES[alert.state]), SYSTEM_ACTOR)
    await desk.write(tx)


async def look_again(tx: Tx, paths: Sequence[str], enterprise_ids: Sequence[UUID], now: datetime) -> None:
    """Has exhausted alerts at these places looked at now, because who can be told there has changed.

    Those locked by others are left to their own next look, so that nobody waits here.
    """
    if paths or enterprise_ids:
        exhausted = await alert_rows.lock_free_exhausted(tx, paths, enterprise_ids)
        await alert_rows.wake(tx, dict.fromkeys(exhausted, now))
