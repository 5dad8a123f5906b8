"""Success is answered only after COMMIT: with commits failing, no caller hears 2xx about a row that is not there.

The failures are real: a constraint trigger, deferred to COMMIT, refuses some of the rows. The control answers the way
that FastAPI invites to, with the commit at the exit of a `yield` dependency, and lies.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, Depends, Response

from libs.common.clock import SystemClock
from libs.common.db import Database, Tx
from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.common.operation import Operation
from tests.support import toyservice as toys
from tests.support.toyapp import ThingIn, client_of, create_toy_app

ONE_THING_IN_FIFTY = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF hashtext(NEW.id::text) % 50 = 0 THEN RAISE EXCEPTION 'refused in COMMIT'; END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse();
"""
# the transaction as a whole is unlucky, and its repetition is not: one chance in fifty at each COMMIT
ONE_COMMIT_IN_FIFTY = """
CREATE SEQUENCE commits;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('toys.counted', true) IS DISTINCT FROM 'yes' THEN
        PERFORM set_config('toys.counted', 'yes', true);
        IF nextval('commits') % 50 = 0 THEN RAISE EXCEPTION 'refused in COMMIT'; END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse();
"""
CALLERS = 48


@pytest.fixture
async def unlucky(toy_url: str, request: pytest.FixtureRequest) -> None:
    connection = await asyncpg.connect(toy_url)
    await connection.execute(request.param)
    await connection.close()


async def post_all(
    client: httpx.AsyncClient, path: str, ids: Sequence[UUID], callers: int = CALLERS
) -> dict[UUID, int]:
    """The status that each caller heard, with many of them at the same time."""
    heard: dict[UUID, int] = {}
    waiting = list(ids)

    async def caller() -> None:
        while waiting:
            id = waiting.pop()
            heard[id] = (await client.post(path, json={"id": str(id)})).status_code

    await asyncio.gather(*(caller() for _ in range(callers)))
    return heard


async def rows(db: Database) -> set[UUID]:
    return {row["id"] for row in await toys.rows_of(db, "SELECT id FROM things")}


@pytest.mark.parametrize("unlucky", [ONE_THING_IN_FIFTY], indirect=True)
async def test_no_success_without_its_row(db: Database, unlucky: None) -> None:
    ids = [new_id() for _ in range(2000)]
    async with client_of(create_toy_app(db)) as client:
        heard = await post_all(client, "/v1/things", ids)
    there = await rows(db)
    assert {id for id, status in heard.items() if status == 201} == there
    refused = [status for id, status in heard.items() if id not in there]
    assert 10 < len(refused) < 120
    assert set(refused) == {500}
    facts = await toys.rows_of(db, "SELECT key::uuid AS id FROM outbox UNION SELECT thing_id FROM happenings")
    assert {row["id"] for row in facts} == there


@pytest.mark.parametrize("unlucky", [ONE_COMMIT_IN_FIFTY], indirect=True)
async def test_a_commit_that_fails_once_succeeds_in_its_repetition_or_says_so(db: Database, unlucky: None) -> None:
    ids = [new_id() for _ in range(1000)]
    async with client_of(create_toy_app(db)) as client:
        heard = await post_all(client, "/v1/things", ids, callers=5)  # small batches, hence many commits
    there = await rows(db)
    assert {id for id, status in heard.items() if status == 201} == there
    (made,) = await toys.rows_of(db, "SELECT count(*) AS n, count(DISTINCT thing_id) AS once FROM happenings")
    assert made["n"] == made["once"] == len(there)
    assert (await toys.rows_of(db, "SELECT last_value AS n FROM commits"))[0]["n"] > 150  # at least three failed


def naive_router(db: Database) -> APIRouter:
    """The control: the transaction ends where FastAPI ends dependencies, after the answer has left."""
    router = APIRouter()

    async def transaction() -> AsyncIterator[Tx]:
        async with db.transaction() as tx:
            yield tx

    @router.post("/naive/things", status_code=201)
    async def make_thing(body: ThingIn, tx: Annotated[Tx, Depends(transaction)]) -> Response:
        await toys.make_things(tx, [body.command()], SystemClock().now())
        return Response(status_code=201)

    return router


@pytest.mark.parametrize("unlucky", [ONE_THING_IN_FIFTY], indirect=True)
async def test_control_commit_in_a_yield_dependency_lies(db: Database, unlucky: None) -> None:
    ids = [new_id() for _ in range(400)]
    async with client_of(create_toy_app(db, routers=(naive_router(db),))) as client:
        heard = await post_all(client, "/naive/things", ids)
    there = await rows(db)
    lies = {id for id, status in heard.items() if status == 201} - there
    assert lies, "the control must lie, or the tests above are blind"


async def test_a_failure_that_was_passed_over_is_no_success(db: Database) -> None:
    """PostgreSQL answers COMMIT of a failed transaction with ROLLBACK and no error: it must not pass for a commit."""

    async def careless(tx: Tx, commands: Sequence[toys.Make], now: datetime) -> Sequence[toys.Thing | AppError]:
        made = await toys.make_things(tx, commands, now)
        try:
            await tx.execute("SELECT 1 / 0")
        except asyncpg.DivisionByZeroError:
            return made
        return made

    operation = Operation("careless", db, SystemClock(), careless, toys.render)
    with pytest.raises(RuntimeError, match="rolled back"):
        await operation.submit(toys.Make(new_id(), "x"))
    assert await rows(db) == set()


async def test_callbacks_run_after_commit_alone(db: Database) -> None:
    ran: list[str] = []
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO facts (name, value) VALUES ('a', '')")
        tx.after_commit(lambda: ran.append("done"))
        assert ran == []
    assert ran == ["done"]
    with contextlib.suppress(ZeroDivisionError):
        async with db.transaction() as tx:
            tx.after_commit(lambda: ran.append("never"))
            raise ZeroDivisionError
    assert ran == ["done"]


async def test_session_and_statements_share_one_transaction(db: Database) -> None:
    ids = [new_id(), new_id()]
    with contextlib.suppress(ZeroDivisionError):
        async with db.transaction() as tx:
            tx.session().add(toys.Thing(id=ids[0], version=1, state="new", label="session"))
            await tx.session().flush()
            assert await tx.fetchval("SELECT count(*) FROM things") == 1
            raise ZeroDivisionError
    assert await rows(db) == set()
    async with db.transaction() as tx:
        tx.session().add(toys.Thing(id=ids[0], version=1, state="new", label="session"))  # flushed before COMMIT
        await toys.make_things(tx, [toys.Make(ids[1], "statement")], SystemClock().now())
    assert await rows(db) == set(ids)
