"""Hazards whose clock rings at a known instant, written by the operations, and what is tried on them just then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

from libs.common.actors import USUAL_ROLES, Actor, Scope, Tier
from libs.common.db import Database, Tx
from libs.common.errors import AppError
from services.hazards.domain.lifecycle import Move
from services.hazards.domain.moves import Duties, Order, Request, Submit, Verify
from services.hazards.domain.reporting import Report
from services.hazards.domain.vocabulary import Level, Source
from services.hazards.operations.moves import MoveCommand, Moving
from services.hazards.operations.outcome import Outcome
from services.hazards.operations.reports import ReportCommand, Reporting
from services.hazards.store.rulebooks import Rulebooks, advance
from tests.crash.hazards_desk import COMMUNITY

DISTRICT = "410503"
STAFF, OFFICER = "race-staff", "race-officer"  # who submits, and who re-inspects: never the same person
BEFORE = timedelta(hours=1)  # so long before it rings a clock was set; the policy of the race says so
JITTER = 0.005  # seconds around the instant at which the first move leaves
DUTIES = {"measures": "清空通道", "responsible": "厂长", "funds": 2000, "contingencyPlan": "停止作业，专人值守"}


class Kind(StrEnum):
    """What races with the clock."""

    RECTIFY = "rectify"
    EXTEND = "extend"
    AGAIN = "order again"
    CANCEL = "cancel"
    ORDER = "order"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Step:
    """One move over HTTP: who makes it, at which door, with what."""

    person: str
    door: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A hazard at `version`; its clock rings at `due`, which would be the move `miss`."""

    id: UUID
    kind: Kind
    version: int
    due: datetime
    miss: Move

    def steps(self) -> Sequence[Step]:
        """What is tried on it, in this order."""
        later = (self.due + BEFORE).isoformat()
        submit = Step(STAFF, "rectifications", {})
        fail = Step(OFFICER, "reinspections", {"result": "fail", "dueAt": later})
        passed = Step(OFFICER, "reinspections", {"result": "pass"})
        match self.kind:
            case Kind.RECTIFY:
                return (submit,)
            case Kind.EXTEND:  # of the same order: handed in, not accepted, more time
                return (submit, fail)
            case Kind.AGAIN:
                return (fail,)
            case Kind.CANCEL:
                return (Step(OFFICER, "rejections", {"reason": "重复上报"}),)
            case Kind.ORDER:
                return (Step(OFFICER, "orders", {**DUTIES, "dueAt": later}),)
            case Kind.REOPEN:
                return (submit, passed, Step(OFFICER, "reopenings", {}))


_KINDS = MappingProxyType(
    {Kind.RECTIFY: 30, Kind.EXTEND: 15, Kind.AGAIN: 15, Kind.CANCEL: 15, Kind.ORDER: 10, Kind.REOPEN: 15}
)
_MISS = {Kind.AGAIN: Move.MISS_REINSPECTION, Kind.CANCEL: Move.MISS_VERIFICATION, Kind.ORDER: Move.MISS_DISPATCH}
_STAFF = Actor(STAFF, Tier.COMMUNITY, USUAL_ROLES[Tier.COMMUNITY], Scope(COMMUNITY))
_OFFICER = Actor(OFFICER, Tier.DISTRICT, USUAL_ROLES[Tier.DISTRICT], Scope(DISTRICT))
_POLICY = """
INSERT INTO deadline_policies
    (id, code, area_path, basis, effective_from, created_by, created_at, clock, period, counting, roll_forward)
SELECT gen_random_uuid(), 'RACE', $1, 'race', '2000-01-01', 'race', '2000-01-01', clock, 'PT1H', 'elapsed', false
FROM unnest(ARRAY['verification', 'dispatch', 'reinspection']) AS clock
"""


class Staging:
    """Writes cases through the operations of the service, as of an hour before their clocks ring."""

    def __init__(self, db: Database, random: Random) -> None:
        self._db = db
        self._random = random
        rulebooks = Rulebooks()
        self._reporting, self._moving = Reporting(rulebooks), Moving(rulebooks)

    async def settle_policy(self) -> None:
        """Every clock of an authority runs for an hour here."""
        async with self._db.transaction() as tx:
            await tx.execute(_POLICY, DISTRICT)
            await advance(tx)

    async def stage(self, count: int, due: datetime) -> list[Case]:
        """That many cases of mixed kinds, all due at that instant."""
        kinds = self._random.choices(list(_KINDS), weights=list(_KINDS.values()), k=count)
        async with self._db.transaction() as tx:
            return await self._write(tx, kinds, due)

    async def _write(self, tx: Tx, kinds: Sequence[Kind], due: datetime) -> list[Case]:
        now = due - BEFORE
        report = Report(Source.PATROL, "通道堆放纸箱", area_path=COMMUNITY, place="东门", category="electrical")
        made = _done(await self._reporting.perform(tx, [ReportCommand(report, _STAFF)] * len(kinds), now))
        ids = [outcome.facts.id for outcome in made]
        versions = dict.fromkeys(ids, 1)

        async def move(request: Request, actor: Actor, *which: Kind) -> None:
            chosen = [id for id, kind in zip(ids, kinds, strict=True) if kind in which]
            if chosen:
                commands = [MoveCommand(id, request, actor, versions[id]) for id in chosen]
                _done(await self._moving.perform(tx, commands, now))
                versions.update({id: versions[id] + 1 for id in chosen})

        on_order = (Kind.RECTIFY, Kind.EXTEND, Kind.REOPEN)
        await move(Verify(Level.GENERAL, "electrical"), _OFFICER, *on_order, Kind.AGAIN, Kind.ORDER)
        await move(Order(_duties(due)), _OFFICER, *on_order)
        await move(Order(_duties(due + timedelta(days=1))), _OFFICER, Kind.AGAIN)
        await move(Submit(), _STAFF, Kind.AGAIN)
        return [
            Case(id, kind, versions[id], due, _MISS.get(kind, Move.MISS_DEADLINE))
            for id, kind in zip(ids, kinds, strict=True)
        ]


def request_key() -> str:
    """A fresh Idempotency-Key."""
    return f"race-{uuid4()}"


def _duties(due: datetime) -> Duties:
    return Duties("清空通道", "厂长", 2000, "停止作业，专人值守", due_at=due)


def _done(results: Sequence[Outcome | AppError]) -> list[Outcome]:
    for result in results:
        if isinstance(result, AppError):
            raise result
    return [result for result in results if isinstance(result, Outcome)]
