"""Idempotency keys: the answer to an actor's key is kept with the change itself and given again, word for word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from libs.common.db import Record, Tx, to_json
from libs.common.errors import IdempotencyKeyReused


@dataclass(frozen=True, slots=True)
class Claim:
    """An actor's wish that this key has one effect. `fingerprint` is a digest of method, path and body."""

    actor: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller gets for a change that was made."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class KeyRaced(Exception):
    """Another transaction answered one of the keys meanwhile: begin again, and it will be found."""


async def recall(tx: Tx, claims: Sequence[Claim]) -> dict[tuple[str, str], Answer | IdempotencyKeyReused]:
    """Answers already given to these keys; a refusal where the key stood for another request."""
    if not claims:
        return {}
    rows = await tx.fetch(
        "SELECT i.* FROM idempotency_keys i JOIN unnest($1::text[], $2::text[]) AS c(actor, key) USING (actor, key)",
        [c.actor for c in claims],
        [c.key for c in claims],
    )
    kept = {(row["actor"], row["key"]): row for row in rows}
    return {(c.actor, c.key): _given(kept[c.actor, c.key], c) for c in claims if (c.actor, c.key) in kept}


def _given(row: Record, claim: Claim) -> Answer | IdempotencyKeyReused:
    if row["fingerprint"] != claim.fingerprint:
        return IdempotencyKeyReused()
    return Answer(row["status"], row["body"], row["headers"])


async def remember(tx: Tx, given: Sequence[tuple[Claim, Answer]], now: datetime) -> None:
    """Keeps the answers with the change. Raises KeyRaced when another transaction was first with one of the keys."""
    if not given:
        return
    given = sorted(given, key=lambda pair: (pair[0].actor, pair[0].key))
    rows = await tx.write_returning(
        "idempotency_keys",
        "INSERT INTO idempotency_keys (actor, key, fingerprint, status, headers, body, answered_at) "
        "SELECT a, k, f, s, h, b, $7 FROM unnest($1::text[], $2::text[], $3::bytea[], $4::smallint[], $5::jsonb[], "
        "$6::bytea[]) AS t(a, k, f, s, h, b) ON CONFLICT DO NOTHING RETURNING key",
        [c.actor for c, _ in given],
        [c.key for c, _ in given],
        [c.fingerprint for c, _ in given],
        [a.status for _, a in given],
        [to_json(dict(a.headers)) for _, a in given],
        [a.body for _, a in given],
        now,
    )
    if len(rows) != len(given):
        raise KeyRaced
