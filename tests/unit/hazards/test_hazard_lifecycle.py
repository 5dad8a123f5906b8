"""The table itself: complete, reachable, with a way out and a clock for every open state."""

from pathlib import Path

import pytest

from libs.common.actors import Role, Tier
from services.hazards.domain.announcements import Announcement
from services.hazards.domain.deadlines import CLOCK_OF
from services.hazards.domain.diagram import mermaid
from services.hazards.domain.lifecycle import (
    CLOCK_LABELS,
    FINAL,
    MOVE_LABELS,
    RINGS,
    STATE_LABELS,
    TABLE,
    TIME,
    ClockKind,
    Move,
    Rule,
    State,
    rule_for,
)
from services.hazards.publishing import contract_of

OPEN = [state for state in State if state not in FINAL]
README = Path(__file__).parents[3] / "services" / "hazards" / "README.md"


def reachable(start: State) -> set[State]:
    seen, todo = {start}, [start]
    while todo:
        here = todo.pop()
        for rule in TABLE:
            if rule.source is here and rule.target not in seen:
                seen.add(rule.target)
                todo.append(rule.target)
    return seen


def rows(move: Move) -> list[Rule]:
    return [rule for rule in TABLE if rule.move is move]


def test_a_pair_of_state_and_move_has_one_row_at_most() -> None:
    pairs = [(rule.source, rule.move) for rule in TABLE]
    assert len(pairs) == len(set(pairs))


def test_every_state_is_reached_from_a_report() -> None:
    assert reachable(State.REPORTED) == set(State)


@pytest.mark.parametrize("state", OPEN)
def test_every_open_state_can_end_and_has_a_clock(state: State) -> None:
    assert reachable(state) & FINAL
    clock = CLOCK_OF[state]
    assert rule_for(state, RINGS[clock]) is not None
    for rule in TABLE:
        if rule.target is state and rule.source is not state:
            assert clock in rule.starts, rule
        if rule.source is state and rule.target is not state:
            assert clock in rule.stops, rule


@pytest.mark.parametrize("clock", ClockKind)
def test_what_a_clock_rings_is_a_move_of_time_wherever_the_clock_may_run(clock: ClockKind) -> None:
    started_in = {rule.target for rule in TABLE if clock in rule.starts}
    for state in started_in:
        rule = rule_for(state, RINGS[clock])
        assert rule is not None
        assert rule.who is TIME
        assert rule.target is state
        leaving = [r for r in TABLE if r.source is state and r.target is not state]
        assert leaving
        assert all(clock in r.stops for r in leaving)


def test_a_final_state_has_no_clock() -> None:
    assert not set(CLOCK_OF) & FINAL
    assert not [rule for rule in TABLE if rule.target in FINAL and rule.starts]


def test_a_round_opens_exactly_when_someone_becomes_obliged() -> None:
    assert {rule.move for rule in TABLE if rule.opens_round} == {Move.ASSIGN, Move.ORDER, Move.FAIL}
    entering = [rule for rule in TABLE if rule.target is State.ORDERED and rule.source != State.ORDERED]
    assert all(rule.opens_round for rule in entering)


def test_every_move_has_a_row_and_every_announcement_a_move_and_a_contract() -> None:
    assert {rule.move for rule in TABLE} == set(Move)
    assert {rule.announces for rule in TABLE} == set(Announcement)
    for kind in Announcement:
        assert contract_of(kind).event_type == kind.value


def test_only_officers_of_street_or_district_act_on_majors() -> None:
    for rule in TABLE:
        if rule.who is TIME or rule.move in (Move.REPORT, Move.SUBMIT):
            continue
        assert {post.role for post in rule.major} == {Role.OFFICER}
        assert all(post.tiers == {Tier.STREET, Tier.DISTRICT} for post in rule.major)


def test_the_enterprise_submits_and_nothing_else() -> None:
    theirs = {rule.move for rule in TABLE for post in rule.who if Tier.ENTERPRISE in post.tiers}
    assert theirs == {Move.REPORT, Move.SUBMIT}


def test_a_reinspection_is_by_another_person() -> None:
    assert all(rule.other_person for move in (Move.PASS, Move.FAIL) for rule in rows(move))


def test_every_code_has_a_chinese_label() -> None:
    assert set(STATE_LABELS) == set(State)
    assert set(MOVE_LABELS) == set(Move)
    assert set(CLOCK_LABELS) == set(ClockKind)


def test_the_readme_carries_the_diagram_of_this_table() -> None:
    text = README.read_text(encoding="utf-8")
    assert f"```mermaid\n{mermaid()}\n```" in text, "write the diagram anew: python -m services.hazards diagram"
