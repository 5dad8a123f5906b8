"""Laws of the closed loop that hold after any sequence of moves."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.actors import Actor
from libs.common.errors import AppError
from services.hazards.domain.basis import Basis
from services.hazards.domain.cells import Cell, cell_of
from services.hazards.domain.deadlines import CLOCK_OF
from services.hazards.domain.decide import Decision, allowed_moves, decide
from services.hazards.domain.errors import MoveNotAllowed, NotDue, WrongRole
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import FINAL, RINGS, ClockKind, Move, State, rule_for
from services.hazards.domain.moves import (
    Assign,
    Fail,
    FixOnTheSpot,
    Order,
    Pass,
    Reject,
    Reopen,
    Request,
    Ring,
    Submit,
    Verify,
)
from services.hazards.domain.vocabulary import Level
from tests.unit.hazards.hazard_examples import DUTIES, EVERYONE, NOW, OFFICER, RULES, reported

BASIS = Basis("GB 35181", "2025", "6.1")
REQUESTS: list[Request] = [
    Verify(Level.GENERAL),
    Verify(Level.MAJOR, basis=BASIS),
    Reject(),
    FixOnTheSpot(),
    Assign(DUTIES),
    Order(DUTIES),
    Submit(),
    Pass(),
    Fail(),
    Reopen(),
    *(Ring(move) for move in RINGS.values()),
]
Step = tuple[Request, Actor, timedelta]
STEPS = st.tuples(
    st.sampled_from(REQUESTS),
    st.sampled_from(EVERYONE),
    st.sampled_from([timedelta(0), timedelta(seconds=1), timedelta(days=1), timedelta(days=20)]),
)


def lives(steps: list[Step], at_enterprise: bool) -> list[tuple[Facts, Decision, datetime]]:
    """What was decided, with the hazard before it and when; refused moves leave no trace."""
    facts, now = reported(at_enterprise), NOW
    decisions = []
    for request, who, later in steps:
        now += later
        try:
            decision = decide(facts, request, who, now, RULES)
        except AppError:
            continue
        decisions.append((facts, decision, now))
        facts = decision.facts
    return decisions


@settings(max_examples=400, deadline=None)
@given(st.lists(STEPS, max_size=40), st.booleans())
def test_laws_of_any_life(steps: list[Step], at_enterprise: bool) -> None:
    clocks: dict[ClockKind, datetime] = {ClockKind.VERIFICATION: NOW}
    for before, decision, now in lives(steps, at_enterprise):
        facts = decision.facts
        assert facts.version == before.version + 1 == decision.entry.version == decision.event.facts.version
        assert (decision.entry.source, decision.entry.target) == (before.state, facts.state)
        assert facts.round - before.round in (0, 1)
        assert facts.missed_deadlines >= before.missed_deadlines
        assert (facts.id, facts.number, facts.area_path) == (before.id, before.number, before.area_path)
        if facts.overdue_since is not None:
            assert facts.state is State.ORDERED
            assert facts.overdue_since <= now
        if facts.escalation_rung:
            assert facts.overdue_since is not None
        if facts.state is State.ORDERED:
            assert facts.due_at is not None
            assert facts.round > 0
            assert facts.order_terms is not None
        if facts.level is Level.MAJOR and before.level is not Level.MAJOR:
            assert decision.entry.role == "officer"
        if facts.state is State.CLOSED and before.state is State.RECTIFIED:
            assert before.submitted_by != decision.entry.actor_id
        assert Cell.parse(cell_of(facts)) == Cell(
            facts.state, facts.level, facts.overdue_since is not None, facts.handling
        )

        for kind in decision.stops:
            clocks.pop(kind, None)
        if RINGS.get(_clock_of(decision.entry.move)) is decision.entry.move:
            clocks.pop(_clock_of(decision.entry.move), None)
        for clock in decision.starts:
            clocks[clock.kind] = clock.rings_at
        if facts.state in FINAL:
            assert not clocks
        elif CLOCK_OF[facts.state] not in clocks:  # it has rung, and said so
            assert facts.overdue_since or facts.act_overdue_since


def _clock_of(move: Move) -> ClockKind:
    return next((kind for kind, rings in RINGS.items() if rings is move), ClockKind.VERIFICATION)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=15), st.sampled_from(REQUESTS), st.sampled_from(EVERYONE), st.booleans())
def test_a_pair_outside_the_table_is_refused(
    steps: list[Step], request: Request, who: Actor, at_enterprise: bool
) -> None:
    facts = lives(steps, at_enterprise)[-1][1].facts if lives(steps, at_enterprise) else reported(at_enterprise)
    if rule_for(facts.state, request.move) is None:
        with pytest.raises((MoveNotAllowed, WrongRole)):
            decide(facts, request, who, NOW + timedelta(days=999), RULES)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=15), st.sampled_from(EVERYONE), st.booleans())
def test_allowed_moves_are_those_that_are_not_refused_for_the_actor_or_the_state(
    steps: list[Step], who: Actor, at_enterprise: bool
) -> None:
    facts, now = reported(at_enterprise), NOW
    if found := lives(steps, at_enterprise):
        _, decision, now = found[-1]
        facts = decision.facts
    allowed = set(allowed_moves(facts, who))
    tried = set()
    for request in REQUESTS:
        if isinstance(request, Verify) and request.level is not facts.weight:
            continue
        try:
            decide(facts, request, who, now, RULES)
            tried.add(request.move)
        except NotDue:
            tried.add(request.move)
        except AppError:
            continue
    assert tried == allowed


def test_the_deadline_is_missed_once_a_round() -> None:
    facts = reported()
    for request in (Verify(Level.GENERAL), Order(replace(DUTIES, due_at=NOW))):
        facts = decide(facts, request, OFFICER, NOW, RULES).facts
    system = next(who for who in EVERYONE if who.tier == "system")
    missed = decide(facts, Ring(Move.MISS_DEADLINE), system, NOW, RULES).facts
    with pytest.raises(NotDue):
        decide(missed, Ring(Move.MISS_DEADLINE), system, NOW + timedelta(days=1), RULES)
