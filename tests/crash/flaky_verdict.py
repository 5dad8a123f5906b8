"""What became of every message: the rows of the service beside what the phones heard."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any, Protocol

import asyncpg

from services.notifications.domain.delivery import Backoff
from tests.crash.flaky_phones import MOODY
from tests.crash.flaky_plan import FAULTS, HEALTHY, Planned
from tests.evidence.cluster import connected

STRETCH = 30  # seconds
_SLACK = timedelta(milliseconds=2)  # two processes round the clock to the millisecond


class Row(Protocol):
    """A row of the service's table."""

    def __getitem__(self, column: str, /) -> Any: ...


@dataclass(slots=True)
class Verdict:
    """Counts that should be 0, and how long things took (seconds)."""

    undelivered: int = 0
    strange_ids: int = 0  # an id that is not the message's own
    unheard: int = 0  # delivered, says the service, but no phone took it
    unrecorded: int = 0  # calls that phones heard of and the service did not, or attempts without an outcome
    early: int = 0  # attempts before the wait after the last one was over
    impatient: int = 0  # calls before `Retry-After` was over
    strays: int = 0  # redirects that were followed
    attempts: int = 0
    repeated: int = 0  # messages that a phone took more than once, under one id
    most: int = 0  # attempts for one message
    stretches: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))  # `healthy`, by `STRETCH`
    healed: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # the same, by fault
    late: list[float] = field(default_factory=list)  # an attempt after a failure: how long after it was due
    classes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # fault → recorded errors

    @property
    def healthy(self) -> list[float]:
        """Due → delivered for phones without a fault."""
        return [took for times in self.stretches.values() for took in times]


async def judge(url: str, plan: Sequence[Planned], told: Mapping[str, Any], backoff: Backoff) -> Verdict:
    """Reads everything back."""
    async with connected(url) as connection:
        states = {
            row["id"]: row for row in await connection.fetch("SELECT id, state, attempts, finished_at FROM deliveries")
        }
        tries = defaultdict(list)
        for row in await connection.fetch("SELECT * FROM attempts ORDER BY delivery_id, number"):
            tries[row["delivery_id"]].append(row)
    verdict = Verdict(strays=told["strays"])
    for one in plan:
        ids, taken, impatient = told["heard"].get(str(one.number), ([], 0, 0))
        state, made = states[one.id], tries[one.id]
        verdict.attempts += len(made)
        verdict.most = max(verdict.most, len(made))
        verdict.impatient += hurried(made, impatient)
        verdict.strange_ids += sum(said != str(one.id) for said in ids)
        verdict.repeated += taken > 1
        verdict.unheard += state["state"] == "delivered" and not taken
        verdict.unrecorded += unrecorded(one, state["attempts"], made, len(ids))
        _look_at_waits(verdict, one, made, backoff)
        if state["state"] != "delivered":
            verdict.undelivered += 1
            continue
        took = (state["finished_at"] - one.due).total_seconds()
        if one.fault in HEALTHY:
            verdict.stretches[int((one.due - plan[0].due).total_seconds() // STRETCH)].append(took)
        verdict.healed[one.fault].append(took)
    return verdict


def unrecorded(one: Planned, counted: int, made: Sequence[Row], heard: int) -> int:
    """What one side knows of a message and the other does not.

    Every call that a phone has heard is an attempt. Not every attempt is a call: one that ran out of time may have got
    no further than the worker. But one with an answer was heard, unless the phone on a port of its own fails before it
    knows who calls.
    """
    exact = FAULTS[one.fault][0] == MOODY
    gaps = [row["number"] for row in made] != list(range(1, counted + 1))
    blank = sum(row["outcome"] is None for row in made)
    answered = sum(row["status"] is not None for row in made)
    return blank + gaps + max(0, heard - len(made)) + (exact and heard < answered)


def hurried(made: Sequence[Row], impatient: int) -> int:
    """Calls that came before `Retry-After` was over, of a message whose every answer was heard by the sender.

    Who ran out of time before the answer came has not been asked to wait.
    """
    return impatient if all(row["error"] != "timeout" for row in made) else 0


def _look_at_waits(verdict: Verdict, one: Planned, made: Sequence[asyncpg.Record], backoff: Backoff) -> None:
    for row, following in pairwise(made):
        if row["latency_ms"] is None:
            continue
        ended = row["started_at"] + timedelta(milliseconds=row["latency_ms"])
        due = ended + backoff.after(row["number"], one.id)
        verdict.classes[one.fault][row["error"] or "none"] += 1
        verdict.early += following["started_at"] + _SLACK < due
        if one.fault not in ("503", "429"):
            verdict.late.append((following["started_at"] - due).total_seconds())
