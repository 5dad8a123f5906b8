"""Records that other clients may write hold nobody up: header names that are no text, headers without a value."""

import asyncio
import os
import sys

import pytest

from deploy.local.settings import ROOT
from libs.common.bus.base import Message
from tests.support import kafka
from tests.support.bus import make_bus, new_topic, take


@pytest.mark.kafka
async def test_odd_headers_hold_nobody_up(group: str) -> None:
    servers = kafka.shared_servers()
    bus = make_bus("kafka", servers)
    await bus.start()
    try:
        topic = await new_topic(bus, 1)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.service.bus.odd_producer", servers, topic),
            cwd=ROOT,
            env={**os.environ, "AIOKAFKA_NO_EXTENSIONS": "1"},
        )
        assert await process.wait() == 0
        await bus.publish([Message(topic, b"k", b"3")])
        subscription = bus.subscribe(group, [topic])
        await subscription.start()
        taken = await take(subscription, 4)
    finally:
        await bus.stop()
    assert [(item.offset, item.message.value, item.message.headers) for item in taken] == [
        (0, b"0", ()),
        (1, b"1", (("\ufffd\ufffd", b"odd"),)),
        (2, b"2", (("x", b""),)),
        (3, b"3", ()),
    ]
