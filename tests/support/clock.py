"""A clock that stands still until a test moves it; whoever sleeps on it wakes when its time has come."""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)  # a Friday, 09:00 in Shanghai


class FakeClock:
    def __init__(self, start: datetime = START) -> None:
        self._now = start.astimezone(UTC)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._order), waking))
        await waking

    def told(self, there: datetime, asked: float, heard: float) -> None:
        """The database may say what it likes: this clock is moved by the test alone."""

    def advance(self, **duration: float) -> datetime:
        """Moves on by `timedelta(**duration)`; the new time."""
        return self.move_to(self._now + timedelta(**duration))

    def move_to(self, instant: datetime) -> datetime:
        """Moves to the instant, which must not lie behind; wakes the sleepers on the way in order."""
        if instant < self._now:
            raise ValueError("time does not run backwards")
        self._now = instant.astimezone(UTC)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, waking = heapq.heappop(self._sleepers)
            if not waking.done():
                waking.set_result(None)
        return self._now
