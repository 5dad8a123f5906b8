"""A consumer of the toy service over Kafka in a process: `python -m tests.crash.member_process DATABASE LOG`.

It works on every batch for a moment, inside its transaction and between effect and acknowledgement, so that whatever
befalls it befalls it there. With `--forgetful` it is the control: it has no inbox.
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from random import Random

from libs.common.bus.base import Delivered
from libs.common.bus.kafka import KafkaBus
from libs.common.bus.kafka_subscription import KafkaSubscription
from libs.common.clock import SystemClock
from libs.common.consumer import Consumer
from libs.common.db import Database, Tx
from libs.common.envelope import Event
from libs.common.logs import configure_logs
from libs.common.runner import Loop, run, serve
from tests.support import toyservice as toys
from tests.support.consumer_process import ForgetfulConsumer

SESSION_SECONDS = 2.0
_BATCH = 100
_AT_WORK = 0.04  # seconds at most
_DICE = Random()


async def apply(tx: Tx, events: Sequence[Event], now: datetime) -> None:
    """The effect, which takes a while."""
    await toys.apply_changes(tx, events, now)
    await asyncio.sleep(_DICE.random() * _AT_WORK)


class HesitantBus(KafkaBus):
    """Its members acknowledge a moment after the effect."""

    def subscribe(self, group: str, topics: Sequence[str]) -> KafkaSubscription:
        """See `Bus`."""
        subscription = super().subscribe(group, topics)
        at_once = subscription.ack

        async def later(delivered: Sequence[Delivered]) -> None:
            await asyncio.sleep(_DICE.random() * _AT_WORK)
            await at_once(delivered)

        subscription.ack = later  # type: ignore[method-assign]
        return subscription


async def main(database: str, servers: str, forgetful: bool) -> None:
    """Consumes until told to stop."""
    configure_logs("member", "CRITICAL")
    db = Database(database, pool_size=2, application_name="member")
    bus = HesitantBus(servers, session=SESSION_SECONDS)
    await bus.start()
    kind = ForgetfulConsumer if forgetful else Consumer
    consumer = kind("members", db, bus, [toys.TOPIC], apply, SystemClock(), batch=_BATCH)
    try:
        await serve(None, [Loop("consumer", consumer.run)], host="", port=0)
    finally:
        await bus.stop()
        await db.close()


if __name__ == "__main__":
    run(main(sys.argv[1], sys.argv[2], "--forgetful" in sys.argv))
