"""Where each process of the crash matrix can die: its failpoints, and up to which pass it may live."""

from collections.abc import Mapping

_DATABASE = {"db.begun": 60, "db.committing": 60, "db.committed": 60, "outbox.announced": 10}
_RELAY = {
    **dict.fromkeys(("relay.meeting", "relay.claimed", "relay.leased"), 1),
    **dict.fromkeys(("relay.read", "relay.published", "relay.marked", "producer.sending"), 8),
}
_CONSUMER = dict.fromkeys(
    ("consumer.polled", "consumer.remembered", "consumer.applied", "consumer.committed", "consumer.acknowledged"), 4
)
_SWEEPER = dict.fromkeys(("sweeper.claimed", "sweeper.taken", "sweeper.fired", "sweeper.committed"), 4)
_OPERATION = dict.fromkeys(
    (
        *("batcher.gathered", "batcher.flushed", "operation.recalled", "operation.performed"),
        *("operation.remembered", "operation.committed"),
    ),
    10,
)

PLACES: Mapping[str, Mapping[str, int]] = {
    "hazards-app": {
        **_DATABASE,
        **_OPERATION,
        **dict.fromkeys(("api.received", "api.answering", "api.answered"), 12),
        **dict.fromkeys(("bulk.performed", "bulk.remembered", "bulk.committed"), 2),
        **dict.fromkeys(("hazards.inserted", "hazards.updated", "hazards.counted"), 6),
        **dict.fromkeys(("hazards.logged", "hazards.clocked"), 6),
    },
    "hazards-worker": {
        **_DATABASE,
        **_RELAY,
        **_CONSUMER,
        **_SWEEPER,
        "consumer.polled": 2,
        **dict.fromkeys(("hazards.updated", "hazards.counted", "hazards.logged", "hazards.clocked"), 3),
        "hazards.folded": 3,
        "hazards.copied": 2,
    },
    "notifications": {
        **_DATABASE,
        **_RELAY,
        **_CONSUMER,
        **_SWEEPER,
        **dict.fromkeys(("notifications.copied", "notifications.decided", "notifications.alerted"), 6),
        **dict.fromkeys(("notifications.addressed", "notifications.climbing"), 3),
        **dict.fromkeys(("sender.claimed", "sender.calling", "sender.called"), 10),
        **dict.fromkeys(("sender.recording", "sender.recorded"), 6),
    },
    "registry": {
        **_DATABASE,
        **_RELAY,
        **dict.fromkeys(_OPERATION, 1),
        **dict.fromkeys(("importer.queueing", "importer.claimed", "importer.read", "importer.halfway"), 1),
        **dict.fromkeys(("importer.writing", "importer.applied", "importer.finished", "importer.refusing"), 1),
        **dict.fromkeys(("registry.enterprises_written", "registry.parts_written"), 1),
    },
}
"""By process."""

SHARES: Mapping[str, int] = {"hazards-app": 16, "hazards-worker": 8, "notifications": 10, "registry": 6}
"""How forty deaths are shared out: those come often that are soon back at work."""


def shared_out(count: int) -> dict[str, int]:
    """So many deaths by process, in those shares."""
    whole = sum(SHARES.values())
    shares = {name: count * share // whole for name, share in SHARES.items()}
    for name in list(SHARES)[: count - sum(shares.values())]:
        shares[name] += 1
    return shares
