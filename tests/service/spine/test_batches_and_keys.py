"""One bad item in a batch fails alone, with its own problem; one idempotency key has one effect and one answer."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from libs.common.clock import SystemClock
from libs.common.db import Database, Tx
from libs.common.errors import AppError, Busy, Conflict, Contended, IdempotencyKeyReused, NotFound, StaleVersion
from libs.common.idempotency import Answer, Claim
from libs.common.ids import new_id
from libs.common.logs import trace_id
from libs.common.operation import Operation
from tests.support import toyservice as toys
from tests.support.toyapp import client_of, create_toy_app

CLOCK = SystemClock()

# what can be wrong with an item: refused by the rule, by a constraint, by the type of a column, by the encoding
BAD: dict[str, dict[str, Any]] = {
    "rule": {"label": "refused"},
    "check": {"weight": 0},
    "range": {"weight": 2**31},
    "unique": {"slot": "taken"},
    "nul": {"label": "a\x00b"},
    "surrogate": {"label": "\ud800"},
}


def make(db: Database, max_batch: int = 256) -> Operation[toys.Make, toys.Thing]:
    return Operation("make", db, CLOCK, toys.make_things, toys.render, max_batch=max_batch)


def fine(count: int) -> list[toys.Make]:
    return [toys.Make(new_id(), f"fine {n}") for n in range(count)]


def bad(how: str) -> toys.Make:
    return toys.Make(new_id(), **{"label": "x", **BAD[how]})


async def there(db: Database) -> set[UUID]:
    """Ids of the things; everything that was written with a thing is there with it, once."""
    things = {row["id"] for row in await toys.rows_of(db, "SELECT id FROM things WHERE label <> 'first'")}
    for table, column in (("happenings", "thing_id"), ("outbox", "key::uuid")):
        rows = await toys.rows_of(
            db,
            f"SELECT {column} AS id FROM {table} t WHERE {column} NOT IN (SELECT id FROM things WHERE label='first')",
        )
        assert sorted(row["id"] for row in rows) == sorted(things), table
    return things


async def taken(db: Database) -> None:
    await make(db).submit(toys.Make(new_id(), "first", slot="taken"))


@pytest.mark.parametrize("how", BAD)
async def test_one_bad_item_among_submits_fails_alone(db: Database, how: str) -> None:
    await taken(db)
    commands = fine(60)
    commands.insert(41, bad(how))
    operation = make(db)
    answers = await asyncio.gather(*(operation.submit(c) for c in commands), return_exceptions=True)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, BaseException)] == [41]
    assert not isinstance(answers[41], Busy), "asking again will not help, so nobody is asked to"
    assert isinstance(answers[41], Conflict) == (how in {"rule", "unique"})
    assert await there(db) == {c.id for c in commands} - {commands[41].id}


@pytest.mark.parametrize("how", BAD)
async def test_one_bad_item_in_a_bulk_request_fails_alone(db: Database, how: str) -> None:
    await taken(db)
    commands = fine(60)
    commands.insert(0, bad(how))
    results = await make(db).run(commands)
    assert [n for n, result in enumerate(results) if isinstance(result, AppError)] == [0]
    assert [r.id for r in results if isinstance(r, toys.Thing)] == [c.id for c in commands[1:]]
    assert isinstance(results[0], Conflict) == (how in {"rule", "unique"})
    assert await there(db) == {c.id for c in commands[1:]}


async def test_many_bad_items_of_many_kinds(db: Database) -> None:
    await taken(db)
    commands = fine(40)
    for place, how in enumerate(BAD):
        commands.insert(place * 7, bad(how))
    wrong = {place * 7 for place in range(len(BAD))}
    answers = await asyncio.gather(*(make(db).submit(c) for c in commands), return_exceptions=True)
    assert {n for n, answer in enumerate(answers) if isinstance(answer, BaseException)} == wrong
    assert await there(db) == {c.id for n, c in enumerate(commands) if n not in wrong}
    more = fine(40)
    for place, how in enumerate(BAD):
        more.insert(place * 7, bad(how))
    results = await make(db).run(more)
    assert {n for n, result in enumerate(results) if isinstance(result, AppError)} == wrong


async def test_two_items_that_exclude_each_other_leave_the_first(db: Database) -> None:
    commands = [toys.Make(new_id(), "x", slot="one"), toys.Make(new_id(), "x", slot="one"), *fine(5)]
    results = await make(db).run(commands)
    assert [isinstance(r, AppError) for r in results] == [False, True, *[False] * 5]


async def test_nothing_to_do_is_done(db: Database) -> None:
    assert await make(db).run([]) == []


async def test_an_operation_that_miscounts_is_no_success(db: Database) -> None:
    async def miscount(tx: Tx, commands: Sequence[toys.Make], now: datetime) -> Sequence[toys.Thing | AppError]:
        return (await toys.make_things(tx, commands, now))[1:]

    operation = Operation("miscount", db, CLOCK, miscount, toys.render)
    answers = await asyncio.gather(*(operation.submit(c) for c in fine(3)), return_exceptions=True)
    assert all(isinstance(a, Exception) for a in answers)
    assert all(isinstance(r, AppError) for r in await operation.run(fine(3)))
    assert await there(db) == set()


async def test_refusals_are_problems_over_http(db: Database) -> None:
    async with client_of(create_toy_app(db)) as client:
        ids = [str(new_id()) for _ in range(4)]
        bodies: list[dict[str, Any]] = [
            {"id": ids[0]},
            {"id": ids[1], "label": "refused"},
            {"id": ids[2], "weight": 0},
            {"id": ids[3]},
        ]
        answers = await asyncio.gather(*(client.post("/v1/things", json=body) for body in bodies))
        assert [a.status_code for a in answers] == [201, 409, 500, 201]
        assert [a.json().get("code") for a in answers] == [None, "conflict", "internal_error", None]
        bodies = [{**body, "id": str(new_id())} for body in bodies]
        bulk = (await client.post("/v1/things/batch", json={"items": bodies})).json()
        assert [item["status"] for item in bulk["items"]] == [201, 422, 422, 201]
        assert bulk["items"][1]["problem"]["code"] == "conflict"
        assert "constraint" not in str(bulk)


async def test_commands_on_one_thing_in_one_batch_follow_each_other(db: Database) -> None:
    id = new_id()
    await make(db).submit(toys.Make(id, "x"))
    move = Operation("move", db, CLOCK, toys.move_things, toys.render)
    answers = await asyncio.gather(
        *(move.submit(toys.Move(id, f"s{n}", seen=1)) for n in range(20)), return_exceptions=True
    )
    assert sum(isinstance(a, Answer) for a in answers) == 1
    assert sum(isinstance(a, StaleVersion) for a in answers) == 19
    await asyncio.gather(*(move.submit(toys.Move(id, f"t{n}")) for n in range(20)))
    rows = await toys.rows_of(db, "SELECT sequence FROM outbox WHERE key = $1 ORDER BY id", str(id))
    assert [row["sequence"] for row in rows] == list(range(1, 23))
    with pytest.raises(NotFound):
        await move.submit(toys.Move(new_id(), "x"))


async def test_an_event_bears_the_trace_of_its_own_request_or_none(db: Database) -> None:
    operation = make(db)

    async def request(nr: int) -> tuple[str, str]:
        trace_id.set(f"00-{nr:032x}-{nr:016x}-01")
        command = toys.Make(new_id(), "x")
        await operation.submit(command)
        return str(command.id), trace_id.get()

    alone = [await asyncio.create_task(request(nr)) for nr in range(1, 4)]
    together = await asyncio.gather(*(request(nr) for nr in range(10, 60)))
    rows = await toys.rows_of(db, "SELECT key, traceparent FROM outbox")
    borne = {row["key"]: row["traceparent"] for row in rows}
    assert [borne[key] for key, _ in alone] == [trace for _, trace in alone]
    assert all(borne[key] in (None, trace) for key, trace in together)


async def test_a_lost_deadlock_is_tried_again(db: Database) -> None:
    one, two = new_id(), new_id()
    await make(db).run([toys.Make(one, "x"), toys.Make(two, "x")])
    both_hold_one = asyncio.Barrier(2)
    lost = 0

    async def crossing(tx: Tx, commands: Sequence[tuple[UUID, UUID]], now: datetime) -> list[toys.Thing | AppError]:
        nonlocal lost
        for nr, id in enumerate(commands[0]):
            try:
                await tx.execute("UPDATE things SET version = version + 1 WHERE id = $1", id)
            except asyncpg.DeadlockDetectedError:
                lost += 1
                raise
            if nr == 0 and lost == 0:
                await both_hold_one.wait()
        return [toys.Thing(id=commands[0][0], version=1, state="x", label="x")]

    operations = [Operation(name, db, CLOCK, crossing, toys.render) for name in ("a", "b")]
    await asyncio.gather(operations[0].submit((one, two)), operations[1].submit((two, one)))
    assert lost == 1
    rows = await toys.rows_of(db, "SELECT version FROM things")
    assert [row["version"] for row in rows] == [3, 3]


async def test_deadlocks_are_told_apart_from_an_absent_database(db: Database) -> None:
    with pytest.raises(Contended):
        async with db.transaction() as tx, tx.savepoint():
            await tx.execute("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40P01'; END $$")


async def test_faults_of_our_own_are_not_blamed_on_the_database(db: Database) -> None:
    """`503, try again` about what will never work would have a consumer try it again for ever."""
    with pytest.raises(asyncpg.InterfaceError):
        await toys.rows_of(db, "SELECT $1::int")
    with pytest.raises(asyncpg.UndefinedTableError):
        await toys.rows_of(db, "SELECT * FROM nowhere")

    async def careless() -> None:
        async with db.transaction():
            raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        await careless()


async def test_a_savepoint_undoes_its_block_alone(db: Database) -> None:
    ids = [new_id() for _ in range(3)]
    async with db.transaction() as tx:
        await toys.make_things(tx, [toys.Make(ids[0], "x")], CLOCK.now())
        try:
            async with tx.savepoint():
                await toys.make_things(tx, [toys.Make(ids[1], "x")], CLOCK.now())
                async with tx.savepoint():
                    await tx.execute("SELECT 1 / 0")
        except asyncpg.DivisionByZeroError:
            await toys.make_things(tx, [toys.Make(ids[2], "x")], CLOCK.now())
    assert await there(db) == {ids[0], ids[2]}


# ── idempotency keys ──


def claim(key: str, body: bytes = b"body", actor: str = "me") -> Claim:
    return Claim(actor, key, body)


async def test_the_same_key_gives_the_same_bytes_and_no_second_effect(db: Database) -> None:
    operation, command = make(db), fine(1)[0]
    first = await operation.submit(command, claim("k"))
    for _ in range(3):
        assert await operation.submit(command, claim("k")) == first
    fresh = make(db)  # another process
    assert await fresh.submit(toys.Make(new_id(), "ignored"), claim("k")) == first
    assert first.headers == {"ETag": '"1"'}
    assert await there(db) == {command.id}


async def test_another_body_under_the_same_key_is_refused(db: Database) -> None:
    operation = make(db)
    await operation.submit(fine(1)[0], claim("k", b"one"))
    with pytest.raises(IdempotencyKeyReused):
        await operation.submit(fine(1)[0], claim("k", b"two"))
    await operation.submit(fine(1)[0], claim("k", b"two", actor="someone else"))
    assert len(await there(db)) == 2


async def test_one_key_many_times_in_one_batch_has_one_effect(db: Database) -> None:
    operation, commands = make(db), fine(50)
    answers = await asyncio.gather(*(operation.submit(c, claim("k")) for c in commands))
    assert len({a.body for a in answers}) == 1
    assert len(await there(db)) == 1


async def test_one_key_with_two_bodies_in_one_batch(db: Database) -> None:
    operation = make(db)
    answers = await asyncio.gather(
        *(operation.submit(c, claim("k", body)) for c, body in zip(fine(4), (b"a", b"b", b"a", b"b"), strict=True)),
        return_exceptions=True,
    )
    assert [isinstance(a, IdempotencyKeyReused) for a in answers] == [False, True, False, True]
    assert answers[0] == answers[2]
    assert len(await there(db)) == 1


async def test_one_key_in_many_processes_at_the_same_time_has_one_effect(toy_url: str, db: Database) -> None:
    others = [Database(toy_url, pool_size=3) for _ in range(4)]
    keys = [f"k{n}" for n in range(30)]

    async def process(database: Database) -> list[Answer]:
        operation = make(database, max_batch=7)
        return list(await asyncio.gather(*(operation.submit(toys.Make(new_id(), key), claim(key)) for key in keys)))

    answers = await asyncio.gather(*(process(database) for database in others))
    assert answers[0] == answers[1] == answers[2] == answers[3]
    assert len(await there(db)) == 30
    for database in others:
        await database.close()


async def test_a_refusal_is_not_kept_under_its_key(db: Database) -> None:
    operation = make(db)
    with pytest.raises(Conflict):
        await operation.submit(toys.Make(new_id(), "refused"), claim("k", b"one"))
    made = fine(1)[0]
    assert (await operation.submit(made, claim("k", b"two"))).status == 201
    assert await there(db) == {made.id}


async def test_a_key_beside_a_bad_neighbour_keeps_its_answer(db: Database) -> None:
    operation, commands = make(db), [*fine(10), bad("check"), *fine(10)]
    answers = await asyncio.gather(
        *(operation.submit(c, claim(f"k{n}")) for n, c in enumerate(commands)), return_exceptions=True
    )
    again = await asyncio.gather(
        *(operation.submit(toys.Make(new_id(), "ignored"), claim(f"k{n}")) for n in range(21) if n != 10)
    )
    assert again == [a for a in answers if isinstance(a, Answer)]
    assert len(await there(db)) == 20


async def test_bulk_answers_are_kept_as_a_whole(db: Database) -> None:
    async with client_of(create_toy_app(db)) as client:
        body = {"items": [{"id": str(new_id())}, {"id": str(new_id()), "weight": 0}]}

        async def post(body: object, key: str) -> httpx.Response:
            return await client.post("/v1/things/batch", json=body, headers={"Idempotency-Key": key})

        first = await post(body, "k")
        assert (first.status_code, len(first.json()["items"])) == (200, 2)
        assert (await post(body, "k")).content == first.content
        reused = await post({"items": [{"id": str(new_id())}]}, "k")
        assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
        both = await asyncio.gather(*(post({"items": [{"id": str(new_id())}]}, "race") for _ in range(8)))
        assert sorted(r.status_code for r in both) == [200] + [422] * 7
    assert len(await there(db)) == 2


async def test_replays_over_http_are_the_same_bytes(db: Database) -> None:
    async with client_of(create_toy_app(db)) as client:
        body, headers = {"id": str(new_id()), "label": "灭火器 🧯"}, {"Idempotency-Key": "k"}
        first = await client.post("/v1/things", json=body, headers=headers)
        again = await client.post("/v1/things", json=body, headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert first.headers["etag"] == again.headers["etag"]
        other = await client.post("/v1/things", json={**body, "label": "x"}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
