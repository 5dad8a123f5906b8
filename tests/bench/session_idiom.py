"""The peer: the same report as the usual SQLModel idiom writes it, one session and one commit a request.

It has the same tables, tokens, validation, rules, answers and idempotency keys as the real service; only the way to
the database differs: `session.get`, `session.add`, `flush`, `commit`. It has no relay, consumers or counters' folding.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import uvloop
from fastapi import APIRouter, Depends, FastAPI, Response
from sqlalchemy import func
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from libs.common.actors import area_path
from libs.common.clock import SHANGHAI, SystemClock
from libs.common.db import Database
from libs.common.errors import IdempotencyKeyReused
from libs.common.http import create_service_app, respond
from libs.common.idempotency import Answer
from libs.common.ids import new_id
from libs.common.outbox import shard_of
from libs.common.requests import CurrentActor, IdempotencyClaim
from libs.common.runner import serve
from services.hazards.api import rendering
from services.hazards.api.schemas.hazards import ReportIn
from services.hazards.domain.cells import cell_of
from services.hazards.domain.decide import Decision
from services.hazards.domain.facts import Facts
from services.hazards.domain.numbers import Series
from services.hazards.domain.reporting import Identity, Report, Site, check_report, open_case
from services.hazards.domain.rulebook import Rulebook
from services.hazards.operations.outcome import Outcome
from services.hazards.publishing import publish
from services.hazards.settings import HazardsSettings
from services.hazards.store import numbering, tables
from services.hazards.store.rulebooks import Rulebooks

settings = HazardsSettings()
clock = SystemClock()
engine = create_async_engine(make_url(settings.database_url).set(drivername="postgresql+asyncpg"), pool_size=20)
rulebooks = Rulebooks()
quiet = Database(settings.database_url, pool_size=2)
known: dict[int, Rulebook] = {}
begun: set[Series] = set()
router = APIRouter()


async def get_session() -> AsyncIterator[AsyncSession]:
    """One session a request."""
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session


@router.post("/v1/hazards", status_code=201)
async def report(
    body: ReportIn,
    actor: CurrentActor,
    claim: IdempotencyClaim,
    session: Annotated[AsyncSession, Depends(get_session)],
) -> Response:
    """Reports a hazard."""
    now = clock.now()
    if claim is not None:
        kept = await session.get(tables.IdempotencyKey, (claim.actor, claim.key))
        if kept is not None:
            if kept.fingerprint != claim.fingerprint:
                raise IdempotencyKeyReused
            return respond(Answer(kept.status, kept.body, kept.headers))
    rules = await _rules((await session.exec(select(tables.PolicyEpoch.epoch))).one())
    enterprise = await session.get(tables.EnterpriseCopy, body.enterprise_id) if body.enterprise_id else None
    found = Site(enterprise.area_path, enterprise.id, enterprise.name) if enterprise else None
    site = check_report(_report(body), found, None, actor, rules)
    series = Series.at(site.area_path, now)
    await _begin(series)
    place = (await session.exec(select(func.nextval(series.sequence)))).one()
    decision = open_case(_report(body), site, Identity(new_id(), series.number(place)), actor, now, rules)
    answer = rendering.created(Outcome(decision.facts, actor))
    session.add(tables.Hazard(**_columns(decision.facts)))
    session.add(_log(decision))
    session.add_all(_clocks(decision))
    session.add(_delta(decision.facts))
    session.add_all(_announcements(decision))
    if claim is not None:
        session.add(
            tables.IdempotencyKey(
                actor=claim.actor,
                key=claim.key,
                fingerprint=claim.fingerprint,
                status=answer.status,
                headers=dict(answer.headers),
                body=answer.body,
                answered_at=now,
            )
        )
    await session.flush()
    await session.commit()
    return respond(answer)


def _report(body: ReportIn) -> Report:
    return Report(
        source=body.source,
        description=body.description,
        enterprise_id=body.enterprise_id,
        area_path=area_path(body.area_code) if body.area_code else None,
        place=body.place,
        category=body.category,
        suggested_level=body.suggested_level,
    )


def _columns(facts: Facts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in tables.Hazard.model_fields}


def _log(decision: Decision) -> tables.HazardLog:
    entry = decision.entry
    return tables.HazardLog(
        hazard_id=entry.hazard_id,
        version=entry.version,
        at=entry.at,
        move=entry.move,
        from_state=entry.source,
        to_state=entry.target,
        actor_id=entry.actor_id,
        actor_name=entry.actor_name,
        tier=entry.tier,
        role=entry.role,
        round=entry.round,
        reason=entry.reason,
        details=entry.details,
    )


def _clocks(decision: Decision) -> list[tables.Timer]:
    return [
        tables.Timer(subject_id=decision.facts.id, kind=clock.kind.value, due_at=clock.rings_at, data={})
        for clock in decision.starts
    ]


def _delta(facts: Facts) -> tables.CounterDelta:
    day = facts.reported_at.astimezone(SHANGHAI).date()
    row: dict[str, Any] = {"area_path": facts.area_path, "day": day, "was": "", "became": cell_of(facts), "n": 1}
    return tables.CounterDelta(**row)


def _announcements(decision: Decision) -> list[tables.Outbox]:
    names = ("key", "type", "sequence", "time", "topic", "traceparent")
    return [
        tables.Outbox(
            **{name: getattr(event, name) for name in names},
            shard=shard_of(event.key),
            event_id=event.id,
            schema_id=event.schema,
            data=event.body,
        )
        for event in publish([decision.event])
    ]


async def _begin(series: Series) -> None:
    """Makes the sequence of numbers once."""
    if series not in begun:
        async with quiet.transaction() as tx:
            await numbering.take(tx, series, 1)
        begun.add(series)


async def _rules(epoch: int) -> Rulebook:
    """The rulebook of this epoch, kept in memory as the real service keeps it."""
    if epoch not in known:
        async with quiet.transaction() as tx:
            known[epoch] = await rulebooks.current(tx)
    return known[epoch]


def create_app() -> FastAPI:
    """The peer's application."""
    return create_service_app(
        name="session-idiom",
        title="session idiom",
        description="the peer of the bench",
        settings=settings,
        clock=clock,
        routers=[router],
        ready={"database": quiet.ping},
    )


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(create_app(), [], host=settings.host, port=settings.port))
