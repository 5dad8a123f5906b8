"""Waiting for something to become true, for as long as it takes and no longer than a bound."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 20, every: float = 0.005) -> None:
    """Returns as soon as the condition (plain or async) holds. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        held = condition()
        if await held if inspect.isawaitable(held) else held:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {condition}")
        await asyncio.sleep(every)
