"""Decides one move: the row of the table, who acts, what changes, which clocks run, what is written in the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from libs.common.actors import Actor, Role, Tier
from services.hazards.domain.clocks import ClockStart, starts
from services.hazards.domain.effects import after
from services.hazards.domain.errors import LevelNeedsOfficer, MoveNotAllowed, SamePerson, WrongRole
from services.hazards.domain.events import HazardEvent
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import (
    MOVE_LABELS,
    STATE_LABELS,
    ClockKind,
    Move,
    Post,
    Rule,
    State,
    rule_for,
    rules_from,
    rules_of,
)
from services.hazards.domain.moves import Request, Verify
from services.hazards.domain.rulebook import Rulebook
from services.hazards.domain.vocabulary import Level


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a hazard's history; `(hazard_id, version)` is its place."""

    hazard_id: UUID
    version: int
    at: datetime
    move: Move
    source: State | None
    target: State
    actor_id: str
    actor_name: str | None
    tier: str
    role: Role
    round: int
    reason: str | None
    details: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Decision:
    """All that a move changes; the operation writes it in one transaction."""

    facts: Facts
    entry: LogEntry
    event: HazardEvent
    stops: tuple[ClockKind, ...]
    starts: tuple[ClockStart, ...]


def decide(facts: Facts, request: Request, actor: Actor, now: datetime, rules: Rulebook) -> Decision:
    """The decision on `request` at `now`. Raises a domain error of `errors.py` where the answer is no."""
    rule = _row(facts, request.move, actor)
    role = _authorised(rule, facts, _weight(facts, request), actor)
    changed, details = after(facts, rule, request, actor, now, rules)
    return Decision(
        facts=changed,
        entry=LogEntry(
            hazard_id=facts.id,
            version=changed.version,
            at=now,
            move=rule.move,
            source=rule.source,
            target=rule.target,
            actor_id=actor.id,
            actor_name=actor.name,
            tier=actor.tier.value,
            role=role,
            round=changed.round,
            reason=request.reason,
            details=details,
        ),
        event=HazardEvent(rule.announces, changed, now),
        stops=rule.stops,
        starts=starts(rule, changed, now),
    )


def allowed_moves(facts: Facts, actor: Actor) -> tuple[Move, ...]:
    """What this actor may do with the hazard as it stands: what a front end shows as buttons."""
    own = facts.submitted_by == actor.id
    return _allowed(facts.state, facts.weight, facts.enterprise_id is not None, own, actor.tier, actor.roles)


@lru_cache(maxsize=4096)
def _allowed(
    state: State, weight: Level, at_enterprise: bool, own_work: bool, tier: Tier, roles: frozenset[Role]
) -> tuple[Move, ...]:
    return tuple(
        rule.move
        for rule in rules_from(state)
        if _held(_posts(rule, at_enterprise, weight), tier, roles) and not (rule.other_person and own_work)
    )


def role_of(posts: Sequence[Post], actor: Actor) -> Role | None:
    """The first of the posts that the actor holds: the role in which the move is logged."""
    return _held(posts, actor.tier, actor.roles)


def _held(posts: Sequence[Post], tier: Tier, roles: frozenset[Role]) -> Role | None:
    return next((post.role for post in posts if post.role in roles and tier in post.tiers), None)


def _row(facts: Facts, move: Move, actor: Actor) -> Rule:
    if role_of(_anyone(move), actor) is None:
        raise WrongRole
    rule = rule_for(facts.state, move)
    if rule is None:
        raise MoveNotAllowed(f"隐患{STATE_LABELS[facts.state]}，不能{MOVE_LABELS[move]}")
    return rule


@lru_cache(maxsize=64)
def _anyone(move: Move) -> Sequence[Post]:
    """Whoever may make that move, whatever state and level."""
    return tuple(post for rule in rules_of(move) for post in (*rule.who, *rule.major, *rule.without_enterprise))


def _authorised(rule: Rule, facts: Facts, weight: Level, actor: Actor) -> Role:
    at_enterprise = facts.enterprise_id is not None
    role = role_of(_posts(rule, at_enterprise, weight), actor)
    if role is None:
        if weight is Level.MAJOR and role_of(_posts(rule, at_enterprise, Level.GENERAL), actor):
            raise LevelNeedsOfficer
        raise WrongRole
    if rule.other_person and facts.submitted_by == actor.id:
        raise SamePerson
    return role


def _weight(facts: Facts, request: Request) -> Level:
    """A verification is weighed by the level it gives, every other move by the level that stands."""
    return request.level if isinstance(request, Verify) else facts.weight


def _posts(rule: Rule, at_enterprise: bool, weight: Level) -> Sequence[Post]:
    if not at_enterprise and rule.without_enterprise:
        return rule.without_enterprise
    return rule.major if weight is Level.MAJOR else rule.who
