"""Messages as rows: written with the rung that they belong to, claimed with a lease, recorded with every attempt."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from libs.common.db import Record, Tx
from services.notifications.domain.audience import Channel, Tier
from services.notifications.domain.cases import Kind
from services.notifications.domain.delivery import Backoff, Claimed, DeliveryState, Result, final
from services.notifications.store import rows, tables

# The messages that wait longest come first, but no receiver gets more of them than it has room for ($5 and $6; $7 for
# those not named there), and one without room is passed over ($4). Of a few times as many as are wanted the first
# that may leave are taken; between two replicas that look at the same ones, the lock and the test under it decide.
_CLAIM = """
WITH waiting AS MATERIALIZED (
    SELECT d.id, d.next_at, lower(split_part(coalesce(t.address, ''), '/', 3)) AS receiver
    FROM deliveries d LEFT JOIN contacts t ON t.id = d.contact_id
    WHERE d.state = 'pending' AND d.next_at <= $1
      AND lower(split_part(coalesce(t.address, ''), '/', 3)) <> ALL ($4::text[])
    ORDER BY d.next_at LIMIT $2 * 4
), placed AS (
    SELECT id, receiver, row_number() OVER (PARTITION BY receiver ORDER BY next_at, id) AS place FROM waiting
), due AS (
    SELECT d.id, p.receiver FROM placed p JOIN deliveries d ON d.id = p.id
    LEFT JOIN unnest($5::text[], $6::int[]) AS known(receiver, room) ON known.receiver = p.receiver
    WHERE (p.receiver = '' OR p.place <= coalesce(known.room, $7)) AND d.state = 'pending' AND d.next_at <= $1
    ORDER BY d.next_at LIMIT $2 FOR UPDATE OF d SKIP LOCKED
), claimed AS (
    UPDATE deliveries d SET attempts = d.attempts + 1, next_at = $1 + $3::interval
    FROM due WHERE d.id = due.id RETURNING d.*, due.receiver
), noted AS (
    INSERT INTO attempts (delivery_id, number, started_at) SELECT id, attempts, $1 FROM claimed
)
SELECT c.*, a.hazard_id, a.kind, a.enterprise_id, h.number AS hazard_number, h.level, h.place, h.due_at, h.simulated,
       t.address, t.secret
FROM claimed c JOIN alerts a ON a.id = c.alert_id JOIN hazards h ON h.id = a.hazard_id
LEFT JOIN contacts t ON t.id = c.contact_id
ORDER BY c.created_at, c.id
"""

_RECORD_ATTEMPTS = """
UPDATE attempts a SET outcome = r.outcome, status = r.status, error = r.error, latency_ms = r.latency_ms
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[], $6::int[])
     AS r(delivery_id, number, outcome, status, error, latency_ms)
WHERE a.delivery_id = r.delivery_id AND a.number = r.number
"""

# A message that was sent is delivered even if it was called back meanwhile; a failure changes only what still waits
# for this very attempt: a later claim (after the lease ended) has its own say.
_RECORD = """
UPDATE deliveries d SET
    state = r.state, next_at = r.next_at, version = d.version + 1,
    finished_at = CASE WHEN r.state = 'pending' THEN NULL ELSE $5::timestamptz END
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[]) AS r(id, attempt, state, next_at)
WHERE d.id = r.id AND (r.state = 'delivered' AND d.state <> 'delivered'
                       OR d.state = 'pending' AND d.attempts = r.attempt)
"""


async def add(tx: Tx, messages: Sequence[dict[str, Any]]) -> None:
    """Writes new messages; one that exists already (same alert, rung, person, channel) stays as it is."""
    await rows.insert(tx, tables.Delivery, messages)


async def cancel_of(tx: Tx, alert_ids: Sequence[UUID], now: datetime) -> None:
    """Calls back what was not delivered yet."""
    if alert_ids:
        await tx.execute(
            "UPDATE deliveries SET state = 'cancelled', finished_at = $2, version = version + 1 "
            "WHERE id IN (SELECT id FROM deliveries WHERE alert_id = ANY($1::uuid[]) AND state = 'pending' "
            "ORDER BY id FOR UPDATE)",
            list(alert_ids),
            now,
        )


async def claim(
    tx: Tx,
    limit: int,
    lease: timedelta,
    now: datetime,
    *,
    room: Mapping[str, int] = MappingProxyType({}),
    share: int | None = None,
) -> list[Claimed]:
    """Takes up to `limit` due messages for the length of the lease; each begins an attempt, which is noted at once.

    No receiver gets more than its `room`, or than `share` if it is not named there.
    """
    full = [receiver for receiver, more in room.items() if not more]
    known = [receiver for receiver, more in room.items() if more]
    found = await tx.fetch(
        _CLAIM, now, limit, lease, full, known, [room[receiver] for receiver in known], share or limit
    )
    return [_claimed(row) for row in found]


async def record(tx: Tx, results: Sequence[tuple[Claimed, Result]], backoff: Backoff, now: datetime) -> None:
    """Notes how attempts ended, and when those that failed are tried again."""
    if not results:
        return
    results = sorted(results, key=lambda pair: pair[0].id)
    await tx.write(
        "attempts",
        _RECORD_ATTEMPTS,
        [claimed.id for claimed, _ in results],
        [claimed.attempt for claimed, _ in results],
        [result.outcome.value for _, result in results],
        [result.status for _, result in results],
        [result.error for _, result in results],
        [result.latency_ms for _, result in results],
    )
    await tx.write(
        "deliveries",
        _RECORD,
        [claimed.id for claimed, _ in results],
        [claimed.attempt for claimed, _ in results],
        [_state_after(claimed, result).value for claimed, result in results],
        [now + backoff.after(claimed.attempt, claimed.id, result.retry_after) for claimed, result in results],
        now,
    )


def _state_after(claimed: Claimed, result: Result) -> DeliveryState:
    if claimed.address is None:
        return DeliveryState.CANCELLED
    return final(result.outcome, claimed.attempt, claimed.attempts_allowed)


def _claimed(row: Record) -> Claimed:
    return Claimed(
        id=row["id"],
        alert_id=row["alert_id"],
        hazard_id=row["hazard_id"],
        hazard_number=row["hazard_number"],
        kind=Kind(row["kind"]),
        level=row["level"],
        place=row["place"],
        due_at=row["due_at"],
        simulated=row["simulated"],
        rung=row["rung"],
        tier=Tier(row["tier"]),
        person_id=row["person_id"],
        channel=Channel(row["channel"]),
        text=row["text"],
        ticket=row["ticket"],
        attempt=row["attempts"],
        attempts_allowed=row["attempts_allowed"],
        address=row["address"],
        secret=row["secret"],
        receiver=row["receiver"],
    )


async def lock(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Record]:
    """The messages with these ids, locked in id order."""
    found = await tx.fetch("SELECT * FROM deliveries WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", list(ids))
    return {row["id"]: row for row in found}


async def revive(tx: Tx, more: Mapping[UUID, int], now: datetime) -> None:
    """Sets dead messages due now, each with so many more attempts."""
    if more:
        await tx.execute(
            "UPDATE deliveries d SET state = 'pending', next_at = $3, finished_at = NULL, version = d.version + 1, "
            "attempts_allowed = d.attempts + m.more FROM unnest($1::uuid[], $2::int[]) AS m(id, more) "
            "WHERE d.id = m.id AND d.state = 'dead'",
            list(more),
            list(more.values()),
            now,
        )
