"""Single decisions: who may, what is missing, what changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.common.actors import Role, Tier
from libs.common.errors import AppError
from services.hazards.domain.basis import Basis
from services.hazards.domain.decide import decide
from services.hazards.domain.errors import (
    BadTimeLimit,
    FindingIncomplete,
    LevelNeedsOfficer,
    MoveNotAllowed,
    NotDue,
    OrderIncomplete,
    SamePerson,
    UnknownCategory,
    WrongRole,
)
from services.hazards.domain.lifecycle import ClockKind, Move, State
from services.hazards.domain.moves import (
    Assign,
    Duties,
    Fail,
    FixOnTheSpot,
    Order,
    Pass,
    Reject,
    Reopen,
    Ring,
    Submit,
    Verify,
)
from services.hazards.domain.rulebook import Rulebook
from services.hazards.domain.vocabulary import Handling, Level
from tests.unit.hazards.hazard_examples import (
    DUTIES,
    FIRM,
    NOW,
    OFFICER,
    STAFF,
    SYSTEM,
    actor,
    decided,
    ordered,
    rectified,
    reported,
    verified,
)

GRID_WORKER = actor(Tier.COMMUNITY, Role.GRID_WORKER, who="grid")
CITED = Basis("GB 35181", "2025", "第6.1条")


def codes(error: pytest.ExceptionInfo[AppError]) -> set[str]:
    return {found.code for found in error.value.errors}


def test_a_grid_worker_verifies_general_and_only_suggests_major() -> None:
    assert decided(reported(), Verify(Level.GENERAL), GRID_WORKER).facts.state is State.VERIFIED
    with pytest.raises(LevelNeedsOfficer):
        decided(reported(), Verify(Level.MAJOR, basis=CITED), GRID_WORKER)
    with pytest.raises(LevelNeedsOfficer):
        decided(reported(), Verify(Level.MAJOR, basis=CITED), STAFF)
    assert decided(reported(), Verify(Level.MAJOR, basis=CITED), OFFICER).facts.level is Level.MAJOR


def test_an_officer_is_one_of_street_or_district() -> None:
    pretended = actor(Tier.COMMUNITY, Role.OFFICER)
    with pytest.raises(WrongRole):
        decided(reported(), Verify(Level.GENERAL), pretended)


@pytest.mark.parametrize(
    ("basis", "missing"),
    [
        (None, {"basis_missing"}),
        (Basis(), {"basis_standard_missing", "basis_version_missing", "basis_clause_missing"}),
        (Basis.cite("看着很危险"), {"basis_clause_missing"}),
        (Basis.cite("GB 35181-2025"), {"basis_clause_missing"}),
        (Basis("GB 35181", " ", "6.1"), {"basis_version_missing"}),
    ],
)
def test_a_major_cites_standard_version_and_clause(basis: Basis | None, missing: set[str]) -> None:
    with pytest.raises(FindingIncomplete) as error:
        decided(reported(), Verify(Level.MAJOR, basis=basis), OFFICER)
    assert codes(error) == missing


def test_a_verification_needs_a_category_that_exists() -> None:
    with pytest.raises(FindingIncomplete) as error:
        decided(reported(category=None), Verify(Level.GENERAL), OFFICER)
    assert codes(error) == {"category_missing"}
    with pytest.raises(UnknownCategory):
        decided(reported(), Verify(Level.GENERAL, category="nonsense"), OFFICER)


def test_each_of_the_five_missing_has_its_code() -> None:
    with pytest.raises(OrderIncomplete) as error:
        decide(verified(), Order(Duties(funds=" ")), OFFICER, NOW, Rulebook())
    assert codes(error) == {
        "measures_missing",
        "responsible_missing",
        "funds_missing",
        "contingency_plan_missing",
        "time_limit_missing",
    }


def test_funds_may_be_a_number_even_nought() -> None:
    assert decided(verified(), Order(replace(DUTIES, funds=0)), OFFICER).facts.state is State.ORDERED


def test_community_staff_assign_general_hazards_and_order_nothing() -> None:
    assert decided(verified(), Assign(DUTIES), STAFF).facts.state is State.ORDERED
    with pytest.raises(WrongRole):
        decided(verified(), Order(DUTIES), STAFF)
    with pytest.raises(LevelNeedsOfficer):
        decided(verified(Level.MAJOR), Assign(DUTIES), STAFF)
    with pytest.raises(WrongRole):
        decided(verified(), Assign(DUTIES), GRID_WORKER)


def test_at_once_is_lawful_and_yesterday_is_not() -> None:
    assert decided(verified(), Order(replace(DUTIES, due_at=NOW)), OFFICER).facts.due_at == NOW
    slow = decided(verified(), Order(replace(DUTIES, due_at=NOW - timedelta(seconds=2))), OFFICER)
    assert slow.facts.due_at == NOW
    for wrong, code in (
        (NOW - timedelta(minutes=1), "time_limit_past"),
        (NOW + timedelta(days=9999), "time_limit_too_far"),
    ):
        with pytest.raises(BadTimeLimit) as error:
            decided(verified(), Order(replace(DUTIES, due_at=wrong)), OFFICER)
        assert codes(error) == {code}


def test_the_enterprise_submits_its_own_and_nobody_for_it() -> None:
    assert decided(ordered(), Submit("done"), FIRM).facts.submitted_by == FIRM.id
    for other in (STAFF, OFFICER):
        with pytest.raises(WrongRole):
            decided(ordered(), Submit(), other)


def test_where_no_enterprise_is_responsible_the_neighbourhood_submits() -> None:
    place = ordered(at_enterprise=False)
    submitted = decided(place, Submit(), GRID_WORKER).facts
    assert submitted.state is State.RECTIFIED
    both = actor(Tier.COMMUNITY, who="grid")
    with pytest.raises(SamePerson):
        decided(submitted, Pass(), both)
    assert decided(submitted, Pass(), STAFF).facts.state is State.CLOSED
    with pytest.raises(WrongRole):
        decided(place, Submit(), OFFICER)


def test_a_fail_opens_the_next_round_with_a_new_deadline() -> None:
    before = rectified()
    later = NOW + timedelta(days=4)
    decision = decided(before, Fail("仍堵塞"), STAFF, later)
    assert (decision.facts.state, decision.facts.round) == (State.ORDERED, before.round + 1)
    assert decision.facts.due_at is not None
    assert decision.facts.due_at > later
    assert decision.facts.submitted_by is None
    assert {clock.kind for clock in decision.starts} == {ClockKind.DEADLINE, ClockKind.REMINDER}
    assert decision.stops == (ClockKind.REINSPECTION,)
    assert decision.entry.reason == "仍堵塞"


def test_majors_are_reinspected_by_officers() -> None:
    with pytest.raises(LevelNeedsOfficer):
        decided(replace(rectified(), level=Level.MAJOR), Pass(), STAFF)


def test_a_suggested_major_is_not_brushed_aside_by_the_neighbourhood() -> None:
    suggested = reported(suggested_level=Level.MAJOR)
    for request in (Reject(), FixOnTheSpot()):
        with pytest.raises(LevelNeedsOfficer):
            decided(suggested, request, GRID_WORKER)
        assert decided(suggested, request, OFFICER)


def test_reopening_keeps_the_level_and_waits_for_a_new_order() -> None:
    closed = decided(rectified(), Pass(), OFFICER, NOW + timedelta(days=1)).facts
    assert closed.closed_at == NOW + timedelta(days=1)
    opened = decided(closed, Reopen(), OFFICER).facts
    assert (opened.state, opened.level, opened.round) == (State.VERIFIED, Level.GENERAL, 1)
    assert (opened.due_at, opened.closed_at, opened.handling) == (None, None, Handling.PRE_HANDLED)
    assert opened.order_terms is not None
    again = decided(opened, Order(DUTIES), OFFICER).facts
    assert again.round == 2


def test_moves_out_of_order_say_where_the_hazard_stands() -> None:
    with pytest.raises(MoveNotAllowed, match="待核实"):
        decided(reported(), Submit(), FIRM)
    with pytest.raises(MoveNotAllowed):
        decided(rectified(), Submit(), FIRM)


def test_a_clock_that_rings_too_early_or_twice_changes_nothing() -> None:
    facts = ordered(due_at=NOW + timedelta(hours=1))
    for move in (Move.MISS_DEADLINE, Move.ESCALATE):
        with pytest.raises(NotDue):
            decided(facts, Ring(move), SYSTEM)
    missed = decided(facts, Ring(Move.MISS_DEADLINE), SYSTEM, NOW + timedelta(hours=1)).facts
    with pytest.raises(NotDue):
        decided(missed, Ring(Move.ESCALATE), SYSTEM, NOW + timedelta(hours=2))
    with pytest.raises(NotDue):
        decided(missed, Ring(Move.REMIND), SYSTEM, NOW + timedelta(hours=2))


def test_the_ladder_is_climbed_rung_by_rung_and_ends() -> None:
    facts, rungs = ordered(due_at=NOW), []
    decision = decided(facts, Ring(Move.MISS_DEADLINE), SYSTEM, NOW)
    while decision.starts:
        clock = decision.starts[0]
        decision = decided(decision.facts, Ring(Move.ESCALATE), SYSTEM, clock.rings_at)
        rungs.append((decision.facts.escalation_rung, decision.facts.escalation_tier, clock.rings_at - NOW))
    assert rungs == [(1, "community", timedelta(days=1)), (2, "street", timedelta(days=3))]


def test_reinspection_is_due_from_application_or_expiry_whichever_comes_first() -> None:
    on_time = decided(ordered(), Submit(), FIRM, NOW + timedelta(days=1)).facts
    assert on_time.act_by == datetime(2026, 10, 8, 15, 59, 59, tzinfo=UTC)  # the 5th is a holiday
    late = decided(ordered(due_at=NOW), Submit(), FIRM, NOW + timedelta(days=30)).facts
    assert late.act_by == datetime(2026, 10, 8, 15, 59, 59, tzinfo=UTC)


def test_time_is_nobody_else() -> None:
    with pytest.raises(WrongRole):
        decided(ordered(due_at=NOW), Ring(Move.MISS_DEADLINE), OFFICER)
