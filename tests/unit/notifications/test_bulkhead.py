"""How many messages one receiver may have under way, and names that nobody answers for."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest

from services.notifications.channels.bulkhead import SLOW_SECONDS, Bulkhead
from services.notifications.channels.resolving import Resolver
from services.notifications.channels.webhook import retry_after

PHONE = "phones.example.org:8080"


def test_a_receiver_has_half_of_the_places() -> None:
    bulkhead = Bulkhead(32)
    assert bulkhead.share == 16
    for _ in range(16):
        bulkhead.enter(PHONE)
    assert bulkhead.room() == {PHONE: 0}


def test_a_slow_receiver_has_a_sixteenth_until_it_answers_quickly() -> None:
    bulkhead = Bulkhead(32)
    bulkhead.enter(PHONE)
    bulkhead.leave(PHONE, SLOW_SECONDS)
    assert bulkhead.room() == {PHONE: 2}
    bulkhead.enter(PHONE)
    assert bulkhead.room() == {PHONE: 1}
    bulkhead.leave(PHONE, 0.01)
    assert bulkhead.room() == {}


def test_what_leaves_over_no_network_needs_no_room() -> None:
    bulkhead = Bulkhead(2)
    for _ in range(5):
        bulkhead.enter("")
    assert bulkhead.room() == {}
    bulkhead.leave("", 10 * SLOW_SECONDS)
    assert bulkhead.room() == {}


def test_one_place_is_always_left() -> None:
    bulkhead = Bulkhead(1)
    assert bulkhead.share == 1
    bulkhead.enter(PHONE)
    bulkhead.leave(PHONE, SLOW_SECONDS)
    assert bulkhead.room() == {PHONE: 1}


async def test_names_that_nobody_answers_for_hold_up_no_other() -> None:
    answered = threading.Event()

    def look_up(host: str, port: int) -> Sequence[str]:
        if host.startswith("mute"):
            answered.wait(60)
        return ["192.0.2.1"]

    resolver = Resolver(look_up)
    mute = [asyncio.ensure_future(resolver(f"mute{nr}.example", 80)) for nr in range(40)]
    try:
        assert await asyncio.wait_for(resolver("good.example", 80), 20) == ["192.0.2.1"]
        assert not any(asked.done() for asked in mute)
    finally:
        answered.set()
    assert await asyncio.gather(*mute) == [["192.0.2.1"]] * 40


async def test_a_name_is_looked_up_once_for_all_who_ask_meanwhile() -> None:
    asked: list[str] = []
    answered = threading.Event()

    def look_up(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        answered.wait(60)
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    resolver = Resolver(look_up)
    first, second = (asyncio.ensure_future(resolver("a.example", 80)) for _ in range(2))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(resolver("a.example", 80), 0.01)
    answered.set()
    for waiting in (first, second):
        with pytest.raises(socket.gaierror):
            await waiting
    assert asked == ["a.example"]


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "120"}, timedelta(seconds=120)),
        ({"retry-after": "0"}, timedelta(0)),
        (
            {"retry-after": "Fri, 25 Sep 2026 14:01:30 GMT", "date": "Fri, 25 Sep 2026 14:00:00 GMT"},
            timedelta(seconds=90),
        ),
        ({"retry-after": "Fri, 25 Sep 2026 14:00:00 GMT", "date": "Fri, 25 Sep 2026 15:00:00 GMT"}, timedelta(0)),
        ({"retry-after": "Fri, 25 Sep 2026 14:00:00 GMT"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "99999999999999999999"}, None),
        ({"retry-after": "soon", "date": "now"}, None),
        ({}, None),
    ],
)
def test_how_long_a_receiver_asks_to_be_left_alone(headers: dict[str, str], wait: timedelta | None) -> None:
    assert retry_after(headers) == wait
