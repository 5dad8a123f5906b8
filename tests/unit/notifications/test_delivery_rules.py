"""Rules of sending: constant ids, doubling waits, an end, and addresses that are not shown."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.audience import Channel
from services.notifications.domain.delivery import Backoff, DeliveryState, Outcome, delivery_id, final, masked

ALERT, PERSON = UUID(int=1), UUID(int=2)


def test_the_id_of_a_message_never_changes_and_is_its_own() -> None:
    assert delivery_id(ALERT, 1, PERSON, Channel.WEBHOOK) == UUID("3e6f4919-3223-5ead-8746-2c5acd17fcd4")


def test_another_rung_person_or_channel_is_another_message() -> None:
    ids = {
        delivery_id(alert, rung, person, channel)
        for alert in (ALERT, UUID(int=3))
        for rung in (1, 11)
        for person in (PERSON, UUID(int=4))
        for channel in Channel
    }
    assert len(ids) == 2 * 2 * 2 * len(Channel)


@given(attempt=st.integers(1, 10_000), key=st.uuids())
def test_waits_double_up_to_a_limit(attempt: int, key: UUID) -> None:
    backoff = Backoff(timedelta(seconds=2), timedelta(minutes=10), 8)
    wait = backoff.after(attempt, key)
    plain = min(2.0 * 2 ** min(attempt - 1, 20), 600.0)
    assert plain <= wait.total_seconds() <= plain * 1.2 + 0.001


def test_messages_that_failed_together_come_back_apart() -> None:
    waits = {Backoff().after(5, uuid4()) for _ in range(50)}
    assert len(waits) > 10


def test_a_message_is_given_up_after_its_last_attempt() -> None:
    assert final(Outcome.FAILED, 4, 5) is DeliveryState.PENDING
    assert final(Outcome.FAILED, 5, 5) is DeliveryState.DEAD
    assert final(Outcome.DELIVERED, 5, 5) is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    ("channel", "address", "shown"),
    [
        (Channel.WEBHOOK, "https://phone.example.org:8443/send?key=secret", "https://phone.example.org:8443/…"),
        (Channel.WEBHOOK, "http://10.0.0.1?key=secret", "http://10.0.0.1/…"),
        (Channel.LOG, "值班室电话", "值…话"),
        (Channel.LOG, "甲", "甲"),
    ],
)
def test_an_address_is_shown_without_what_is_secret_in_it(channel: Channel, address: str, shown: str) -> None:
    assert masked(channel, address) == shown
