"""Failpoints: named places between the steps that matter, at which a process can be told to die.

`failpoint("relay.published")` does nothing unless FAILPOINTS names it: `relay.published=kill:7` kills the process at
the seventh pass, without a last word, as a power cut does; `exit` ends it at once by itself, `raise` lets the step
fail. Several are separated by commas, and the number may be left out. Refused when ENVIRONMENT=production.
"""

import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

# Every place that there is, and what has happened there and what has not. Each is passed at one place of the source,
# and `make crash ONLY=crash-matrix` says which of them no process has died at.
PLACES: Mapping[str, str] = {
    "api.received": "a request of the fast lane is in, nothing is done",
    "api.answering": "its change is committed, its answer is not sent",
    "api.answered": "its answer is sent; others of its batch may wait for theirs",
    "batcher.gathered": "a batch is taken from the queue, nothing is done",
    "batcher.flushed": "a batch is done, nobody is answered",
    "operation.recalled": "the keys of a batch are looked up, nothing is decided",
    "operation.performed": "a batch is written, its answers are not kept",
    "operation.remembered": "its answers are kept, nothing is committed",
    "operation.committed": "a batch is committed, nobody is told",
    "bulk.performed": "a bulk request is written, its answer is not kept",
    "bulk.remembered": "its answer is kept, nothing is committed",
    "bulk.committed": "a bulk request is committed, nobody is told",
    "db.begun": "a transaction is open and empty",
    "db.committing": "everything is written, COMMIT is not sent",
    "db.committed": "the server has confirmed COMMIT, nobody here has heard it",
    "outbox.announced": "events are written down, nothing is committed",
    "relay.meeting": "which log this is is written down, not committed",
    "relay.claimed": "shards are taken, not committed",
    "relay.leased": "shards are held, nothing is read",
    "relay.read": "unpublished events are read, none is sent",
    "relay.published": "events are in the log, not marked",
    "relay.marked": "events are marked",
    "producer.sending": "a list is handed to the Kafka client, nobody knows how much of it is sent",
    "consumer.polled": "messages are taken from the log, nothing is done",
    "consumer.remembered": "their ids are in the inbox, no effect is written",
    "consumer.applied": "the effect is written, nothing is committed",
    "consumer.committed": "the effect is committed, the log does not know",
    "consumer.acknowledged": "the log knows",
    "sweeper.claimed": "subjects of due timers are locked",
    "sweeper.taken": "due timers are deleted, nothing has come of them",
    "sweeper.fired": "what comes of them is written, nothing is committed",
    "sweeper.committed": "what comes of them is committed",
    "hazards.inserted": "new hazards are written, nothing else of them",
    "hazards.updated": "moved hazards are written, nothing else of the move",
    "hazards.counted": "the counters know, the log does not",
    "hazards.logged": "the log knows, no clock is set",
    "hazards.clocked": "clocks are set, nothing is announced",
    "hazards.folded": "deltas are folded into counters, not committed",
    "hazards.copied": "copies of areas or enterprises are written, not committed",
    "notifications.copied": "hazards are copied, no alert is opened",
    "notifications.decided": "alerts are decided, none is written",
    "notifications.alerted": "alerts and their timers are written, no message",
    "notifications.addressed": "messages are written, nothing is announced",
    "notifications.climbing": "ladders are locked, none has climbed",
    "sender.claimed": "messages are claimed, none is sent",
    "sender.calling": "a receiver is about to be called",
    "sender.called": "a receiver has answered, nobody wrote it down",
    "sender.recording": "the outcome is written, not committed",
    "sender.recorded": "the outcome is committed",
    "importer.queueing": "a job is written, its file is not",
    "importer.claimed": "a job is held, its file is not read",
    "importer.read": "its file is read, nothing is written",
    "importer.halfway": "the lease is renewed, the writing begins",
    "importer.writing": "some of the file is written, not committed",
    "importer.applied": "everything of the file is written, not committed",
    "importer.finished": "the import is committed",
    "importer.refusing": "the refusal is written, not committed",
    "registry.enterprises_written": "files of enterprises are written, nothing that belongs to them",
    "registry.parts_written": "what belongs to them is written, nothing is announced",
}

_WORDS = re.compile(r"([a-z_.]+)=(kill|exit|raise)(?::([1-9][0-9]{0,8}))?")
_EXIT_CODE = 70


class Deed(StrEnum):
    """What is done at a failpoint."""

    KILL = "kill"
    EXIT = "exit"
    RAISE = "raise"


class FailpointReached(Exception):
    """What `raise` raises: a fault of which nobody knows anything."""


@dataclass(slots=True)
class _Armed:
    deed: Deed
    passes_left: int


_armed: dict[str, _Armed] = {}
_witness: int | None = None


def failpoint(name: str) -> None:
    """Marks a place. Does nothing unless this process was armed."""
    if _armed:
        _pass(name)


def check(words: str) -> None:
    """Raises ValueError unless `words` could be armed: unknown names and deeds are refused."""
    _parse(words)


def arm(words: str, witness: str = "") -> None:
    """Arms this process from now on; empty words disarm it. Raises ValueError for what cannot be read.

    `witness` is a file to which the name of the failpoint is added before it does its deed.
    """
    global _witness  # noqa: PLW0603 - a process has one set of failpoints, and dies of it
    _armed.clear()
    _armed.update(_parse(words))
    if _witness is not None:
        os.close(_witness)
    _witness = os.open(witness, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if witness and words else None


def _parse(words: str) -> dict[str, _Armed]:
    armed: dict[str, _Armed] = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        found = _WORDS.fullmatch(word)
        if found is None or found[1] not in PLACES:
            raise ValueError(f"FAILPOINTS: {word} is no failpoint, such as relay.published=kill:7")
        armed[found[1]] = _Armed(Deed(found[2]), int(found[3] or 1))
    return armed


def _pass(name: str) -> None:
    place = _armed.get(name)
    if place is None:
        return
    place.passes_left -= 1
    if place.passes_left:
        return
    if _witness is not None:
        os.write(_witness, f"{name}\n".encode())
    match place.deed:
        case Deed.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Deed.EXIT:
            os._exit(_EXIT_CODE)
        case Deed.RAISE:
            raise FailpointReached(name)
