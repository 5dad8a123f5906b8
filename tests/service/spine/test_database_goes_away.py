"""The database goes away and comes back: callers hear 503 and when to ask again, and nothing is left behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from libs.common.clock import SystemClock
from libs.common.db import Database
from libs.common.errors import Busy, DatabaseUnavailable, OutcomeUnknown
from libs.common.ids import new_id
from libs.common.operation import Operation
from libs.common.relay import Relay
from libs.common.timers import Sweeper
from tests.support import toyservice as toys
from tests.support.bus import KillablePostgres
from tests.support.memory_bus import MemoryBus
from tests.support.tcp import Proxy
from tests.support.toyapp import client_of, create_toy_app
from tests.support.waiting import until

CLOCK = SystemClock()
CreateDatabase = Callable[[str | None], Awaitable[str]]


@pytest.fixture
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillablePostgres]:
    folder: Path = tmp_path_factory.mktemp("away")
    for each in (folder, *folder.parents[:3]):
        if each.stat().st_uid == folder.stat().st_uid and each != Path("/tmp"):
            each.chmod(0o755)  # the server runs under an account of its own
    server = KillablePostgres(folder)
    yield server
    server.end()


async def connections(url: str, condition: str = "true") -> int:
    """Connections of the application to the database, as the server sees them."""
    watcher = await asyncpg.connect(url)
    try:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'spine' AND datname = current_database()"
        return int(await watcher.fetchval(f"{sql} AND ({condition})"))
    finally:
        await watcher.close()


async def post(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/v1/things", json={"id": str(new_id())})


def is_busy(response: httpx.Response) -> bool:
    if response.status_code != 503:
        return False
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) >= 1
    assert response.json()["code"] in {"database_unavailable", "outcome_unknown"}
    return True


async def test_a_restart_of_the_server(own_postgres: KillablePostgres) -> None:
    await asyncio.to_thread(own_postgres.start)
    url = own_postgres.address()
    await toys.create_tables(url)
    db = Database(url, pool_size=5, application_name="spine")
    heard: list[int] = []
    stop, bus = asyncio.Event(), MemoryBus()
    loops = [
        asyncio.create_task(Relay(db, bus, CLOCK, holder="one", source=toys.SOURCE).run(stop)),
        asyncio.create_task(Sweeper("toys", db, CLOCK, "things", toys_fire).run(stop)),
    ]
    async with client_of(create_toy_app(db)) as client:

        async def caller() -> None:
            while not stop.is_set():
                heard.append((await post(client)).status_code)
                await asyncio.sleep(0.01)

        callers = [asyncio.create_task(caller()) for _ in range(10)]
        await until(lambda: heard.count(201) > 50)
        await asyncio.to_thread(own_postgres.kill)
        await until(lambda: heard.count(503) > 20)
        assert is_busy(await post(client))
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/livez")).status_code == 200
        await asyncio.to_thread(own_postgres.start)
        before = heard.count(201)
        await until(lambda: heard.count(201) > before + 50)
        assert (await client.get("/readyz")).status_code == 200
        stop.set()
        await asyncio.gather(*callers)
        await asyncio.gather(*loops)
    assert set(heard) == {201, 503}
    rows = await toys.rows_of(db, "SELECT count(*) AS n FROM things")
    assert rows[0]["n"] >= heard.count(201)  # a COMMIT whose answer was lost may have happened: `outcome_unknown`
    assert await connections(url) <= 5
    assert await connections(url, "state <> 'idle'") == 0
    await db.close()
    await until(lambda: _none(url))


async def _none(url: str) -> bool:
    return await connections(url) == 0


async def toys_fire(*_: object) -> None: ...


@pytest.fixture
async def proxied(toy_url: str) -> AsyncIterator[tuple[Proxy, Database]]:
    proxy, through = await Proxy.before(toy_url)
    db = Database(through, pool_size=4, application_name="spine")
    yield proxy, db
    await proxy.cut()
    await db.close()


async def test_connections_that_broke_are_replaced(proxied: tuple[Proxy, Database], toy_url: str) -> None:
    proxy, db = proxied

    async def none_left() -> bool:
        return await connections(toy_url) == 0

    async with client_of(create_toy_app(db)) as client:
        assert await _all_at_once(db) == 4
        await proxy.cut()
        await until(none_left)
        await proxy.open()
        assert (await post(client)).status_code == 201  # nobody has to fail first on each connection that died
        for _ in range(3):
            assert {(await r).status_code for r in [post(client) for _ in range(8)]} == {201}
            await proxy.cut()
            assert all([is_busy(await post(client)) for _ in range(8)])
            await proxy.open()
            assert (await post(client)).status_code == 201
    assert await connections(toy_url) <= 4


async def test_a_connection_that_breaks_in_a_transaction(proxied: tuple[Proxy, Database]) -> None:
    proxy, db = proxied

    async def broken(before: str | None) -> None:
        async with db.transaction() as tx:
            await toys.make_things(tx, [toys.Make(new_id(), "x")], CLOCK.now())
            await tx.flush()
            await proxy.cut()
            if before:
                await tx.fetchval(before)

    with pytest.raises(DatabaseUnavailable):
        await broken("SELECT 1")
    await proxy.open()
    with pytest.raises(OutcomeUnknown):  # between the last statement and the answer to COMMIT: nobody can know
        await broken(None)
    await proxy.open()
    assert await toys.rows_of(db, "SELECT * FROM things") == []


async def test_a_session_says_so_too(proxied: tuple[Proxy, Database]) -> None:
    proxy, db = proxied

    async def in_session(breaks: bool) -> None:
        async with db.transaction() as tx:
            if breaks:
                await tx.session().connection()
                await proxy.cut()
            tx.session().add(toys.Thing(id=new_id(), version=1, state="x", label="x"))
            await tx.session().flush()

    with pytest.raises(DatabaseUnavailable):
        await in_session(breaks=True)
    await proxy.open()
    await in_session(breaks=False)
    assert len(await toys.rows_of(db, "SELECT * FROM things")) == 1


async def test_an_administrator_ends_our_sessions(db: Database, toy_url: str) -> None:
    async with client_of(create_toy_app(db)) as client:
        assert (await post(client)).status_code == 201
        await toys.end_sessions(toy_url)
        statuses = {(await post(client)).status_code for _ in range(4)}
        assert statuses <= {201, 503}
        assert (await post(client)).status_code == 201


@pytest.mark.parametrize("moment", ["in a statement", "between statements", "in a session", "after a session"])
async def test_cancelled_requests_leave_no_transaction_open(db: Database, toy_url: str, moment: str) -> None:
    began = asyncio.Event()

    async def held() -> None:
        async with db.transaction() as tx:
            await toys.make_things(tx, [toys.Make(new_id(), "x")], CLOCK.now())
            await tx.flush()
            if moment.endswith("session"):
                tx.session().add(toys.Thing(id=new_id(), version=1, state="x", label="x"))
                if moment.startswith("in"):
                    began.set()
                await tx.session().flush()
            began.set()
            if moment == "in a statement":
                await tx.fetchval("SELECT pg_sleep(60)")
            await asyncio.Event().wait()

    async def nothing_open() -> bool:
        return await connections(toy_url, "state LIKE 'idle in transaction%' OR query LIKE '%pg_sleep%'") == 0

    for _ in range(2):
        began.clear()
        task = asyncio.create_task(held())
        await began.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        await until(nothing_open)
        assert await toys.rows_of(db, "SELECT * FROM things") == []
    assert await asyncio.wait_for(_all_at_once(db), 20) == db.pool_size
    assert await connections(toy_url) == db.pool_size


async def _all_at_once(db: Database) -> int:
    """Takes every connection of the pool at the same time: how many there are."""
    together = asyncio.Barrier(db.pool_size)

    async def one() -> int:
        async with db.transaction() as tx:
            await together.wait()
            return int(await tx.fetchval("SELECT 1"))

    return sum(await asyncio.gather(*(one() for _ in range(db.pool_size))))


async def test_cancelled_callers_of_an_operation_leave_everything_sound(db: Database, toy_url: str) -> None:
    operation = Operation("make", db, CLOCK, toys.make_things, toys.render)
    commands = [toys.Make(new_id(), "x") for _ in range(300)]
    callers = [asyncio.create_task(operation.submit(command)) for command in commands]
    for nr, caller in enumerate(callers):
        if nr % 3 == 0:
            await asyncio.sleep(0)
            caller.cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    await operation.drain()
    there = {row["id"] for row in await toys.rows_of(db, "SELECT id FROM things")}
    stayed = {c.id for c, a in zip(commands, answers, strict=True) if not isinstance(a, BaseException)}
    assert len(stayed) == 200
    assert stayed <= there
    assert await connections(toy_url, "state LIKE 'idle in transaction%'") == 0
    assert await asyncio.wait_for(_all_at_once(db), 20) == db.pool_size


async def test_a_pool_that_is_used_up_says_busy_and_recovers(toy_url: str) -> None:
    db = Database(toy_url, pool_size=2, application_name="spine", pool_timeout=0.2)
    hold, held = asyncio.Event(), asyncio.Barrier(3)

    async def holder() -> None:
        async with db.transaction():
            await held.wait()
            await hold.wait()

    holders = [asyncio.create_task(holder()) for _ in range(2)]
    await held.wait()
    with pytest.raises(Busy):
        async with db.transaction():
            pass
    hold.set()
    await asyncio.gather(*holders)
    assert await _all_at_once(db) == 2
    await db.close()


async def test_errors_of_a_block_leave_their_connection_usable(db: Database) -> None:
    for _ in range(3 * db.pool_size):
        with pytest.raises(asyncpg.UniqueViolationError):
            await toys.rows_of(db, "INSERT INTO facts (name, value) VALUES ('a', ''), ('a', '')")
    assert await _all_at_once(db) == db.pool_size
    assert await toys.rows_of(db, "SELECT * FROM facts") == []


async def test_a_connection_goes_from_hand_to_hand_and_to_whoever_waits(toy_url: str) -> None:
    db = Database(toy_url, pool_size=1)
    try:
        async with db.transaction() as tx:
            pid = await tx.fetchval("SELECT pg_backend_pid()")
            waiting = [asyncio.create_task(_backend(db)) for _ in range(5)]
            await asyncio.sleep(0)
        assert await asyncio.gather(*waiting) == [pid] * 5
        assert await _backend(db) == pid
    finally:
        await db.close()


async def _backend(db: Database) -> int:
    async with db.transaction() as tx:
        pid: int = await tx.fetchval("SELECT pg_backend_pid()")
    return pid
