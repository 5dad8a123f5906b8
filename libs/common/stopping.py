"""How a background loop rests: for a while, or until it is asked to stop."""

import asyncio
import contextlib


async def rest(stop: asyncio.Event, seconds: float) -> None:
    """Returns after that many seconds, or at once when `stop` is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
