"""The event bus: one port (`base`), two adapters (`postgres`, `kafka`), chosen by `create_bus`."""

from __future__ import annotations

from collections.abc import Sequence

from libs.common.bus.base import (
    Bus,
    BusUnavailable,
    Delivered,
    Message,
    Subscription,
    TopicSpec,
    UnknownTopic,
)
from libs.common.bus.topics import load_topics

__all__ = [
    "Bus",
    "BusUnavailable",
    "Delivered",
    "Message",
    "Subscription",
    "TopicSpec",
    "UnknownTopic",
    "create_bus",
]


def create_bus(
    kind: str,
    *,
    bus_database_url: str | None = None,
    kafka_bootstrap_servers: str | None = None,
    client_id: str = "hazardloop",
    session: float = 10.0,
    topics: Sequence[TopicSpec] | None = None,
) -> Bus:
    """The bus named by `kind` ("postgres" or "kafka"), not yet started; ValueError if its address is missing.

    `topics` (by default those of `deploy/topics.yaml`) are made by the bus itself when a publish finds them missing,
    as in a log that was made anew. A member of a group that is silent for `session` (seconds) loses its partitions to
    others: so long a killed process holds up what it was reading. The adapter is imported here: a process pays only for
    the one it uses.
    """
    known = load_topics() if topics is None else topics
    if kind == "postgres":
        from libs.common.bus.postgres import PostgresBus

        if not bus_database_url:
            raise ValueError("the bus on PostgreSQL needs the address of its database (BUS_DATABASE_URL)")
        return PostgresBus(bus_database_url, client_id=client_id, topics=known, session=session)
    if kind == "kafka":
        from libs.common.bus.kafka import KafkaBus

        if not kafka_bootstrap_servers:
            raise ValueError("the bus on Kafka needs its brokers (KAFKA_BOOTSTRAP_SERVERS)")
        return KafkaBus(kafka_bootstrap_servers, client_id=client_id, topics=known, session=session)
    raise ValueError(f"unknown bus {kind!r}: postgres or kafka")
