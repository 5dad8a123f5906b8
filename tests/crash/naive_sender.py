"""The controls of `flaky-receivers`: a sender that gives every attempt a new id, and one that gives up at once."""

import asyncio
import json
from collections.abc import Sequence

import httpx

from libs.common.ids import new_id

MESSAGES = 60
_TIMES = 2
_FAULTS = ("500", "lost-answer", "reset", "half-answer", "garbage")
_ATTEMPTS = 5


def numbers(first: int) -> range:
    """The numbers under which phones hear of the control; nobody else uses them."""
    return range(first, first + MESSAGES)


async def send_all(port: int, first: int, *, new_ids: bool) -> None:
    """To the moody port. With `new_ids` each attempt has one of its own; without, there is one attempt only."""
    async with httpx.AsyncClient(timeout=1.0, trust_env=False) as client:
        await asyncio.gather(*(_send(client, port, number, new_ids) for number in numbers(first)))


async def _send(client: httpx.AsyncClient, port: int, number: int, new_ids: bool) -> None:
    url = f"http://127.0.0.1:{port}/{_FAULTS[number % len(_FAULTS)]}/{_TIMES}/{number}"
    for _ in range(_ATTEMPTS if new_ids else 1):
        one = str(new_id())
        body = json.dumps({"deliveryId": one}, separators=(",", ":"))
        try:
            response = await client.post(url, content=body, headers={"X-Delivery-Id": one})
        except httpx.TransportError:
            continue
        if response.is_success:
            return


def doubled(heard: Sequence[Sequence[str]]) -> int:
    """Messages that whoever drops known ids would take more than once."""
    return sum(len(set(ids)) > 1 for ids in heard)
