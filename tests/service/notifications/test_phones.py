"""The phones of the tests themselves: a message that no test expected fails it."""

import httpx
import pytest

from tests.support.phones import Phones


async def test_a_message_that_nobody_expected_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="did not expect"):
        async with Phones() as phones, httpx.AsyncClient(trust_env=False) as client:
            await client.post(phones.phone("anyone").url, json={"text": "喂"}, headers={"X-Delivery-Id": "1"})


async def test_a_call_that_did_not_come_fails_the_test() -> None:
    async with Phones() as phones:
        with pytest.raises(AssertionError, match="nobody called"):
            phones.phone("anyone").take()
