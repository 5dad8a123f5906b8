"""What became of every event after an outage: counted in the databases of both sides and in Kafka's log."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from aiokafka import AIOKafkaConsumer

from libs.common.bus.kafka_closing import close_consumer
from libs.common.contracts import hazards
from libs.common.outbox import UNPUBLISHED
from tests.evidence.cluster import connected
from tests.evidence.system import System

_READ_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Counts that should be 0, all but `events` and `repeated`; `said` has a line for each that is not."""

    events: int
    lost: int
    doubled: int
    disordered: int
    repeated: int
    said: list[str]


async def reckon(system: System, servers: str, versions: Mapping[str, int]) -> Reckoning:
    """`versions` is what the callers were answered: hazard → last version. Call it when everything has settled."""
    said: list[str] = []
    async with connected(system.urls["hazards"]) as ours, connected(system.urls["notifications"]) as theirs:
        sent = await ours.fetch(
            f"SELECT event_id, key, sequence, id IN (SELECT id FROM {UNPUBLISHED}) AS kept FROM outbox"
        )
        written = {row["id"]: row["version"] for row in await ours.fetch("SELECT id, version FROM hazards")}
        taken = {row["event_id"] for row in await theirs.fetch("SELECT event_id FROM inbox")}
        known = {row["id"]: row["version"] for row in await theirs.fetch("SELECT id, version FROM hazards")}
        buried = await theirs.fetchval("SELECT count(*) FROM dead_letters")
        twice = await theirs.fetchval(_TWICE)
        unopened = await theirs.fetchval(
            "SELECT count(*) FROM unnest($1::uuid[]) AS h(id) WHERE NOT EXISTS "
            "(SELECT 1 FROM alerts a WHERE a.hazard_id = h.id)",
            [UUID(one) for one in versions],
        )
    counts = {
        "answered, but not in the database": sum(written.get(UUID(h), 0) < v for h, v in versions.items()),
        "written twice": sum(written.get(UUID(h), 0) > v for h, v in versions.items()),
        "never relayed": sum(row["kept"] for row in sent),
        "never taken up": sum(row["event_id"] not in taken for row in sent),
        "left behind at an old version": sum(known.get(h) != v for h, v in written.items()),
        "in the dead letters": buried,
        "reported without an alert": unopened,
        "effects that happened twice": twice,
    }
    said += [f"{n} {what}" for what, n in counts.items() if n]
    lost = sum(n for what, n in counts.items() if "twice" not in what)
    disordered, repeated, missing = await _read_log(servers, {(row["key"], row["sequence"]) for row in sent})
    if missing:
        said.append(f"{missing} events are not in the log")
    if disordered:
        said.append(f"{disordered} events stand in the log before an earlier one of their hazard")
    doubled = counts["written twice"] + counts["effects that happened twice"]
    return Reckoning(len(sent), lost + missing, doubled, disordered, repeated, said)


# An alert is opened, and each of its messages sent, once: a second time would leave a second event or attempt.
_TWICE = """
SELECT (SELECT count(*) - count(DISTINCT (key, sequence)) FROM outbox)
     + (SELECT count(*) - count(DISTINCT (hazard_id, kind, occasion)) FROM alerts)
     + (SELECT count(*) - count(DISTINCT delivery_id) FROM attempts WHERE outcome = 'delivered')
"""


async def _read_log(servers: str, sent: set[tuple[str, int]]) -> tuple[int, int, int]:
    """In the topic of hazards: events out of order when first seen, events seen again, events never seen."""
    consumer = AIOKafkaConsumer(
        hazards.TOPIC, bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        latest: dict[str, int] = defaultdict(int)
        seen: set[tuple[str, int]] = set()
        disordered = repeated = 0
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            batches = await consumer.getmany(timeout_ms=int(_READ_SECONDS * 1000))
            if not batches:
                raise RuntimeError("the log cannot be read to its end")
            for records in batches.values():
                for record in records:
                    key = record.key.decode()
                    sequence = int(dict(record.headers)["sequence"])
                    repeated += (key, sequence) in seen
                    disordered += (key, sequence) not in seen and sequence != latest[key] + 1
                    latest[key] = max(latest[key], sequence)
                    seen.add((key, sequence))
    finally:
        await close_consumer(consumer)  # its own `stop()` is cancelled by a task of its own when it has no group
    return disordered, repeated, len(sent - seen)
