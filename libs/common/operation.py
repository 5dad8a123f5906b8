"""The one way to change anything: a batch of commands, decided item by item, written in one transaction.

Routes, bulk endpoints and imports come through here; consumers and timers call the same `perform` inside the
transaction that they already hold.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import asyncpg

from libs.common.batcher import Batcher
from libs.common.clock import Clock
from libs.common.db import Database, Tx
from libs.common.errors import AppError, Busy, Conflict, Contended, IdempotencyKeyReused, Overloaded
from libs.common.failpoints import failpoint
from libs.common.idempotency import Answer, Claim, KeyRaced, recall, remember
from libs.common.logs import trace_id
from libs.common.metrics import BATCH_SIZE, REFUSED_FULL

log = logging.getLogger(__name__)

C = TypeVar("C")
R = TypeVar("R")

Perform = Callable[[Tx, Sequence[C], datetime], Awaitable[Sequence[R | AppError]]]
"""Set-based: one result a command, in order; an AppError in its place refuses that command alone and writes nothing
for it. Two commands on the same aggregate in one batch are decided one after the other, the second on the outcome
of the first."""

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class _Entry(Generic[C]):
    command: C
    claim: Claim | None
    trace: str


class Operation(Generic[C, R]):
    """A named operation of one service with its batcher, its transaction and its idempotency keys."""

    def __init__(
        self,
        name: str,
        db: Database,
        clock: Clock,
        perform: Perform[C, R],
        render: Callable[[R], Answer],
        *,
        max_batch: int = 256,
        parallel: int = 2,
    ) -> None:
        """`parallel` is how many batches may be in transactions at once: one makes fuller batches, hence less work and
        shorter waits, for an operation that never waits for a lock of someone else's."""
        self.name = name
        self._db = db
        self._clock = clock
        self._perform = perform
        self._render = render
        self._batcher: Batcher[_Entry[C], Answer] = Batcher(self._flush, max_items=max_batch, parallel=parallel)

    async def submit(self, command: C, claim: Claim | None = None) -> Answer:
        """One command, gathered with its neighbours; returns after COMMIT. Raises the AppError that refuses it."""
        try:
            return await self._batcher.submit(_Entry(command, claim, trace_id.get()))
        except Overloaded:
            REFUSED_FULL.labels(self.name).inc()
            raise

    async def run(self, commands: Sequence[C]) -> Sequence[R | AppError]:
        """Many commands in one transaction, one result each; one that the database refuses fails alone.

        Raises Busy when the database is away.
        """
        for _ in range(_ATTEMPTS):
            try:
                async with self._db.transaction() as tx:
                    BATCH_SIZE.labels(self.name).observe(len(commands))
                    return await self._apart(tx, commands, self._clock.now())
            except Contended:
                continue
        raise Busy

    async def answer(
        self, commands: Sequence[C], claim: Claim | None, compose: Callable[[Sequence[R | AppError]], Answer]
    ) -> Answer:
        """Like `run`, with one answer for all, which an idempotency key keeps as a whole (bulk endpoints)."""
        for _ in range(_ATTEMPTS):
            try:
                return await self._answer_once(commands, claim, compose)
            except (KeyRaced, Contended):
                continue
        raise Busy

    async def drain(self) -> None:
        """Returns when every submitted command has been answered."""
        await self._batcher.drain()

    async def _answer_once(
        self, commands: Sequence[C], claim: Claim | None, compose: Callable[[Sequence[R | AppError]], Answer]
    ) -> Answer:
        async with self._db.transaction() as tx:
            now = self._clock.now()
            if claim is not None:
                given = (await recall(tx, [claim])).get((claim.actor, claim.key))
                if isinstance(given, AppError):
                    raise given
                if given is not None:
                    return given
            BATCH_SIZE.labels(self.name).observe(len(commands))
            composed = compose(await self._apart(tx, commands, now))
            failpoint("bulk.performed")
            if claim is not None:
                await remember(tx, [(claim, composed)], now)
            failpoint("bulk.remembered")
        failpoint("bulk.committed")
        return composed

    async def _apart(self, tx: Tx, commands: Sequence[C], now: datetime) -> Sequence[R | AppError]:
        """The batch in a savepoint; when it fails as a whole, its halves, until the item at fault fails alone."""
        if not commands:
            return []
        try:
            async with tx.savepoint():
                return _counted(await self._perform(tx, commands, now), commands)
        except Busy:
            raise
        except Exception as error:
            if tx.broken:
                raise
            if len(commands) == 1:
                own = _own(error)
                if not isinstance(own, AppError):
                    log.exception("%s: one item of a batch failed", self.name)
                return [own if isinstance(own, AppError) else AppError()]
        half = len(commands) // 2
        return [*await self._apart(tx, commands[:half], now), *await self._apart(tx, commands[half:], now)]

    async def _flush(self, entries: Sequence[_Entry[C]]) -> Sequence[Answer | BaseException]:
        """One transaction for the batch; when it fails as a whole, halves of it, until the bad item fails alone."""
        trace_id.set(entries[0].trace if len(entries) == 1 else "")  # a batch belongs to no single request
        for _ in range(_ATTEMPTS):
            try:
                return await self._transact(entries)
            except (KeyRaced, Contended):
                continue
            except Busy as error:
                return [error] * len(entries)
            except Exception as error:  # noqa: BLE001 - raised to the one caller whose command it is
                if len(entries) == 1:
                    return [_own(error)]
                break
        if len(entries) == 1:
            return [Busy()]
        half = len(entries) // 2
        return [*await self._flush(entries[:half]), *await self._flush(entries[half:])]

    async def _transact(self, entries: Sequence[_Entry[C]]) -> list[Answer | BaseException]:
        async with self._db.transaction() as tx:
            now = self._clock.now()
            given = await recall(tx, [entry.claim for entry in entries if entry.claim])
            failpoint("operation.recalled")
            first: dict[tuple[str, str], int] = {}
            todo: list[int] = []
            for index, entry in enumerate(entries):
                if entry.claim and ((spot := (entry.claim.actor, entry.claim.key)) in given or spot in first):
                    continue
                if entry.claim:
                    first[spot] = index
                todo.append(index)
            BATCH_SIZE.labels(self.name).observe(len(todo))
            results = await self._perform(tx, [entries[i].command for i in todo], now) if todo else []
            failpoint("operation.performed")
            done: dict[int, Answer | AppError] = {
                i: result if isinstance(result, AppError) else self._render(result)
                for i, result in zip(todo, results, strict=True)
            }
            await remember(tx, list(_kept(entries, done)), now)
            failpoint("operation.remembered")
        failpoint("operation.committed")
        return [done[i] if i in done else _repeated(e, given, first, entries, done) for i, e in enumerate(entries)]


def _own(error: Exception) -> Exception:
    """What the one caller hears of a failure: whoever lost a race for something unique is told so."""
    return Conflict() if isinstance(error, asyncpg.UniqueViolationError | asyncpg.ExclusionViolationError) else error


def _counted(results: Sequence[R | AppError], commands: Sequence[C]) -> Sequence[R | AppError]:
    if len(results) != len(commands):
        raise RuntimeError(f"{len(results)} results for {len(commands)} commands")
    return results


def _kept(entries: Sequence[_Entry[C]], done: dict[int, Answer | AppError]) -> list[tuple[Claim, Answer]]:
    """Only what was done is kept under its key: a refusal may be tried again with the same key."""
    pairs = ((entries[i].claim, answer) for i, answer in done.items())
    return [(claim, answer) for claim, answer in pairs if claim is not None and isinstance(answer, Answer)]


def _repeated(
    entry: _Entry[C],
    given: dict[tuple[str, str], Answer | IdempotencyKeyReused],
    first: dict[tuple[str, str], int],
    entries: Sequence[_Entry[C]],
    done: dict[int, Answer | AppError],
) -> Answer | AppError:
    """The answer to a key that was answered before, or earlier in this very batch."""
    assert entry.claim is not None
    spot = (entry.claim.actor, entry.claim.key)
    if spot in given:
        return given[spot]
    twin = entries[first[spot]].claim
    assert twin is not None
    return done[first[spot]] if twin.fingerprint == entry.claim.fingerprint else IdempotencyKeyReused()
