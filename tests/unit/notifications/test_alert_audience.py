"""Who is told: those on duty, else those responsible, each by the nearest address; nobody is an answer too."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest

from services.notifications.domain.audience import (
    Channel,
    Contact,
    Directory,
    Post,
    Tier,
    area_label,
    listeners,
    node,
    nodes,
)
from services.notifications.domain.duty import Shift, on_duty

NOW = datetime(2026, 9, 24, 14, 0, tzinfo=UTC)  # Thursday, 22:00 in Shanghai
GRID, COMMUNITY, STREET, DISTRICT = "410503001001001", "410503001001", "410503001", "410503"
ON_DUTY, WORKER, HEAD, LEADER = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
ENTERPRISE = UUID(int=9)


def contact(person: UUID, path: str = "410503", channel: Channel = Channel.WEBHOOK, number: int = 0) -> Contact:
    return Contact(UUID(int=100 + person.int * 10 + number), person, channel, path)


def shift(person: UUID = ON_DUTY, path: str = STREET, role: str | None = None, **more: object) -> Shift:
    fields = {"starts_at": NOW - timedelta(days=30), "ends_at": None, **more}
    return Shift(path, role, person, **fields)  # type: ignore[arg-type]


def told(tier: Tier, directory: Directory, *roles: str, path: str = GRID, enterprise: UUID | None = None) -> list[UUID]:
    found = listeners(tier, frozenset(roles), area_path=path, enterprise_id=enterprise, directory=directory, now=NOW)
    return [listener.person_id for listener in found]


REACHABLE = {p: (contact(p),) for p in (ON_DUTY, WORKER, HEAD, LEADER)}


def test_those_on_duty_are_told_before_those_responsible() -> None:
    posts = {STREET: (Post(HEAD, "station_head"),)}
    assert told(Tier.STREET, Directory(posts=posts, contacts=REACHABLE)) == [HEAD]
    assert told(Tier.STREET, Directory(posts=posts, shifts={STREET: (shift(),)}, contacts=REACHABLE)) == [ON_DUTY]


def test_somebody_on_duty_who_cannot_be_reached_does_not_stand_in_the_way() -> None:
    directory = Directory(
        posts={STREET: (Post(HEAD, "station_head"),)},
        shifts={STREET: (shift(),)},
        contacts={HEAD: (contact(HEAD),)},
    )
    assert told(Tier.STREET, directory) == [HEAD]


def test_nobody_on_duty_nobody_responsible_no_contact_means_nobody() -> None:
    assert told(Tier.STREET, Directory()) == []
    assert told(Tier.STREET, Directory(posts={STREET: (Post(HEAD, "station_head"),)})) == []
    assert told(Tier.ENTERPRISE, Directory()) == []


def test_a_rung_may_name_roles_and_the_leader_is_a_post_of_the_street() -> None:
    posts = {STREET: (Post(HEAD, "station_head"), Post(LEADER, "leader"), Post(LEADER, "officer"))}
    directory = Directory(posts=posts, contacts=REACHABLE)
    assert told(Tier.STREET, directory, "station_head") == [HEAD]
    assert told(Tier.STREET, directory) == [HEAD, LEADER]
    assert told(Tier.LEADER, directory) == [LEADER]


def test_an_enterprise_is_told_by_its_own_persons() -> None:
    directory = Directory(enterprises={ENTERPRISE: (WORKER,)}, contacts=REACHABLE)
    assert told(Tier.ENTERPRISE, directory, enterprise=ENTERPRISE) == [WORKER]
    assert told(Tier.ENTERPRISE, directory) == []


def test_a_place_known_only_to_its_community_has_no_grid() -> None:
    assert node(Tier.GRID, COMMUNITY) is None
    assert nodes(GRID) == (DISTRICT, STREET, COMMUNITY, GRID)
    assert (
        told(Tier.GRID, Directory(posts={GRID: (Post(WORKER, "grid_worker"),)}, contacts=REACHABLE), path=COMMUNITY)
        == []
    )


def test_the_nearest_address_counts_one_a_channel_and_none_from_elsewhere() -> None:
    here, above = contact(HEAD, STREET, number=1), contact(HEAD, DISTRICT, number=2)
    elsewhere, other = contact(HEAD, "410503002", number=3), contact(HEAD, DISTRICT, Channel.LOG, number=4)
    directory = Directory(posts={STREET: (Post(HEAD, "officer"),)}, contacts={HEAD: (here, above, elsewhere, other)})
    found = listeners(Tier.STREET, frozenset(), area_path=GRID, enterprise_id=None, directory=directory, now=NOW)
    assert {listener.contact_id for listener in found} == {here.id, other.id}
    directory = Directory(posts={STREET: (Post(HEAD, "officer"),)}, contacts={HEAD: (elsewhere,)})
    assert told(Tier.STREET, directory) == []


def test_a_place_is_named_by_what_is_known_of_it() -> None:
    names = {STREET: "彰北街道", COMMUNITY: "北关社区", DISTRICT: "北关区"}
    assert area_label(GRID, Directory(names=names)) == "彰北街道北关社区"
    assert GRID in area_label(GRID, Directory())


@pytest.mark.parametrize(
    ("shanghai", "on"),
    [
        ("2026-09-25T17:59", False),  # a Friday
        ("2026-09-25T18:00", True),
        ("2026-09-26T07:59", True),  # still the shift of Friday
        ("2026-09-26T08:00", False),
        ("2026-09-26T23:00", False),  # nobody has Saturday
        ("2026-09-27T07:00", False),
    ],
)
def test_a_shift_past_midnight_belongs_to_the_day_on_which_it_starts(shanghai: str, on: bool) -> None:
    night = shift(weekdays=frozenset({5}), day_from=time(18), day_to=time(8))
    assert night.covers(datetime.fromisoformat(shanghai + "+08:00")) is on


def test_a_shift_has_an_end_and_a_role() -> None:
    assert shift().covers(NOW)
    assert not shift(ends_at=NOW).covers(NOW)
    assert not shift(starts_at=NOW + timedelta(seconds=1)).covers(NOW)
    roster = (shift(role="duty_staff"), shift(WORKER), shift(HEAD, role="officer"), shift(WORKER))
    assert on_duty(roster, frozenset({"duty_staff"}), NOW) == (ON_DUTY, WORKER)
    assert on_duty(roster, frozenset(), NOW) == (ON_DUTY, WORKER, HEAD)


def test_equal_hours_are_the_whole_day_and_day_hours_stay_within_it() -> None:
    whole = shift(weekdays=frozenset({4}), day_from=time(0), day_to=time(0))
    assert whole.covers(datetime.fromisoformat("2026-09-24T23:59:59+08:00"))
    assert not whole.covers(datetime.fromisoformat("2026-09-25T00:00:00+08:00"))
    day = shift(day_from=time(8), day_to=time(18))
    assert day.covers(datetime.fromisoformat("2026-09-24T08:00:00+08:00"))
    assert not day.covers(datetime.fromisoformat("2026-09-24T18:00:00+08:00"))
