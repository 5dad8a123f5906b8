"""The books of the crash matrix: what was asked, what the databases hold, what the log holds, and how they agree."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from deploy.local.settings import SERVICES
from libs.common.db import Database
from libs.common.outbox import UNPUBLISHED
from services.hazards.store.counters import reconcile
from tests.crash.log_reader import LogReader
from tests.crash.matrix_people import LEDGER_LINES, Asked
from tests.crash.receivers import Receivers
from tests.evidence.cluster import connected

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_CHUNK = 20_000


class Fault(StrEnum):
    """The ways in which a promise can be broken."""

    LOST = "lost"
    DOUBLED = "doubled"
    DISORDERED = "out of order"
    HALF = "half written"
    STUCK = "stuck"


@dataclass(slots=True)
class Faults:
    """How often each promise was broken, and how."""

    counts: Counter[tuple[Fault, str]] = field(default_factory=Counter)

    def note(self, fault: Fault, what: str, count: int) -> None:
        """Adds to the count unless it is 0."""
        if count:
            self.counts[fault, what] += count

    def put(self, fault: Fault, what: str, count: int) -> None:
        """What was counted anew over all rounds."""
        self.counts.pop((fault, what), None)
        self.note(fault, what, count)

    def total(self, fault: Fault) -> int:
        """How often that promise was broken."""
        return sum(count for (kind, _), count in self.counts.items() if kind is fault)

    def lines(self) -> list[str]:
        """One line for each way, for whoever wants to know more."""
        return [f"{fault.value}: {count} {what}" for (fault, what), count in sorted(self.counts.items())]


class Books:
    """Kept over all rounds of one system; each round adds what is new."""

    def __init__(self, urls: Mapping[str, str], servers: str) -> None:
        self._urls = urls
        self._log = LogReader(servers)
        self._last = dict.fromkeys(SERVICES, 0)
        self._announced: set[bytes] = set()
        self._per_key: dict[str, Counter[str]] = {service: Counter() for service in SERVICES}
        self.events = 0
        self.repeated = 0
        self.faults = Faults()

    async def close_round(self, asked: Asked, phones: Receivers) -> None:
        """Compares everything; call it when the system has settled."""
        fresh = {service: await self._fresh(service) for service in SERVICES}
        await self._look_into_log({bytes_of(row) for rows in fresh.values() for row in rows})
        await self._look_into_inboxes(fresh)
        async with connected(self._urls["hazards"]) as connection:
            await self._look_at_hazards(connection, asked, fresh["hazards"])
        async with connected(self._urls["notifications"]) as connection:
            await self._look_at_alerts(connection, asked, fresh)
            await self._look_at_messages(connection, phones)
        async with connected(self._urls["registry"]) as connection:
            await self._look_at_imports(connection, asked)

    def note_left(self, left: Mapping[str, int]) -> None:
        """What was still undone when nothing moved any more."""
        for what, count in left.items():
            self.faults.note(Fault.STUCK, what, count)

    async def recount(self) -> None:
        """Compares the counters of the hazards service with a recount of everything."""
        db = Database(self._urls["hazards"], pool_size=2, application_name="crash-matrix")
        async with db.transaction() as tx:
            differing = await reconcile(tx)
        await db.close()
        self.faults.note(Fault.DOUBLED, "figures of the views that differ from a recount", differing)

    async def passed_over(self) -> int:
        """Events of the last round that notifications has told the log to be done with, and has not taken up."""
        async with connected(self._urls["notifications"]) as connection:
            database = await connection.fetchval("SELECT value FROM facts WHERE name = 'database_id'")
        group = f"notifications-{database}"
        while await _left_unpublished(self._urls) or not await self._log.is_read_by(group):  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        await asyncio.sleep(1.0)  # what is acknowledged may still be on its way into the database
        ids = [row["event_id"] for name in ("registry", "hazards") for row in await self._fresh(name)]
        async with connected(self._urls["notifications"]) as connection:
            taken: int = await connection.fetchval("SELECT count(*) FROM inbox WHERE event_id = ANY($1)", ids)
        return len(ids) - taken

    async def _fresh(self, service: str) -> list[asyncpg.Record]:
        """Events announced since the last round."""
        async with connected(self._urls[service]) as connection:
            rows = await connection.fetch(
                "SELECT id, event_id, type, key, sequence FROM outbox WHERE id > $1 ORDER BY id", self._last[service]
            )
        if rows:
            self._last[service] = rows[-1]["id"]
        before = len(self._announced)
        self._announced.update(bytes_of(row) for row in rows)
        self.events += len(rows)
        self.faults.note(Fault.DOUBLED, "event ids given twice", len(rows) - (len(self._announced) - before))
        self._per_key[service].update(row["key"] for row in rows)
        twice = len(rows) - len({(row["key"], row["sequence"]) for row in rows})
        self.faults.note(Fault.DOUBLED, "events announced twice", twice)
        return list(rows)

    async def _look_into_log(self, fresh: set[bytes]) -> None:
        reading = await self._log.read_on()
        self.repeated += reading.repeated
        self.faults.note(Fault.LOST, "events announced and not in the log", len(fresh - self._log.seen))
        self.faults.put(Fault.HALF, "events in the log that nobody announced", len(self._log.seen - self._announced))
        self.faults.note(Fault.DISORDERED, "events in the log after a later one of their key", reading.disordered)

    async def _look_into_inboxes(self, fresh: Mapping[str, Sequence[asyncpg.Record]]) -> None:
        readers = {"hazards": ("registry",), "notifications": ("registry", "hazards")}
        for reader, services in readers.items():
            ids = [row["event_id"] for service in services for row in fresh[service]]
            async with connected(self._urls[reader]) as connection:
                taken = 0
                for chunk in _chunks(ids):
                    taken += await connection.fetchval("SELECT count(*) FROM inbox WHERE event_id = ANY($1)", chunk)
                buried = await connection.fetchval("SELECT count(*) FROM dead_letters")
                idle = await connection.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                    "state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '5 seconds'"
                )
            self.faults.note(Fault.LOST, f"events not taken up by {reader}", len(ids) - taken)
            self.faults.put(Fault.LOST, f"events in the dead letters of {reader}", buried)
            self.faults.note(Fault.STUCK, f"transactions left open in {reader}", idle)

    async def _look_at_hazards(self, connection: Connection, asked: Asked, fresh: Sequence[asyncpg.Record]) -> None:
        rows = await connection.fetch(
            "SELECT h.id, h.place, h.version, h.state, h.act_overdue_since, count(l.version) AS moves, "
            "EXISTS (SELECT FROM timers t WHERE t.subject_id = h.id) AS has_clock "
            "FROM hazards h LEFT JOIN hazard_log l ON l.hazard_id = h.id WHERE starts_with(h.place, $1) GROUP BY h.id",
            asked.prefix,
        )
        places = Counter(row["place"] for row in rows)
        of_place = {row["place"]: str(row["id"]) for row in rows}
        note, events = self.faults.note, self._per_key["hazards"]
        note(Fault.LOST, "answered reports", sum(of_place.get(key) != hazard for key, hazard in asked.reports.items()))
        note(Fault.DOUBLED, "hazards beyond one a key", sum(count - 1 for count in places.values()))
        note(Fault.HALF, "hazards with more or fewer moves in their log", sum(r["moves"] != r["version"] for r in rows))
        untold = sum(events[str(row["id"])] != row["version"] for row in rows)
        note(Fault.HALF, "hazards with more or fewer events than moves", untold)
        silent = sum(r["state"] == "reported" and r["act_overdue_since"] is None and not r["has_clock"] for r in rows)
        note(Fault.LOST, "clocks that never rang", silent)
        stood = {(str(row["id"]), row["version"]) for row in await connection.fetch(_MOVES, _ids(asked.moves))}
        note(Fault.LOST, "answered moves", sum(move not in stood for move in asked.moves))
        note(Fault.DOUBLED, "moves answered twice", len(asked.moves) - len(set(asked.moves)))

    async def _look_at_alerts(
        self,
        connection: Connection,
        asked: Asked,
        fresh: Mapping[str, Sequence[asyncpg.Record]],
    ) -> None:
        for kind in ("found", "verification_overdue"):
            event = f"hazard-{kind}" if kind == "found" else "verification-overdue"
            about = Counter(UUID(row["key"]) for row in fresh["hazards"] if row["type"].endswith(event))
            opened = Counter[UUID]()
            for chunk in _chunks(list(about)):
                for row in await connection.fetch(_ALERTS, chunk, kind):
                    opened[row["hazard_id"]] = row["n"]
            self.faults.note(Fault.LOST, f"alerts of kind {kind}", (about - opened).total())
            self.faults.note(Fault.DOUBLED, f"alerts of kind {kind}", (opened - about).total())
        events = self._per_key["notifications"]
        wrong = 0
        for chunk in _chunks(list({UUID(row["key"]) for row in fresh["notifications"]})):
            rows = await connection.fetch("SELECT id, version FROM alerts WHERE id = ANY($1)", chunk)
            wrong += sum(events[str(row["id"])] != row["version"] for row in rows) + len(chunk) - len(rows)
        self.faults.note(Fault.HALF, "alerts with more or fewer events than versions", wrong)
        answered = await connection.fetchval(
            "SELECT count(*) FROM alerts WHERE id = ANY($1::uuid[]) AND acknowledged_at IS NOT NULL",
            [UUID(alert) for alert in asked.acknowledged],
        )
        self.faults.note(Fault.LOST, "answered acknowledgements", len(asked.acknowledged) - answered)

    async def _look_at_messages(self, connection: Connection, phones: Receivers) -> None:
        rows = await connection.fetch("SELECT id, state FROM deliveries WHERE channel = 'webhook'")
        states = {str(row["id"]): row["state"] for row in rows}
        heard = {one for ids in phones.heard.values() for one in ids}
        unheard = sum(state == "delivered" and one not in heard for one, state in states.items())
        twice = sum(len(ids) - 1 for ids in phones.heard.values())
        self.faults.put(Fault.LOST, "messages delivered that nobody heard", unheard)
        self.faults.put(Fault.DOUBLED, "messages with a second id", twice)
        self.faults.put(Fault.HALF, "messages heard of no delivery", len(heard - states.keys()))

    async def _look_at_imports(self, connection: Connection, asked: Asked) -> None:
        rows = await connection.fetch(
            "SELECT id, state, created FROM imports WHERE id = ANY($1::uuid[])", [UUID(one) for one in asked.imports]
        )
        jobs = {str(row["id"]): row for row in rows}
        for one, name in asked.imports.items():
            job = jobs.get(one)
            if job is None:
                self.faults.note(Fault.LOST, "answered imports", 1)
                continue
            there = await connection.fetchval("SELECT count(*) FROM enterprises WHERE starts_with(name, $1)", name)
            whole = job["state"] == "done" and there == job["created"] == LEDGER_LINES
            refused = job["state"] == "refused" and (not name or there == 0)
            if not (whole if name and job["state"] == "done" else refused):
                self.faults.note(Fault.HALF, "imports neither whole nor refused", 1)


_MOVES = "SELECT hazard_id AS id, version FROM hazard_log WHERE hazard_id = ANY($1::uuid[])"
_ALERTS = """
SELECT hazard_id, count(*) AS n FROM alerts WHERE hazard_id = ANY($1::uuid[]) AND kind = $2 GROUP BY hazard_id
"""


async def _left_unpublished(urls: Mapping[str, str]) -> int:
    left = 0
    for service in ("registry", "hazards"):
        async with connected(urls[service]) as connection:
            left += await connection.fetchval(f"SELECT count(*) FROM {UNPUBLISHED}")
    return left


def bytes_of(row: asyncpg.Record) -> bytes:
    """The id of an event, as small as it gets: a million of them are kept."""
    found: UUID = row["event_id"]
    return found.bytes


def _ids(moves: Iterable[tuple[str, int]]) -> list[UUID]:
    return [UUID(hazard) for hazard in {hazard for hazard, _ in moves}]


def _chunks(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
