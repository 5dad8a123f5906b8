"""The control of the crash matrix: notifications as it is, but for a consumer that acknowledges before the effect."""

import asyncio
import runpy

from libs.common.bus.base import Subscription
from libs.common.consumer import Consumer
from libs.common.failpoints import failpoint
from services.notifications import worker


class HastyConsumer(Consumer):
    """Tells the log that it is done with what it has only taken: who dies in between has lost it."""

    async def _step(self, subscription: Subscription, stop: asyncio.Event) -> None:
        delivered = await subscription.poll(self._batch, 0.5)
        if delivered:
            await subscription.ack(delivered)
            failpoint("consumer.polled")
            await self.handle(delivered)


if __name__ == "__main__":
    setattr(worker, "Consumer", HastyConsumer)  # noqa: B010 - its own module does not offer it for this
    runpy.run_module("services.notifications", run_name="__main__", alter_sys=True)
