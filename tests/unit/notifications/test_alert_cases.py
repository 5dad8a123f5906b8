"""Which events open a case, until when it lasts, what speaks for what."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.common.contracts import CONTRACTS
from libs.common.contracts.hazards import TOPIC
from services.notifications.domain.cases import OPENED_BY, RULES, Hazard, Kind, is_needed, is_replaced, occasion

DUE = datetime(2026, 9, 30, 15, 59, 59, tzinfo=UTC)
HAZARD = Hazard(
    id=UUID(int=1),
    number="HZ-410503-2026-000001",
    version=5,
    state="ordered",
    level="general",
    area_path="410503001001001",
    enterprise_id=None,
    enterprise_name=None,
    place="楼梯间",
    due_at=DUE,
    act_by=None,
    overdue_since=None,
    simulated=False,
)
OVERDUE = replace(HAZARD, version=6, overdue_since=DUE)


def test_every_kind_has_a_rule_and_an_event_that_opens_it() -> None:
    assert set(RULES) == set(Kind)
    assert set(OPENED_BY.values()) == set(Kind)


def test_every_event_that_opens_a_case_is_promised_by_the_hazards() -> None:
    promised = {contract.event_type for contract in CONTRACTS.values() if contract.topic == TOPIC}
    assert set(OPENED_BY) <= promised
    assert promised - set(OPENED_BY) == {"hazard-closed", "hazard-rejected"}


def test_all_events_about_one_missed_deadline_are_one_case() -> None:
    missed, escalated = OVERDUE, replace(OVERDUE, version=9)
    assert occasion(Kind.OVERDUE, missed) == occasion(Kind.OVERDUE, escalated)
    extended = replace(OVERDUE, version=12, overdue_since=DUE + timedelta(days=3))
    assert occasion(Kind.OVERDUE, missed) != occasion(Kind.OVERDUE, extended)


def test_each_order_and_each_reminder_is_a_case_of_its_own() -> None:
    for kind in (Kind.ORDERED, Kind.APPROACHING, Kind.REINSPECTION_FAILED):
        assert occasion(kind, HAZARD) != occasion(kind, replace(HAZARD, version=7))


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (Kind.FOUND, "reported"),
        (Kind.VERIFIED, "verified"),
        (Kind.REOPENED, "verified"),
        (Kind.ORDERED, "ordered"),
        (Kind.RECTIFIED, "rectified"),
    ],
)
def test_a_case_lasts_while_the_hazard_stays_in_its_state(kind: Kind, state: str) -> None:
    for other in ("reported", "verified", "ordered", "rectified", "closed", "void"):
        assert is_needed(kind, replace(HAZARD, state=other)) == (other == state)


def test_a_missed_deadline_ends_the_reminders_and_lasts_until_the_rectification() -> None:
    assert is_needed(Kind.APPROACHING, HAZARD)
    assert not is_needed(Kind.APPROACHING, OVERDUE)
    assert not is_needed(Kind.ORDERED, OVERDUE)
    assert is_needed(Kind.OVERDUE, OVERDUE)
    assert not is_needed(Kind.OVERDUE, replace(OVERDUE, state="rectified"))


def test_a_later_case_speaks_for_an_earlier_one_and_never_the_other_way_round() -> None:
    assert is_replaced(Kind.APPROACHING, 3, [(Kind.APPROACHING, 3), (Kind.APPROACHING, 4)])
    assert not is_replaced(Kind.APPROACHING, 4, [(Kind.APPROACHING, 3), (Kind.APPROACHING, 4)])
    assert is_replaced(Kind.FOUND, 1, [(Kind.VERIFICATION_OVERDUE, 2)])
    assert not is_replaced(Kind.VERIFICATION_OVERDUE, 2, [(Kind.FOUND, 1), (Kind.ORDERED, 3)])
