"""Follows hazards: their events open, escalate and end alerts, in the order of each hazard's versions."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.common.actors import SYSTEM_ACTOR
from libs.common.contracts.hazards import HazardChanged
from libs.common.db import Tx
from libs.common.failpoints import failpoint
from services.notifications.domain.audience import Tier
from services.notifications.domain.cases import OPENED_BY, Hazard, Kind, is_needed, is_replaced, occasion
from services.notifications.domain.ladder import Alert, Command, Move, State
from services.notifications.operations.desk import Desk, gather
from services.notifications.store import alerts as alert_rows
from services.notifications.store import copies

_TIERS = {"department": Tier.DISTRICT, **{tier.value: tier for tier in Tier}}
_REASONS = {"closed": "hazard_closed", "void": "hazard_void"}

Seen = tuple[str, HazardChanged]
"""An event of a hazard: its type and what it says."""


def hazard_of(said: HazardChanged) -> Hazard:
    """The hazard as it was at the version of this event."""
    return Hazard(
        id=said.hazard_id,
        number=said.number,
        version=said.version,
        state=said.state,
        level=said.level or said.suggested_level,
        area_path=said.area_path,
        enterprise_id=said.enterprise_id,
        enterprise_name=said.enterprise_name,
        place=said.place,
        due_at=said.due_at,
        act_by=said.act_by,
        overdue_since=said.overdue_since,
        simulated=said.simulated,
    )


async def follow(tx: Tx, seen: Sequence[Seen], now: datetime, attempts_allowed: int) -> None:
    """The effect of these events. Lock order: hazards, then alerts, then their timers."""
    hazards = await copies.keep_hazards(tx, (hazard_of(said) for _, said in seen))
    failpoint("notifications.copied")
    alerts = await alert_rows.lock_of_hazards(tx, sorted(hazards))
    facts = await gather(tx, hazards, (OPENED_BY[kind] for kind, _ in seen if kind in OPENED_BY), now)
    desk = Desk(facts, alerts, now, attempts_allowed)
    by_hazard: dict[UUID, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_hazard[alert.hazard_id].append(alert)
    for name, said in sorted(seen, key=lambda each: (each[1].hazard_id, each[1].version)):
        if name in OPENED_BY:
            _take_up(desk, by_hazard[said.hazard_id], OPENED_BY[name], name, said)
    for hazard_id, hazard in hazards.items():
        _end(desk, by_hazard[hazard_id], hazard)
    failpoint("notifications.decided")
    await desk.write(tx)


def _take_up(desk: Desk, alerts: list[Alert], kind: Kind, name: str, said: HazardChanged) -> None:
    """Opens the case unless it is known already; an escalation then tells its tier, whoever answered before."""
    hazard = hazard_of(said)
    case = occasion(kind, hazard)
    alert = next((a for a in alerts if a.kind is kind and a.occasion == case), None)
    if alert is None:
        alert = desk.open(kind, case, hazard, SYSTEM_ACTOR)
        if alert is None:
            return
        alerts.append(alert)
    if name == "hazard-escalated" and desk.alerts[alert.id].state is not State.CLOSED:
        tier = _TIERS.get(said.escalation_tier or "", Tier.DISTRICT)  # a tier of a later version: someone must know
        desk.move(alert, Command(Move.ESCALATE, tier=tier, since=said.occurred_at), SYSTEM_ACTOR)


def _end(desk: Desk, alerts: list[Alert], hazard: Hazard) -> None:
    """Closes what nobody needs to answer any more, by the newest that is known."""
    versions = [(alert.kind, alert.opened_version) for alert in alerts]
    for alert in alerts:
        if desk.alerts[alert.id].state is State.CLOSED:
            continue
        if is_replaced(alert.kind, alert.opened_version, versions):
            desk.move(alert, Command(Move.CLOSE, reason="replaced"), SYSTEM_ACTOR)
        elif alert.opened_version < hazard.version and not is_needed(alert.kind, hazard):
            reason = _REASONS.get(hazard.state, "moved_on")
            desk.move(alert, Command(Move.CLOSE, reason=reason), SYSTEM_ACTOR)
