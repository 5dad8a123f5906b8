"""A consumer of the toy service in a process of its own, which a test kills at the worst moment.

`python -m tests.support.consumer_process DATABASE_URL BUS_URL [--hang-before-ack] [--forgetful]`: with the first flag
it writes `effect` to stdout once the effect is committed and never acknowledges it; with the second it has no inbox.
"""

import asyncio
import sys
from collections.abc import Sequence

from libs.common.bus.base import Delivered, Subscription
from libs.common.bus.postgres import PostgresBus
from libs.common.clock import SystemClock
from libs.common.consumer import Consumer
from libs.common.db import Database, Tx
from libs.common.envelope import Event
from tests.support import toyservice as toys

GROUP = "toys"


class HangingSubscription:
    """A subscription whose acknowledgement is never sent."""

    def __init__(self, inner: Subscription) -> None:
        self._inner = inner
        self.start, self.stop, self.poll = inner.start, inner.stop, inner.poll

    async def ack(self, delivered: Sequence[Delivered]) -> None:
        print("effect", len(delivered), flush=True)
        await asyncio.Event().wait()


class HangingBus(PostgresBus):
    """A bus that hands out such subscriptions."""

    def subscribe(self, group: str, topics: Sequence[str]) -> HangingSubscription:  # type: ignore[override]
        return HangingSubscription(super().subscribe(group, topics))


class ForgetfulConsumer(Consumer):
    """The control: it applies whatever is delivered, and remembers nothing."""

    async def _effect_in(self, tx: Tx, events: Sequence[Event]) -> None:
        await self._apply(tx, events, self._clock.now())


async def main(database_url: str, bus_url: str, flags: Sequence[str]) -> None:
    db = Database(database_url, pool_size=2)
    bus = (HangingBus if "--hang-before-ack" in flags else PostgresBus)(bus_url, session=1.0)
    await bus.start()
    kind = ForgetfulConsumer if "--forgetful" in flags else Consumer
    consumer = kind(GROUP, db, bus, [toys.TOPIC], toys.apply_changes, SystemClock())
    await consumer.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
