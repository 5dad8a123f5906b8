"""The life of an alert, as one table, and the ladder that it climbs until somebody acknowledges it.

`decide` takes the alert, the move, who makes it and the instant; who can be reached at each rung is handed in. The
ladder is copied onto the alert when it opens: a policy that changes later never rewrites a running case.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never
from uuid import UUID

from libs.common.actors import Actor
from services.notifications.domain.audience import Listener, Tier
from services.notifications.domain.cases import Kind
from services.notifications.domain.errors import AlertClosed, IllegalMove


class State(StrEnum):
    """Where an alert stands."""

    OPEN = "open"  # somebody has been told and has time to answer
    ACKNOWLEDGED = "acknowledged"  # somebody answered: nobody else is woken
    EXHAUSTED = "exhausted"  # nobody is left to tell, and nobody answered
    CLOSED = "closed"  # the case is over


class Move(StrEnum):
    """What can happen to an alert."""

    OPEN = "open"
    CLIMB = "climb"  # the wait of the rung has passed
    RECHECK = "recheck"  # somebody may have become reachable since
    ESCALATE = "escalate"  # the hazard's own ladder says that a tier must know
    ACKNOWLEDGE = "acknowledge"
    CLOSE = "close"


class Happened(StrEnum):
    """What an alert announces; the values are the types on the wire."""

    OPENED = "alert-opened"
    CLIMBED = "alert-climbed"
    ACKNOWLEDGED = "alert-acknowledged"
    EXHAUSTED = "alert-exhausted"
    CLOSED = "alert-closed"


_OPEN_OR_NOBODY = frozenset({State.OPEN, State.EXHAUSTED})
_LIVE = (State.OPEN, State.ACKNOWLEDGED, State.EXHAUSTED)

LIFE: Mapping[tuple[State | None, Move], frozenset[State]] = MappingProxyType(
    {
        (None, Move.OPEN): _OPEN_OR_NOBODY,
        (State.OPEN, Move.CLIMB): _OPEN_OR_NOBODY,
        (State.EXHAUSTED, Move.RECHECK): _OPEN_OR_NOBODY,
        **{(state, Move.ESCALATE): frozenset({state, *_OPEN_OR_NOBODY}) for state in _LIVE},
        **{(state, Move.ACKNOWLEDGE): frozenset({State.ACKNOWLEDGED}) for state in _LIVE},
        **{(state, Move.CLOSE): frozenset({State.CLOSED}) for state in _LIVE},
    }
)
"""(state, move) → the states it may lead to. A pair that is absent is refused."""

_DEFAULT_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rung:
    """One step: a tier (in these roles, or any) and its time to answer. A wait of nothing tells the next one too."""

    tier: Tier
    wait: timedelta
    roles: frozenset[str] = frozenset()
    reached_at: datetime | None = None
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """The facts of one alert. `cursor` rungs of the ladder have been passed, told or found empty."""

    id: UUID
    hazard_id: UUID
    kind: Kind
    occasion: str
    area_path: str
    enterprise_id: UUID | None
    rungs: tuple[Rung, ...]
    recheck: timedelta
    opened_version: int
    opened_at: datetime
    state: State | None = None
    version: int = 0
    cursor: int = 0
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_note: str | None = None
    exhausted_at: datetime | None = None
    closed_at: datetime | None = None
    closed_reason: str | None = None

    @property
    def reached(self) -> int:
        """The number of the last rung that was told, counted from 1; 0 if nobody was."""
        return max((number for number, rung in enumerate(self.rungs, 1) if rung.reached_at), default=0)

    @property
    def told_enterprise(self) -> bool:
        """Whether the alert was addressed to the enterprise, which then may see and answer it."""
        return any(rung.tier is Tier.ENTERPRISE and rung.reached_at for rung in self.rungs)


@dataclass(frozen=True, slots=True)
class Command:
    """A move with what belongs to it."""

    move: Move
    tier: Tier | None = None  # escalate: who must know
    since: datetime | None = None  # escalate: when the hazard decided so
    reason: str | None = None  # close
    note: str | None = None  # acknowledge


@dataclass(frozen=True, slots=True)
class Tell:
    """Everyone to be told at one rung."""

    number: int
    tier: Tier
    listeners: tuple[Listener, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a move leads to. `happened` is in order, one a version; `wake` is when to look at the ladder again."""

    alert: Alert
    happened: tuple[Happened, ...] = ()
    tell: tuple[Tell, ...] = ()
    wake: datetime | None = None


Reach = Callable[[Rung], tuple[Listener, ...]]
"""Who can be told at a rung, as things stand."""


def is_legal(state: State | None, move: Move) -> bool:
    """Whether the table knows the move from that state."""
    return (state, move) in LIFE


def decide(alert: Alert, command: Command, actor: Actor, now: datetime, reach: Reach) -> Decision:
    """The outcome of a move. Raises AlertClosed when the case is over, IllegalMove for other pairs not in LIFE."""
    if not is_legal(alert.state, command.move):
        raise AlertClosed if alert.state is State.CLOSED else IllegalMove
    match command.move:
        case Move.OPEN:
            return _open(alert, now, reach)
        case Move.CLIMB:
            return _climb(alert, now, reach)
        case Move.RECHECK:
            return _recheck(alert, now, reach)
        case Move.ESCALATE:
            return _escalate(alert, command, now, reach)
        case Move.ACKNOWLEDGE:
            return _acknowledge(alert, command, actor, now)
        case Move.CLOSE:
            closed = replace(alert, state=State.CLOSED, closed_at=now, closed_reason=command.reason)
            return _announced(closed, Happened.CLOSED)
    assert_never(command.move)


def may_answer(alert: Alert, actor: Actor) -> bool:
    """Whether the alert exists for the actor: staff of its area and above, or the enterprise if it was told."""
    if actor.scope.enterprise_id is not None and not alert.told_enterprise:
        return False
    return actor.scope.covers(alert.area_path, alert.enterprise_id)


def _announced(
    alert: Alert, *happened: Happened, tell: tuple[Tell, ...] = (), wake: datetime | None = None
) -> Decision:
    return Decision(replace(alert, version=alert.version + len(happened)), happened, tell, wake)


def _open(alert: Alert, now: datetime, reach: Reach) -> Decision:
    told, tell, wake = _step(replace(alert, state=State.OPEN), now, reach)
    if tell:
        return _announced(told, Happened.OPENED, tell=tell, wake=wake)
    return _nobody(told, now, Happened.OPENED)


def _climb(alert: Alert, now: datetime, reach: Reach) -> Decision:
    told, tell, wake = _step(alert, now, reach)
    return _announced(told, Happened.CLIMBED, tell=tell, wake=wake) if tell else _nobody(told, now)


def _recheck(alert: Alert, now: datetime, reach: Reach) -> Decision:
    """From the lowest rung again, since every rung that was told is passed over."""
    told, tell, wake = _step(replace(alert, cursor=0, state=State.OPEN, exhausted_at=None), now, reach)
    if not tell:
        return Decision(alert, wake=now + alert.recheck)
    return _announced(told, Happened.CLIMBED, tell=tell, wake=wake)


def _escalate(alert: Alert, command: Command, now: datetime, reach: Reach) -> Decision:
    """The tier is told anew, at once, whoever answered before; then the ladder goes on above it."""
    tier = command.tier or Tier.DISTRICT
    since = command.since or now
    if any(rung.tier is tier and rung.reached_at and rung.reached_at >= since for rung in alert.rungs):
        return Decision(alert)  # told after the hazard decided so: it knows
    known = next((rung for rung in alert.rungs if rung.tier is tier and not rung.escalated), Rung(tier, _DEFAULT_WAIT))
    added = replace(known, wait=known.wait or _DEFAULT_WAIT, reached_at=None, escalated=True)
    above = tuple(rung for rung in alert.rungs[alert.cursor :] if rung.tier.rank > tier.rank)
    rungs = (*alert.rungs[: alert.cursor], added, *above)
    told, tell, wake = _step(replace(alert, rungs=rungs, state=State.OPEN, exhausted_at=None), now, reach)
    if tell:
        return _announced(told, Happened.CLIMBED, tell=tell, wake=wake)
    return _nobody(told, now)


def _acknowledge(alert: Alert, command: Command, actor: Actor, now: datetime) -> Decision:
    if alert.state is State.ACKNOWLEDGED:
        return Decision(alert)
    answered = replace(
        alert, state=State.ACKNOWLEDGED, acknowledged_at=now, acknowledged_by=actor.id, acknowledged_note=command.note
    )
    return _announced(answered, Happened.ACKNOWLEDGED)


def _nobody(alert: Alert, now: datetime, *before: Happened) -> Decision:
    exhausted = replace(alert, state=State.EXHAUSTED, exhausted_at=now)
    return _announced(exhausted, *before, Happened.EXHAUSTED, wake=now + alert.recheck)


def _step(alert: Alert, now: datetime, reach: Reach) -> tuple[Alert, tuple[Tell, ...], datetime | None]:
    """The next rung at which somebody can be told: empty ones are passed, one without a wait tells the next too."""
    rungs, cursor = list(alert.rungs), alert.cursor
    tell: list[Tell] = []
    wait = timedelta(0)
    while cursor < len(rungs) and not (tell and wait):
        rung = rungs[cursor]
        cursor += 1
        if rung.reached_at is not None or not (found := reach(rung)):
            continue
        rungs[cursor - 1] = replace(rung, reached_at=now)
        tell.append(Tell(cursor, rung.tier, found))
        wait = rung.wait
    if tell and not wait:  # only rungs without a wait could be told: they get the time of the empty ones above them
        wait = max((rung.wait for rung in rungs), default=_DEFAULT_WAIT) or _DEFAULT_WAIT
    return replace(alert, rungs=tuple(rungs), cursor=cursor), tuple(tell), now + wait if tell else None
