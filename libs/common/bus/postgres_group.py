"""How the members of a group share its partitions: who gets how many, and the leases that say so in the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID
from zlib import crc32

from libs.common.bus.postgres_schema import LOCK_CLASS

if TYPE_CHECKING:
    from libs.common.bus.postgres_connections import Connection

Place = tuple[str, int]  # topic, partition

_LOCK: Final = "SELECT pg_advisory_xact_lock($1, hashtext($2))"
_BEAT: Final = """
INSERT INTO bus.members AS m (group_name, id, topics, expires_at)
VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
ON CONFLICT (group_name, id) DO UPDATE SET topics = excluded.topics, expires_at = excluded.expires_at
RETURNING xmax = 0
"""
_EXPIRE: Final = "DELETE FROM bus.members WHERE group_name = $1 AND expires_at <= clock_timestamp() RETURNING id"
_MAKE_LEASES: Final = """
INSERT INTO bus.leases (group_name, topic, partition)
SELECT $1, p.topic, p.partition FROM bus.partitions AS p WHERE p.topic = ANY($2::text[])
AND NOT EXISTS (SELECT FROM bus.leases AS l
                WHERE l.group_name = $1 AND l.topic = p.topic AND l.partition = p.partition)
ORDER BY p.topic, p.partition ON CONFLICT DO NOTHING
"""
_FREE_ORPHANS: Final = """
UPDATE bus.leases AS l SET member = NULL
WHERE l.group_name = $1 AND l.member IS NOT NULL
AND NOT EXISTS (SELECT FROM bus.members AS m WHERE m.group_name = $1 AND m.id = l.member AND l.topic = ANY(m.topics))
RETURNING 1
"""
_MEMBERS: Final = "SELECT id, topics FROM bus.members WHERE group_name = $1"
_LEASES: Final = """
SELECT topic, partition, member, token, acked FROM bus.leases
WHERE group_name = $1 AND topic = ANY($2::text[]) ORDER BY topic, partition
"""
_GIVE_BACK: Final = """
UPDATE bus.leases AS l SET member = NULL FROM unnest($3::text[], $4::integer[]) AS w (topic, partition)
WHERE l.group_name = $1 AND l.member = $2 AND l.topic = w.topic AND l.partition = w.partition
"""
_TAKE: Final = """
UPDATE bus.leases AS l SET member = $2, token = l.token + 1
FROM unnest($3::text[], $4::integer[]) AS w (topic, partition)
WHERE l.group_name = $1 AND l.member IS NULL AND l.topic = w.topic AND l.partition = w.partition
RETURNING l.topic, l.partition, l.token, l.acked
"""
_LEAVE: Final = "DELETE FROM bus.members WHERE group_name = $1 AND id = $2"
_FREE: Final = "UPDATE bus.leases SET member = NULL WHERE group_name = $1 AND member = $2"


@dataclass(slots=True)
class Lease:
    """One partition of ours. `token` fences: it rises whenever the partition changes hands."""

    topic: str
    partition: int
    token: int
    position: int  # the next offset to deliver
    acked: int  # the next offset that the group has not done yet
    surplus_since: float | None = None  # others are entitled to it since then; nothing more is read from it

    @property
    def place(self) -> Place:
        """Where it lies in the log."""
        return self.topic, self.partition

    @property
    def drained(self) -> bool:
        """Whether everything delivered is acknowledged: it can change hands without anything being delivered twice."""
        return self.position <= self.acked


@dataclass(frozen=True, slots=True)
class Beat:
    """What one heartbeat found: the leases we hold, how many we should hold of each topic, whether others must know."""

    held: dict[Place, tuple[int, int]]  # token, acked
    shares: dict[str, int]
    changed: bool


def fair_share(topic: str, partitions: int, members: Collection[UUID], me: UUID) -> int:
    """How many partitions of `topic` are ours; over all members the shares add up to all of them.

    The remainder goes to other members for other topics: nobody is the only reader of all topics of one partition.
    """
    order = sorted(members)
    rank = (order.index(me) + crc32(topic.encode())) % len(order)
    return partitions // len(order) + (rank < partitions % len(order))


async def beat(
    connection: Connection, group: str, me: UUID, topics: Sequence[str], session: float, give_back: Collection[Place]
) -> Beat:
    """Say that we live, bury the dead, give back `give_back`, take what is free and ours to take. One transaction.

    The lock only spares members from stepping on each other's toes; what fences is the token of each lease.
    """
    async with connection.transaction():
        await connection.execute(_LOCK, LOCK_CLASS, group)
        joined = await connection.fetchval(_BEAT, group, me, list(topics), session)
        expired = await connection.fetch(_EXPIRE, group)
        await connection.execute(_MAKE_LEASES, group, list(topics))
        freed = await connection.fetch(_FREE_ORPHANS, group)
        if give_back:
            await connection.execute(_GIVE_BACK, group, me, *_columns(give_back))
        members = await connection.fetch(_MEMBERS, group)
        leases = await connection.fetch(_LEASES, group, list(topics))
        readers = {topic: [m["id"] for m in members if topic in m["topics"]] for topic in topics}
        sizes = Counter(lease["topic"] for lease in leases)
        shares = {topic: fair_share(topic, sizes[topic], readers[topic], me) for topic in topics}
        held = {(r["topic"], r["partition"]): (r["token"], r["acked"]) for r in leases if r["member"] == me}
        wanted = _to_take(shares, held, [(r["topic"], r["partition"]) for r in leases if r["member"] is None])
        if wanted:
            taken = await connection.fetch(_TAKE, group, me, *_columns(wanted))
            held |= {(r["topic"], r["partition"]): (r["token"], r["acked"]) for r in taken}
    return Beat(held, shares, bool(joined or expired or freed or give_back))


async def leave(connection: Connection, group: str, me: UUID) -> None:
    """Give everything back and go."""
    async with connection.transaction():
        await connection.execute(_LOCK, LOCK_CLASS, group)
        await connection.execute(_LEAVE, group, me)
        await connection.execute(_FREE, group, me)


def _to_take(shares: dict[str, int], held: Collection[Place], free: Sequence[Place]) -> list[Place]:
    have = Counter(topic for topic, _ in held)
    wanted: list[Place] = []
    for topic, partition in free:
        if have[topic] < shares[topic]:
            have[topic] += 1
            wanted.append((topic, partition))
    return wanted


def _columns(places: Collection[Place]) -> tuple[list[str], list[int]]:
    ordered = sorted(places)
    return [topic for topic, _ in ordered], [partition for _, partition in ordered]
