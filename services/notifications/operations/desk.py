"""The working set of one transaction: alerts under lock, moves decided one after another, all written at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

from libs.common.actors import Actor
from libs.common.db import Tx
from libs.common.envelope import Event
from libs.common.failpoints import failpoint
from libs.common.ids import new_id
from libs.common.outbox import announce
from services.notifications.domain import audience, ladder, texts
from services.notifications.domain.audience import Directory, Listener, Tier
from services.notifications.domain.cases import Hazard, Kind
from services.notifications.domain.delivery import DeliveryState, delivery_id
from services.notifications.domain.ladder import Alert, Command, Decision, Rung, State, Tell
from services.notifications.domain.policies import LadderPolicy, Template, choose
from services.notifications.publishing import to_event
from services.notifications.store import alerts as alert_rows
from services.notifications.store import deliveries as delivery_rows
from services.notifications.store import directory as directory_rows
from services.notifications.store import policies as policy_rows

_SILENT = (State.ACKNOWLEDGED, State.CLOSED)
_BARE_TEXT = "【{level}】隐患 {number}，地点：{place}，期限：{deadline}，请及时处理。"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules need beside the alerts: hazards, persons and policies."""

    hazards: Mapping[UUID, Hazard]
    directory: Directory = field(default_factory=Directory)
    ladders: tuple[LadderPolicy, ...] = ()
    templates: tuple[Template, ...] = ()


async def gather(tx: Tx, hazards: Mapping[UUID, Hazard], kinds: Iterable[Kind], now: datetime) -> Facts:
    """The facts for cases of these kinds on these hazards, in a handful of statements however many there are."""
    wanted = sorted(set(kinds))
    if not wanted:
        return Facts(hazards)
    ladders, templates = policy_rows.ladders(wanted, now), policy_rows.templates(wanted, now)
    places = ((hazard.area_path, hazard.enterprise_id) for hazard in hazards.values())
    directory = await directory_rows.load(tx, places, now, ladders, templates)
    return Facts(hazards, directory, ladders.answer, templates.answer)


class Desk:
    """Alerts by id with the moves made on them so far; nothing is written before `write`."""

    def __init__(self, facts: Facts, alerts: Iterable[Alert], now: datetime, attempts_allowed: int) -> None:
        self._facts = facts
        self._now = now
        self._attempts_allowed = attempts_allowed
        self.alerts: dict[UUID, Alert] = {alert.id: alert for alert in alerts}
        self._changed: dict[UUID, None] = {}  # an ordered set
        self._wakes: dict[UUID, datetime] = {}
        self._events: list[Event] = []
        self._messages: list[dict[str, Any]] = []
        self._reached: dict[tuple[Tier, frozenset[str], str, UUID | None], tuple[Listener, ...]] = {}
        self._labels: dict[str, str] = {}

    def open(self, kind: Kind, occasion: str, hazard: Hazard, actor: Actor) -> Alert | None:
        """A new alert of that kind with the ladder in force, or None where policy says that nobody is told."""
        policy = choose(self._facts.ladders, kind, hazard.level, hazard.area_path, self._now)
        if policy is None:
            return None
        alert = Alert(
            id=new_id(),
            hazard_id=hazard.id,
            kind=kind,
            occasion=occasion,
            area_path=hazard.area_path,
            enterprise_id=hazard.enterprise_id,
            rungs=policy.rungs,
            recheck=policy.recheck,
            opened_version=hazard.version,
            opened_at=self._now,
        )
        return self._decide(alert, Command(ladder.Move.OPEN), actor, hazard).alert

    def move(self, alert: Alert, command: Command, actor: Actor) -> Decision:
        """The move made on that alert as it stands on this desk. Raises what `ladder.decide` raises."""
        return self._decide(self.alerts[alert.id], command, actor, self._facts.hazards[alert.hazard_id])

    def hazard(self, alert: Alert) -> Hazard:
        """The hazard that the alert is about."""
        return self._facts.hazards[alert.hazard_id]

    async def write(self, tx: Tx) -> None:
        """Alerts, messages, timers and events of all moves, set-based."""
        changed = [self.alerts[alert_id] for alert_id in sorted(self._changed)]
        await alert_rows.write(tx, changed, {i: at for i, at in self._wakes.items() if i in self._changed})
        await alert_rows.wake(tx, {i: at for i, at in self._wakes.items() if i not in self._changed})
        failpoint("notifications.alerted")
        if self._messages:
            await delivery_rows.add(tx, self._messages)
        await delivery_rows.cancel_of(tx, [alert.id for alert in changed if alert.state in _SILENT], self._now)
        failpoint("notifications.addressed")
        await announce(tx, self._events)

    def _decide(self, alert: Alert, command: Command, actor: Actor, hazard: Hazard) -> Decision:
        decision = ladder.decide(alert, command, actor, self._now, lambda rung: self._reach(rung, alert))
        after = decision.alert
        if decision.happened:
            self.alerts[after.id] = after
            self._changed[after.id] = None
            self._wakes.pop(after.id, None)
            first = alert.version + 1
            self._events += [
                to_event(happened, after, version, hazard, self._now)
                for version, happened in enumerate(decision.happened, first)
            ]
        if decision.wake is not None:
            self._wakes[after.id] = decision.wake
        for tell in decision.tell:
            self._messages += [self._message(after, tell, listener, hazard) for listener in tell.listeners]
        return decision

    def _reach(self, rung: Rung, alert: Alert) -> tuple[Listener, ...]:
        """Found once for all alerts of one place: facts and instant are the same for the whole desk."""
        spot = (rung.tier, rung.roles, alert.area_path, alert.enterprise_id if rung.tier is Tier.ENTERPRISE else None)
        if spot not in self._reached:
            self._reached[spot] = audience.listeners(
                rung.tier,
                rung.roles,
                area_path=alert.area_path,
                enterprise_id=alert.enterprise_id,
                directory=self._facts.directory,
                now=self._now,
            )
        return self._reached[spot]

    def _label(self, area_path: str) -> str:
        if area_path not in self._labels:
            self._labels[area_path] = audience.area_label(area_path, self._facts.directory)
        return self._labels[area_path]

    def _message(self, alert: Alert, tell: Tell, listener: Listener, hazard: Hazard) -> dict[str, Any]:
        template = choose(self._facts.templates, alert.kind, hazard.level, alert.area_path, self._now)
        area = self._label(alert.area_path)
        return {
            "id": delivery_id(alert.id, tell.number, listener.person_id, listener.channel),
            "alert_id": alert.id,
            "area_path": alert.area_path,
            "rung": tell.number,
            "tier": tell.tier,
            "person_id": listener.person_id,
            "channel": listener.channel,
            "contact_id": listener.contact_id,
            "text": texts.render(template.text if template else _BARE_TEXT, hazard, tell.tier, area),
            "ticket": token_urlsafe(16),
            "state": DeliveryState.PENDING,
            "version": 1,
            "attempts": 0,
            "attempts_allowed": self._attempts_allowed,
            "next_at": self._now,
            "created_at": self._now,
            "finished_at": None,
        }
