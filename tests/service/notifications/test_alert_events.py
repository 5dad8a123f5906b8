"""Events come twice, late, in any order and in any company: the effect is the same, once."""

from itertools import permutations
from typing import Any

import pytest

from libs.common.bus.base import Message
from libs.common.consumer import Consumer
from libs.common.contracts import hazards as said
from libs.common.db import Tx
from libs.common.envelope import Event, to_message
from services.notifications.consumers import TOPICS, apply_events
from tests.service.notifications.conftest import (
    ATTEMPTS,
    COMMUNITY,
    GRID,
    STREET,
    Hazard,
    World,
    announced,
    area,
    enterprise,
    person,
)


async def everything(world: World) -> list[tuple[Any, ...]]:
    """What the alerts and messages look like, without ids."""
    rows = await world.rows(
        "SELECT a.kind, a.occasion, a.state, a.closed_reason, d.rung, d.tier, d.state AS sent FROM alerts a "
        "LEFT JOIN deliveries d ON d.alert_id = a.id ORDER BY 1, 2, 5, 6"
    )
    return [tuple(row.values()) for row in rows]


def a_life(world: World) -> list[Event]:
    hazard, now = Hazard(), world.clock.now()
    return [
        hazard.tells(said.HazardFound, now),
        hazard.tells(said.HazardVerified, now, state="verified"),
        hazard.tells(said.HazardOrdered, now, state="ordered", due_at=now, round=1),
        hazard.tells(said.DeadlineMissed, now, overdue_since=now),
        hazard.tells(said.HazardEscalated, now, escalation_rung=1, escalation_tier="street"),
    ]


async def staffed(world: World) -> None:
    for name, code, role in (
        ("网格员", GRID, "grid_worker"),
        ("社区", COMMUNITY, "officer"),
        ("街道", STREET, "officer"),
    ):
        await world.give_phone(name)
        await world.give_post(code, name, role=role)


async def test_the_same_event_twice_has_one_effect(world: World) -> None:
    await staffed(world)
    event = Hazard().tells(said.HazardFound, world.clock.now())
    await world.hear(event)
    before = await everything(world)
    await world.hear(event)
    await world.hear(event, event)
    assert await everything(world) == before
    assert await world.value("SELECT count(*) FROM alerts") == 1
    assert await world.value("SELECT count(*) FROM outbox") == 1
    assert await world.deliver() == 1
    world.phones.phone("网格员").take()


async def test_one_batch_or_many_the_outcome_is_the_same(world: World) -> None:
    await staffed(world)
    for event in a_life(world):
        await world.hear(event)
    one_by_one = await everything(world)
    async with world.db.transaction() as tx:
        await tx.execute("DELETE FROM alerts")
        await tx.execute("DELETE FROM deliveries")
    await world.hear(*a_life(world))
    assert await everything(world) == one_by_one
    assert {row[0]: row[2] for row in one_by_one} == {
        "found": "closed",
        "verified": "closed",
        "ordered": "closed",
        "overdue": "open",
    }


@pytest.mark.parametrize("order", [(4, 3, 2, 1, 0), (4, 0, 1, 2, 3), (2, 1, 0, 4, 3), (0, 4, 1, 3, 2)])
async def test_late_events_change_nothing_that_is_known_better(world: World, order: tuple[int, ...]) -> None:
    await staffed(world)
    events = a_life(world)
    for place in order:
        await world.hear(events[place])
    states = {row[0]: row[2] for row in await everything(world)}
    assert states == {"found": "closed", "verified": "closed", "ordered": "closed", "overdue": "open"}
    assert await world.value("SELECT version FROM hazards") == 5
    assert await world.value("SELECT count(*) FROM deliveries WHERE tier = 'street' AND state = 'pending'") >= 1


async def test_every_order_of_a_short_life_ends_closed(world: World) -> None:
    for order in permutations(range(3)):
        hazard, now = Hazard(), world.clock.now()
        events = [
            hazard.tells(said.HazardFound, now),
            hazard.tells(said.HazardVerified, now, state="verified"),
            hazard.tells(said.HazardClosed, now, state="closed"),
        ]
        for place in order:
            await world.hear(events[place])
        assert set((await world.street.alerts(hazard)).values()) == {"closed"}, order


async def test_a_consumer_that_dies_before_the_acknowledgement_has_one_effect(world: World) -> None:
    await staffed(world)
    delivered = [world.bus.put(to_message(event)) for event in a_life(world)]
    await world.consumer().handle(delivered)  # committed; the place in the log was never stored
    before = await everything(world)
    await world.consumer().handle(delivered)
    assert await everything(world) == before


async def test_a_consumer_that_dies_before_the_commit_has_no_effect(world: World) -> None:
    class Killed(BaseException):
        pass

    whole = apply_events(ATTEMPTS)

    async def dying(tx: Tx, events: Any, now: Any) -> None:
        await whole(tx, events, now)
        raise Killed

    delivered = [world.bus.put(to_message(event)) for event in a_life(world)]
    with pytest.raises(Killed):
        await Consumer("notifications", world.db, world.bus, TOPICS, dying, world.clock).handle(delivered)
    assert await everything(world) == []
    assert await world.value("SELECT count(*) FROM outbox") == 0
    await world.consumer().handle(delivered)
    assert len(await world.rows("SELECT FROM alerts")) == 4


async def test_one_poisoned_event_is_set_aside_and_the_others_count(world: World) -> None:
    good, bad = Hazard().tells(said.HazardFound, world.clock.now()), Hazard().tells(said.HazardFound, world.clock.now())
    message = to_message(bad)
    poison = Message(
        message.topic, message.key, message.value.replace(b'"version":1', b'"version":"x"'), message.headers
    )
    await world.consumer().handle([world.bus.put(poison), world.bus.put(to_message(good))])
    assert await world.value("SELECT count(*) FROM alerts") == 1
    assert await world.value("SELECT count(*) FROM dead_letters") == 1


async def test_an_event_type_of_tomorrow_still_moves_the_copy_on(world: World) -> None:
    hazard = Hazard()
    await world.hear_hazard(hazard, said.HazardFound)

    class HazardReferred(said.HazardChanged):
        event_type = "hazard-referred"

    await world.hear_hazard(hazard, HazardReferred, state="referred", escalation_tier="province")
    assert await world.street.alerts(hazard) == {"found": "closed"}


async def test_copies_keep_the_newest_whatever_comes_later(world: World) -> None:
    await world.hear(announced(enterprise(version=3, contact_person_ids=[person("新厂长")])))
    await world.hear(announced(enterprise(version=2)), announced(area(COMMUNITY, version=1)))
    assert await world.value("SELECT contact_person_ids FROM enterprises") == [person("新厂长")]
    await world.hear(announced(enterprise(version=4, status="closed")))
    assert await world.value("SELECT active FROM enterprises") is False


async def test_a_person_who_becomes_known_is_told_what_nobody_could_be_told(world: World) -> None:
    await world.give_phone("网格员")
    hazard = Hazard()
    await world.hear_hazard(hazard, said.HazardFound)
    assert (await world.street.alert(hazard))["state"] == "exhausted"
    await world.give_post(GRID, "网格员", role="grid_worker")
    await world.climb()
    await world.deliver()
    assert world.phones.phone("网格员").take().message["tier"] == "grid"
    assert (await world.street.alert(hazard))["state"] == "open"


async def test_a_whole_batch_of_hazards_is_one_effect(world: World) -> None:
    await staffed(world)
    hazards = [Hazard(number=f"HZ-410503-2026-{n:06d}") for n in range(300)]
    await world.hear(*(hazard.tells(said.HazardFound, world.clock.now()) for hazard in hazards))
    assert await world.value("SELECT count(*) FROM alerts WHERE state = 'open'") == 300
    assert await world.value("SELECT count(*) FROM deliveries") == 300
    assert await world.value("SELECT count(*) FROM timers") == 300
    world.clock.advance(minutes=15)
    assert await world.climb() == 300
    assert await world.value("SELECT count(*) FROM deliveries WHERE tier = 'community'") == 300
