"""Phones that hang, ask for patience or have no name: the others are not kept waiting, and nobody is pestered."""

import asyncio
from typing import Any
from uuid import uuid4

from libs.common.contracts import hazards as said
from services.notifications.worker import create_door
from tests.service.notifications.conftest import COMMUNITY, DISTRICT, Hazard, World, person
from tests.support.phones import Phones
from tests.support.waiting import until

CONCURRENCY = 8


async def test_a_silent_receiver_does_not_hold_up_the_others(world: World) -> None:
    sick = [f"病{nr}" for nr in range(CONCURRENCY * 2)]
    async with Phones() as others:
        for name in sick:
            (await world.give_phone(name)).will("silent")
        well = others.phone("好")
        body = {"personId": str(person("好")), "areaCode": DISTRICT, "channel": "webhook", "address": well.url}
        assert (await world.caller_of_district().post("/v1/contacts", body)).status_code == 201
        await world.ladder("found", ("community", "P1D"))
        await world.give_post(COMMUNITY, *sick)
        await world.hear_hazard(Hazard(), said.HazardFound)
        await world.give_post(COMMUNITY, "好", version=3)
        world.clock.advance(seconds=1)
        await world.hear_hazard(Hazard(), said.HazardFound)
        stop = asyncio.Event()
        patient = world.settings.model_copy(update={"delivery_concurrency": CONCURRENCY})
        door = create_door(patient, world.db, world.clock)
        running = asyncio.create_task(door.run(stop))
        try:
            await until(lambda: len(well.calls) == 1)
        finally:
            stop.set()
            running.cancel()
            await asyncio.wait([running])
        well.take()
    for name in sick:
        world.phones.phone(name).take_all()


async def test_a_receiver_that_asks_for_patience_is_left_alone_for_so_long(world: World) -> None:
    phone = await world.give_phone("忙")
    phone.will("later 429 300")
    await world.ladder("found", ("community", "P1D"))
    await world.give_post(COMMUNITY, "忙")
    await world.hear_hazard(Hazard(), said.HazardFound)
    await world.deliver()
    await world.later(seconds=299)
    assert len(phone.take_all()) == 1
    await world.later(seconds=62)  # the fifth that is added by the message's own id
    phone.take()


async def test_patience_is_asked_for_in_vain_beyond_the_longest_wait(world: World) -> None:
    phone = await world.give_phone("忙")
    phone.will("later 503 999999999")
    await world.ladder("found", ("community", "P1D"))
    await world.give_post(COMMUNITY, "忙")
    await world.hear_hazard(Hazard(), said.HazardFound)
    await world.deliver()
    phone.take()
    await world.later(seconds=600 * 1.2)
    phone.take()


async def test_what_is_found_first_is_claimed_alone_by_one_of_two(world: World) -> None:
    await world.give_phone("甲")
    await world.ladder("found", ("community", "P1D"))
    await world.give_post(COMMUNITY, "甲")
    for _ in range(6):
        await world.hear_hazard(Hazard(id=uuid4()), said.HazardFound)
    doors = [create_door(world.settings, world.db, world.clock) for _ in range(2)]
    made: list[Any] = await asyncio.gather(*(door.sweep() for door in doors))
    assert sum(made) == 6
    assert len(world.phones.phone("甲").take_all()) == 6
