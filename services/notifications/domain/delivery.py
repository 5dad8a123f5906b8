"""Rules of sending: the constant id of a message, how a failure is followed by another attempt, and when to give up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from uuid import UUID, uuid5

from services.notifications.domain.audience import Channel, Tier
from services.notifications.domain.cases import Kind

_NAMESPACE = UUID("6f0b7f0e-6a6a-5d3e-9a55-1f4f1f0f6c11")


class DeliveryState(StrEnum):
    """Where a message stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # given up; a person may send it again
    CANCELLED = "cancelled"  # no longer needed before it was sent


class Outcome(StrEnum):
    """How an attempt ended; one that has none was cut off by a crash."""

    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is ours to send until the lease ends. `address` is None when the contact is gone."""

    id: UUID
    alert_id: UUID
    hazard_id: UUID
    hazard_number: str
    kind: Kind
    level: str | None
    place: str | None
    due_at: datetime | None
    simulated: bool
    rung: int
    tier: Tier
    person_id: UUID
    channel: Channel
    text: str
    ticket: str
    attempt: int
    attempts_allowed: int
    address: str | None
    secret: str | None
    receiver: str = ""  # host and port of the address; empty where nothing is called


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended. `error` is a short stable class such as `timeout`, never text from the other side.

    `retry_after` is how long the other side asks to be left alone.
    """

    outcome: Outcome
    status: int | None = None
    error: str | None = None
    latency_ms: int | None = None
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from `first` up to `longest`, for `attempts` attempts in all."""

    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=10)
    attempts: int = 8

    def after(self, attempt: int, key: UUID, asked: timedelta | None = None) -> timedelta:
        """How long to wait after attempt number `attempt` (from 1) failed, and the receiver `asked` for so much time.

        Up to a fifth is added by the message's own id, so that messages that failed together come back apart.
        """
        doublings = min(max(attempt, 1) - 1, 30)
        wait = min(max(self.first * (1 << doublings), asked or timedelta()), self.longest)
        return wait + wait * (blake2b(key.bytes, digest_size=1).digest()[0] / 255 / 5)


def delivery_id(alert_id: UUID, rung: int, person_id: UUID, channel: Channel) -> UUID:
    """The id of the message to that person about that rung: the same however often it is made or sent."""
    return uuid5(_NAMESPACE, f"{alert_id}/{rung}/{person_id}/{channel.value}")


def final(outcome: Outcome, attempt: int, allowed: int) -> DeliveryState:
    """Where a message stands after an attempt."""
    if outcome is Outcome.DELIVERED:
        return DeliveryState.DELIVERED
    return DeliveryState.PENDING if attempt < allowed else DeliveryState.DEAD


def masked(channel: Channel, address: str) -> str:
    """An address as answers show it: a webhook keeps scheme and host, for its path may hold a key; a label its ends."""
    if channel is Channel.WEBHOOK:
        scheme, _, rest = address.partition("://")
        return f"{scheme}://{_host(rest)}/…"
    return address if len(address) <= 2 else f"{address[0]}…{address[-1]}"


def _host(rest: str) -> str:
    ends: Sequence[int] = [at for mark in "/?#" if (at := rest.find(mark)) >= 0]
    return rest[: min(ends, default=len(rest))]
