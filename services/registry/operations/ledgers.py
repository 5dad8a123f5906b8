"""Carrying out a ledger import: what the file says is settled against the register and written in one transaction."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from libs.common.errors import Busy
from libs.common.failpoints import failpoint
from libs.common.ids import new_id
from libs.common.threads import one_ahead
from services.registry.domain.enterprises import Enterprise, amended, registered
from services.registry.domain.errors import NoAreas, NoHeader
from services.registry.domain.ledger.lines import Rules
from services.registry.domain.ledger.reading import Ledger
from services.registry.domain.ledger.settling import OnFile, settle
from services.registry.domain.records import EnterpriseRecord
from services.registry.files.reader import read_ledger_apart
from services.registry.operations.gate import hold_register
from services.registry.store import areas, classes, enterprises, imports
from services.registry.store.imports import Job
from services.registry.store.writing import (
    Reason,
    Registrations,
    registrations,
    write_imported_changes,
    write_registered,
)

T = TypeVar("T")
_DISTRICT_DIGITS = 6
_CHUNK = 400  # enterprises a statement: keeps the event loop free for requests


async def rules_for(tx: Tx, job: Job, now: datetime) -> Rules:
    """What the lines of the file are read against. Raises NoAreas while the district has no tree yet."""
    gazetteer = await areas.gazetteer(tx, job.area_path[:_DISTRICT_DIGITS])
    if not gazetteer.streets:
        raise NoAreas
    schemes = await classes.schemes_in_force(tx, now.astimezone(SHANGHAI).date())
    return Rules(gazetteer, schemes, job.area_path)


async def read_file(content: bytes, rules: Rules) -> Ledger:
    """The ledger in the file, read beside this process. Raises a FileRefused."""
    ledger = await read_ledger_apart(content, rules)
    if not ledger.has_header:
        raise NoHeader("没有一个工作表含有“单位名称”等列的表头")
    return ledger


async def apply_ledger(tx: Tx, job: Job, ledger: Ledger, now: datetime) -> None:
    """Writes everything that the ledger changes, its notes and the end of the job; all of it or nothing."""
    await hold_register(tx)
    await _keep_places(tx, ledger)
    spoken_of = await enterprises.find_known(tx, (line.record for line in ledger.lines), locked=True)
    known = {one.id: one for one in spoken_of}
    settlement = settle(ledger.lines, [_on_file(one, job) for one in known.values()])
    reason = Reason(job.actor_id, "台账导入")
    work = (partial(_registrations, made, reason, now) for made in _chunks(settlement.created))
    async with contextlib.aclosing(one_ahead(work)) as ready:
        async for new in ready:
            await write_registered(tx, new, now)
            failpoint("importer.writing")
    for changes in _chunks(sorted(settlement.changed, key=lambda change: change.id)):
        amendments = [amended(known[change.id], change.fields, now, new_id) for change in changes]
        await write_imported_changes(tx, amendments, reason, now)
    notes = [*settlement.notes, *ledger.doubts]
    await imports.finish(tx, job, settlement.counts, notes, now, rows=len(ledger.lines))


def _registrations(made: Sequence[EnterpriseRecord], reason: Reason, now: datetime) -> Registrations:
    return registrations([registered(record, now, new_id) for record in made], reason, now)


async def _keep_places(tx: Tx, ledger: Ledger) -> None:
    """Keeps the communities and grids of the file from ending before it is written.

    Raises Busy when one ended since the file was read: the job begins again and reads it anew.
    """
    records = [line.record for line in ledger.lines if not line.faults]
    codes = {code for record in records for code in (record.community_code, record.grid_code) if code}
    if len(await areas.in_force(tx, codes)) != len(codes):
        raise Busy("区划在导入期间有变化")


def _on_file(enterprise: Enterprise, job: Job) -> OnFile:
    foreign = not enterprise.area_path.startswith(job.area_path)
    return OnFile(enterprise.id, enterprise.record, foreign)


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
