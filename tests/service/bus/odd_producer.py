"""Writes what our own producer never would: `AIOKAFKA_NO_EXTENSIONS=1 python -m tests.service.bus.odd_producer …`.

Arguments: bootstrap servers, topic. Three records of one batch: a good one, one with a header whose name is no UTF-8,
and one with a header without a value.
"""

import asyncio
import sys
from typing import Any

from aiokafka import AIOKafkaProducer


class NoText(str):
    """A name that other clients may write, since to Kafka it is bytes."""

    def encode(self, *_: Any, **__: Any) -> bytes:
        return b"\xff\xfe"


async def main(servers: str, topic: str) -> None:
    """All three at once, so that the good one shares its fate with the others."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, linger_ms=200)
    await producer.start()
    headers: list[list[tuple[str, Any]]] = [[], [(NoText("x"), b"odd")], [("x", None)]]
    sent = [await producer.send(topic, str(n).encode(), b"k", headers=each) for n, each in enumerate(headers)]
    await asyncio.gather(*sent)
    await producer.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
