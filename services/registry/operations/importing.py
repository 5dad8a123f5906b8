"""The import loop: takes jobs one by one under a lease, reads the file, applies it whole, or refuses it."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from libs.common.clock import Clock
from libs.common.db import Database, Tx
from libs.common.errors import Busy
from libs.common.failpoints import failpoint
from libs.common.stopping import rest
from services.registry.domain.errors import FileRefused, ImportFailed
from services.registry.domain.imports import ImportKind
from services.registry.operations.area_imports import apply_areas, read_area_file
from services.registry.operations.ledgers import apply_ledger, read_file, rules_for
from services.registry.store import imports
from services.registry.store.imports import LEASE, MAX_ATTEMPTS, Job

log = logging.getLogger(__name__)

_IDLE_SECONDS = 0.2
_RENEW_SECONDS = LEASE.total_seconds() / 3
_HALFWAY = 50  # per cent: the file is read, the writing begins

Apply = Callable[[Tx, datetime], Awaitable[None]]


class Importer:
    """Carries out the queued imports of one database; run one on every replica."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set. A job that was begun and not ended is taken up by whoever comes next."""
        while not stop.is_set():
            try:
                worked = await self.work_once()
            except Busy as error:
                log.warning("imports wait: %s", error)
                worked = False
            if not worked:
                await rest(stop, _IDLE_SECONDS)

    async def work_once(self) -> bool:
        """Takes the oldest job and ends it. False when there was none to take."""
        async with self._db.transaction() as tx:
            job = await imports.claim(tx, self._clock.now())
        if job is None:
            return False
        failpoint("importer.claimed")
        async with _Hold(self._db, self._clock, job):
            try:
                await self._carry_out(job)
            except FileRefused as refusal:
                await self._refuse(job, refusal)
        failpoint("importer.finished")
        return True

    async def _carry_out(self, job: Job) -> None:
        if job.attempts > MAX_ATTEMPTS:
            raise ImportFailed
        apply, rows = await self._read(job)
        failpoint("importer.read")
        async with self._db.transaction() as tx:
            if not await imports.renew(tx, job, self._clock.now(), _HALFWAY, rows):
                return
        failpoint("importer.halfway")
        async with self._db.transaction() as tx:
            if await imports.holds(tx, job):
                await apply(tx, self._clock.now())
                failpoint("importer.applied")

    async def _read(self, job: Job) -> tuple[Apply, int]:
        """What writes the file's content, and how many data lines it has. Raises a FileRefused."""
        if job.kind is ImportKind.AREAS:
            lines = await read_area_file(job.content, job.file_name)
            return (lambda tx, now: apply_areas(tx, job, lines, now)), len(lines)
        async with self._db.transaction() as tx:
            rules = await rules_for(tx, job, self._clock.now())
        ledger = await read_file(job.content, rules)
        return (lambda tx, now: apply_ledger(tx, job, ledger, now)), len(ledger.lines)

    async def _refuse(self, job: Job, refusal: FileRefused) -> None:
        log.info("import %s refused: %s", job.id, refusal.code)
        problem = {"code": refusal.code, "title": refusal.title, "detail": refusal.detail}
        async with self._db.transaction() as tx:
            if await imports.holds(tx, job):
                await imports.refuse(tx, job, problem, self._clock.now())
                failpoint("importer.refusing")


class _Hold:
    """Renews the lease of a job while it is carried out, and lets go of a job that failed; a killed worker cannot."""

    def __init__(self, db: Database, clock: Clock, job: Job) -> None:
        self._db = db
        self._clock = clock
        self._job = job

    async def __aenter__(self) -> None:
        self._renewing = asyncio.create_task(self._renew())

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._renewing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._renewing
        if kind is not None and issubclass(kind, Exception):
            async with self._db.transaction() as tx:
                await imports.release(tx, self._job, self._clock.now())

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(_RENEW_SECONDS)
            with contextlib.suppress(Busy):
                async with self._db.transaction() as tx:
                    if not await imports.renew(tx, self._job, self._clock.now()):
                        return
