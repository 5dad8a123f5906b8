"""The life of an alert: every state reachable, every open one can end and has a clock, other moves are refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.actors import SYSTEM_ACTOR, Actor, Role, Scope
from libs.common.actors import Tier as ActorTier
from services.notifications.domain.audience import Channel, Listener, Tier
from services.notifications.domain.cases import Kind
from services.notifications.domain.errors import AlertClosed, IllegalMove
from services.notifications.domain.ladder import (
    LIFE,
    Alert,
    Command,
    Decision,
    Happened,
    Move,
    Reach,
    Rung,
    State,
    decide,
    is_legal,
    may_answer,
)

NOW = datetime(2026, 9, 24, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ENTERPRISE, OTHER = UUID(int=7), UUID(int=8)
PHONE = (Listener(UUID(int=1), Channel.WEBHOOK, UUID(int=2)),)
STAFF = Actor("u-1", ActorTier.COMMUNITY, frozenset({Role.COMMUNITY_STAFF}), Scope("410503001001"))


def alert(*rungs: Rung, state: State | None = None, cursor: int = 0) -> Alert:
    ladder = rungs or (Rung(Tier.GRID, 5 * MINUTE), Rung(Tier.COMMUNITY, 10 * MINUTE), Rung(Tier.STREET, 20 * MINUTE))
    return Alert(
        id=UUID(int=3),
        hazard_id=UUID(int=4),
        kind=Kind.FOUND,
        occasion="v1",
        area_path="410503001001001",
        enterprise_id=ENTERPRISE,
        rungs=ladder,
        recheck=15 * MINUTE,
        opened_version=1,
        opened_at=NOW,
        state=state,
        cursor=cursor,
    )


def everyone(rung: Rung) -> tuple[Listener, ...]:
    return PHONE


def nobody(rung: Rung) -> tuple[Listener, ...]:
    return ()


def only(*tiers: Tier) -> Reach:
    return lambda rung: PHONE if rung.tier in tiers else ()


def moved(before: Alert, move: Move, reach: Reach = everyone, now: datetime = NOW, **more: object) -> Decision:
    return decide(before, Command(move, **more), SYSTEM_ACTOR, now, reach)  # type: ignore[arg-type]


def test_an_alert_opens_with_its_first_rung() -> None:
    decision = moved(alert(), Move.OPEN)
    assert decision.alert.state is State.OPEN
    assert decision.happened == (Happened.OPENED,)
    assert [(tell.number, tell.tier) for tell in decision.tell] == [(1, Tier.GRID)]
    assert decision.wake == NOW + 5 * MINUTE
    assert decision.alert.rungs[0].reached_at == NOW


def test_it_climbs_one_rung_at_a_time_until_nobody_is_left() -> None:
    decision = moved(alert(), Move.OPEN)
    numbers = []
    while decision.alert.state is State.OPEN:
        numbers += [tell.number for tell in decision.tell]
        decision = moved(decision.alert, Move.CLIMB)
    assert numbers == [1, 2, 3]
    assert decision.happened == (Happened.EXHAUSTED,)
    assert decision.wake == NOW + 15 * MINUTE


def test_an_empty_rung_is_passed_at_once() -> None:
    decision = moved(alert(), Move.OPEN, only(Tier.STREET))
    assert [tell.number for tell in decision.tell] == [3]
    assert decision.alert.reached == 3
    assert decision.wake == NOW + 20 * MINUTE


def test_with_nobody_at_all_it_opens_and_is_exhausted_in_one_move() -> None:
    decision = moved(alert(), Move.OPEN, nobody)
    assert decision.alert.state is State.EXHAUSTED
    assert decision.happened == (Happened.OPENED, Happened.EXHAUSTED)
    assert decision.alert.version == 2
    assert decision.tell == ()
    assert decision.wake is not None


def test_a_rung_without_a_wait_tells_the_next_one_too() -> None:
    both = alert(Rung(Tier.ENTERPRISE, timedelta(0)), Rung(Tier.GRID, 5 * MINUTE), Rung(Tier.COMMUNITY, MINUTE))
    decision = moved(both, Move.OPEN)
    assert [tell.number for tell in decision.tell] == [1, 2]
    assert decision.wake == NOW + 5 * MINUTE


def test_a_rung_without_a_wait_below_empty_ones_still_gets_time_to_answer() -> None:
    both = alert(Rung(Tier.ENTERPRISE, timedelta(0)), Rung(Tier.GRID, 5 * MINUTE))
    assert moved(both, Move.OPEN, only(Tier.ENTERPRISE)).wake == NOW + 5 * MINUTE


def test_somebody_reachable_later_is_told_after_all() -> None:
    exhausted = moved(alert(), Move.OPEN, nobody).alert
    decision = moved(exhausted, Move.RECHECK, only(Tier.COMMUNITY), NOW + MINUTE)
    assert decision.alert.state is State.OPEN
    assert [tell.number for tell in decision.tell] == [2]
    again = moved(moved(decision.alert, Move.CLIMB, only(Tier.COMMUNITY)).alert, Move.RECHECK, only(Tier.COMMUNITY))
    assert again.alert.state is State.EXHAUSTED, "nobody is told twice by a second look"
    assert again.happened == ()


def test_an_acknowledgement_stops_it_and_a_second_one_changes_nothing() -> None:
    opened = moved(alert(), Move.OPEN).alert
    answered = decide(opened, Command(Move.ACKNOWLEDGE, note="已到场"), STAFF, NOW, everyone)
    assert answered.alert.state is State.ACKNOWLEDGED
    assert (answered.alert.acknowledged_by, answered.alert.acknowledged_note) == ("u-1", "已到场")
    assert answered.wake is None
    again = decide(answered.alert, Command(Move.ACKNOWLEDGE), SYSTEM_ACTOR, NOW + MINUTE, everyone)
    assert again == Decision(answered.alert)


def test_an_escalation_tells_its_tier_anew_although_somebody_answered() -> None:
    opened = moved(alert(), Move.OPEN).alert
    answered = moved(opened, Move.ACKNOWLEDGE).alert
    later = NOW + timedelta(days=1)
    decision = moved(answered, Move.ESCALATE, everyone, later, tier=Tier.COMMUNITY, since=later)
    assert decision.alert.state is State.OPEN
    assert [(tell.number, tell.tier) for tell in decision.tell] == [(2, Tier.COMMUNITY)]
    assert [rung.tier for rung in decision.alert.rungs] == [Tier.GRID, Tier.COMMUNITY, Tier.STREET]
    assert moved(decision.alert, Move.CLIMB).tell[0].tier is Tier.STREET


def test_an_escalation_gives_a_tier_that_was_told_before_a_new_rung() -> None:
    climbed = moved(moved(alert(), Move.OPEN).alert, Move.CLIMB).alert
    later = NOW + timedelta(days=1)
    decision = moved(climbed, Move.ESCALATE, everyone, later, tier=Tier.COMMUNITY, since=later)
    assert [tell.number for tell in decision.tell] == [3]
    assert decision.alert.rungs[2].escalated
    assert decision.alert.rungs[2].wait == 10 * MINUTE


def test_an_escalation_that_the_tier_was_told_after_changes_nothing() -> None:
    climbed = moved(moved(alert(), Move.OPEN).alert, Move.CLIMB).alert
    assert moved(climbed, Move.ESCALATE, tier=Tier.COMMUNITY, since=NOW - MINUTE) == Decision(climbed)


def test_an_escalation_to_a_tier_outside_the_ladder_is_told_all_the_same() -> None:
    opened = moved(alert(), Move.OPEN).alert
    decision = moved(opened, Move.ESCALATE, tier=Tier.DISTRICT, since=NOW)
    assert [tell.tier for tell in decision.tell] == [Tier.DISTRICT]
    assert decision.wake is not None
    assert decision.wake > NOW


def test_an_escalation_that_reaches_nobody_is_visible() -> None:
    answered = moved(moved(alert(), Move.OPEN).alert, Move.ACKNOWLEDGE).alert
    decision = moved(answered, Move.ESCALATE, nobody, tier=Tier.STREET, since=NOW)
    assert decision.alert.state is State.EXHAUSTED
    assert decision.happened == (Happened.EXHAUSTED,)


def test_staff_of_the_area_may_answer_and_an_enterprise_only_if_it_was_told() -> None:
    enterprise = Actor("e", ActorTier.ENTERPRISE, frozenset({Role.ENTERPRISE_HEAD}), Scope("", ENTERPRISE))
    stranger = replace(enterprise, scope=Scope("", OTHER))
    opened = moved(alert(), Move.OPEN).alert
    told = moved(alert(Rung(Tier.ENTERPRISE, MINUTE)), Move.OPEN).alert
    assert may_answer(opened, STAFF)
    assert not may_answer(opened, replace(STAFF, scope=Scope("410503001002")))
    assert not may_answer(opened, enterprise)
    assert may_answer(told, enterprise)
    assert not may_answer(told, stranger)


@pytest.mark.parametrize(("state", "move"), list(product([None, *State], Move)))
def test_a_pair_outside_the_table_is_refused(state: State | None, move: Move) -> None:
    if is_legal(state, move):
        assert decide(alert(state=state), Command(move), SYSTEM_ACTOR, NOW, everyone).alert.state in LIFE[state, move]
    else:
        with pytest.raises(AlertClosed if state is State.CLOSED else IllegalMove):
            decide(alert(state=state), Command(move), SYSTEM_ACTOR, NOW, everyone)


RUNGS = st.lists(
    st.builds(Rung, tier=st.sampled_from(Tier), wait=st.sampled_from([timedelta(0), MINUTE, 60 * MINUTE])),
    min_size=1,
    max_size=6,
)
STEPS = st.lists(
    st.tuples(st.sampled_from(Move), st.sets(st.sampled_from(Tier)), st.sampled_from(Tier)), min_size=1, max_size=15
)


@given(rungs=RUNGS, steps=STEPS)
def test_whatever_happens_a_live_alert_has_a_clock_and_everyone_is_told_once_a_rung(
    rungs: list[Rung], steps: list[tuple[Move, set[Tier], Tier]]
) -> None:
    current, now = alert(*rungs), NOW
    told: set[int] = set()
    wake: datetime | None = None
    for move, tiers, tier in [(Move.OPEN, set(Tier), Tier.GRID), *steps]:
        now += MINUTE
        if not is_legal(current.state, move):
            continue
        before, version = current.state, current.version
        decision = moved(current, move, only(*tiers), now, tier=tier, since=now, reason="moved_on")
        current = decision.alert
        assert current.state in LIFE[before, move]
        assert current.version == version + len(decision.happened)
        assert (current.state is not before) <= bool(decision.happened)
        for tell in decision.tell:
            assert tell.number not in told
            assert current.rungs[tell.number - 1].tier is tell.tier
            told.add(tell.number)
        if decision.happened or decision.wake:
            wake = decision.wake
        assert (wake is not None) == (current.state in (State.OPEN, State.EXHAUSTED))
        assert wake is None or wake > now or not decision.happened


@given(rungs=RUNGS)
def test_a_ladder_left_alone_ends_within_as_many_steps_as_it_has_rungs(rungs: list[Rung]) -> None:
    current = moved(alert(*rungs), Move.OPEN).alert
    for _ in rungs:
        if current.state is State.OPEN:
            current = moved(current, Move.CLIMB).alert
    assert current.state is State.EXHAUSTED
    assert moved(current, Move.CLOSE, reason="hazard_closed").alert.state is State.CLOSED
