"""A background loop rests for a while and is woken at once by the wish to stop."""

import asyncio

from libs.common.stopping import rest


async def test_a_resting_loop_wakes_as_soon_as_it_is_asked_to_stop() -> None:
    stop = asyncio.Event()
    resting = asyncio.create_task(rest(stop, 3600))
    await asyncio.sleep(0)
    assert not resting.done()
    stop.set()
    async with asyncio.timeout(5):
        await resting


async def test_a_loop_that_was_asked_to_stop_before_does_not_rest_at_all() -> None:
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(5):
        await rest(stop, 3600)


async def test_a_loop_that_nobody_stops_goes_on_after_its_rest() -> None:
    stop = asyncio.Event()
    async with asyncio.timeout(5):
        await rest(stop, 0.001)
    assert not stop.is_set()
