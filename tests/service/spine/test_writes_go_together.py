"""Writes whose rows nobody asks for reach the server together, and nobody can tell, except by the round trips."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.common.db import Database, Tx
from tests.bench.recorded import RecordingDatabase

THING = "INSERT INTO things (id, version, state, label, weight) SELECT $1, $2, 'new', $3, $4"
HAPPENING = "INSERT INTO happenings (thing_id, what, at) VALUES ($1, $2, now())"
FACT = "INSERT INTO facts (name, value) VALUES ($1, $2)"


async def put_thing(tx: Tx, id: UUID, label: str = "thing", weight: int = 1) -> None:
    await tx.write("things", THING, id, 1, label, weight)


async def count(db: Database, table: str) -> int:
    async with db.transaction() as tx:
        found: int = await tx.fetchval(f"SELECT count(*) FROM {table}")
    return found


async def test_writes_to_several_tables_are_one_statement(toy_url: str) -> None:
    db, thing = RecordingDatabase(toy_url), uuid4()
    async with db.transaction() as tx:
        await put_thing(tx, thing, "Häuserblock ¥$1")
        await tx.write("happenings", HAPPENING, thing, "made")
        rows = await tx.write_returning("facts", FACT + " RETURNING name, value", "of", str(thing))
    assert [tuple(row) for row in rows] == [("of", str(thing))]
    assert len(db.transactions[-1]) == 1
    async with db.transaction() as tx:
        found = await tx.fetchrow("SELECT t.label, h.what FROM things t JOIN happenings h ON h.thing_id = t.id")
    assert found is not None
    assert tuple(found) == ("Häuserblock ¥$1", "made")
    await db.close()


async def test_what_is_read_later_sees_what_was_written_before(db: Database) -> None:
    thing = uuid4()
    async with db.transaction() as tx:
        await put_thing(tx, thing)
        assert await tx.fetchval("SELECT label FROM things WHERE id = $1", thing) == "thing"


async def test_a_second_write_to_a_table_sees_the_first(db: Database) -> None:
    thing = uuid4()
    async with db.transaction() as tx:
        await put_thing(tx, thing)
        await tx.write("things", "UPDATE things SET label = 'second' WHERE id = $1", thing)
        await tx.write("things", "UPDATE things SET label = label || ' and third' WHERE id = $1", thing)
        assert await tx.fetchval("SELECT label FROM things WHERE id = $1", thing) == "second and third"


async def test_a_write_that_the_database_refuses_takes_all_of_the_transaction_with_it(db: Database) -> None:
    async def story() -> None:
        async with db.transaction() as tx:
            await tx.write("facts", FACT, "kept", "no")
            await put_thing(tx, uuid4(), weight=-1)

    with pytest.raises(asyncpg.CheckViolationError):
        await story()
    assert await count(db, "facts") == await count(db, "things") == 0


async def test_what_was_written_in_a_savepoint_goes_with_it_and_what_was_written_before_stays(db: Database) -> None:
    async def undone(tx: Tx, weight: int, error: Exception | None = None) -> None:
        async with tx.savepoint():
            await put_thing(tx, uuid4(), weight=weight)
            if error:
                raise error

    async with db.transaction() as tx:
        await tx.write("facts", FACT, "before", "stays")
        with pytest.raises(LookupError):
            await undone(tx, 1, LookupError())
        with pytest.raises(asyncpg.CheckViolationError):
            await undone(tx, -1)
        async with tx.savepoint():
            await tx.write("happenings", HAPPENING, uuid4(), "within")
    assert [await count(db, table) for table in ("facts", "things", "happenings")] == [1, 0, 1]


@pytest.mark.parametrize(
    "ask",
    [
        lambda tx: tx.fetch("SELECT 1 FROM things"),
        lambda tx: tx.fetchrow("SELECT 1 FROM things"),
        lambda tx: tx.fetchval("SELECT 1 FROM things"),
        lambda tx: tx.execute("LOCK TABLE facts IN SHARE MODE"),
        lambda tx: tx.executemany(FACT, [("a", "b")]),
        lambda tx: tx.copy("facts", ["name", "value"], [("a", "b")]),
    ],
)
async def test_every_way_to_ask_sends_what_waits_first(toy_url: str, ask: Callable[[Tx], Awaitable[object]]) -> None:
    db = RecordingDatabase(toy_url)
    async with db.transaction() as tx:
        await put_thing(tx, uuid4())
        await ask(tx)
    assert db.transactions[-1][0].sql == THING
    await db.close()


async def test_a_session_never_overtakes_what_waits(db: Database) -> None:
    async with db.transaction() as tx:
        tx.session()
        await put_thing(tx, uuid4())
        assert await tx.driver.fetchval("SELECT count(*) FROM things") == 1  # it went out at once

    async def too_late() -> None:
        async with db.transaction() as tx:
            await put_thing(tx, uuid4())
            tx.session()

    with pytest.raises(RuntimeError, match="writes wait"):
        await too_late()
    assert await count(db, "things") == 1
