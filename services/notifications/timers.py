"""The door for time: ladders whose wait has passed."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.db import Tx
from libs.common.ids import in_order
from libs.common.timers import Fire, Timer
from services.notifications.operations.climb import climb


def fire_ladders(attempts_allowed: int) -> Fire:
    """What a sweep does with due timers; the alerts are locked already."""

    async def fire(tx: Tx, timers: Sequence[Timer], now: datetime) -> None:
        await climb(tx, in_order(timer.subject_id for timer in timers), now, attempts_allowed)

    return fire
