"""SIGTERM ends a process within ten seconds, whatever its broker and its database do, and leaves nothing half-done."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import free_port
from libs.common.db import Database
from libs.common.ids import new_id
from libs.common.outbox import UNPUBLISHED
from tests.support import toyservice as toys
from tests.support.tcp import Proxy
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[3]
LIMIT = 10.0
CreateDatabase = Callable[[str | None], Awaitable[str]]


@dataclass
class Running:
    """A process of the toy service and a client that speaks to it."""

    process: "subprocess.Popen[bytes]"
    client: httpx.AsyncClient

    async def terminate(self) -> float:
        """Sends SIGTERM and waits. The seconds that it took; AssertionError when it took too many."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self.process.wait, LIMIT + 2)
        except subprocess.TimeoutExpired:
            raise AssertionError("still running after SIGTERM") from None
        took = time.monotonic() - began
        assert took < LIMIT
        assert self.process.returncode == 0
        return took


def start(**environment: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.support.toyprocess"]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment, "ENVIRONMENT": "test"})


@asynccontextmanager
async def toy_process(**environment: str) -> AsyncIterator[Running]:
    port = free_port()
    process = start(PORT=str(port), **environment)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

        async def alive() -> bool:
            try:
                return (await client.get("/livez")).status_code == 200
            except httpx.TransportError:
                return False

        try:
            await until(alive, 60, every=0.05)
            yield Running(process, client)
        finally:
            process.kill()
            process.wait()


@pytest.fixture
async def bus_url(create_database: CreateDatabase) -> str:
    return await create_database(None)


def a_thing() -> dict[str, str]:
    return {"id": str(new_id())}


async def number(db: Database, sql: str, *args: object) -> int:
    return int((await toys.rows_of(db, f"SELECT count(*) AS n FROM {sql}", *args))[0]["n"])


async def standing_open(db: Database) -> int:
    """How many transactions of the process stand open between their two writes."""
    return await number(
        db,
        "pg_stat_activity WHERE datname = current_database() AND application_name = 'toyprocess' "
        "AND state = 'idle in transaction' AND query LIKE '%INSERT INTO outbox%'",
    )


async def connected(db: Database) -> int:
    return await number(db, "pg_stat_activity WHERE datname = current_database() AND application_name = 'toyprocess'")


async def test_with_everything_alive_requests_in_flight_are_answered(toy_url: str, db: Database, bus_url: str) -> None:
    slow, late = a_thing(), a_thing()
    async with toy_process(DATABASE_URL=toy_url, BUS_DATABASE_URL=bus_url) as running:
        assert (await running.client.post("/v1/things", json=a_thing())).status_code == 201

        async def heard() -> bool:
            return await number(db, "happenings WHERE what = 'heard'") == 1

        await until(heard, 30)
        in_flight = asyncio.create_task(running.client.post("/v1/slow?seconds=1", json=slow))
        too_slow = asyncio.create_task(running.client.post("/v1/slow?seconds=60", json=late))

        async def both_stand_open() -> bool:
            return await standing_open(db) == 2

        await until(both_stand_open)
        assert await running.terminate() > 3  # the second one was given its time
        assert (await in_flight).status_code == 201
        cut_off = await too_slow
        assert cut_off.status_code == 503
        assert cut_off.json()["code"] == "outcome_unknown"
    there = await toys.rows_of(db, "SELECT thing_id::text AS id FROM happenings WHERE what = 'finished'")
    assert [row["id"] for row in there] == [slow["id"]]
    assert await number(db, "things WHERE id = $1::uuid", late["id"]) == 0
    assert await number(db, "outbox WHERE key = $1", late["id"]) == 0

    async def nobody_connected() -> bool:
        return await connected(db) == 0

    await until(nobody_connected)


@pytest.mark.parametrize("unruly", ["deaf crashing", "blocking"])
async def test_loops_that_do_not_listen(toy_url: str, bus_url: str, unruly: str) -> None:
    async with toy_process(DATABASE_URL=toy_url, BUS_DATABASE_URL=bus_url, UNRULY=unruly) as running:
        assert (await running.client.post("/v1/things", json=a_thing())).status_code == 201
        if unruly != "blocking":
            second = start(DATABASE_URL=toy_url, BUS_DATABASE_URL=bus_url, PORT=str(running.client.base_url.port))
            assert await asyncio.to_thread(second.wait, 30) != 0  # a port that is taken is no silent success
        await running.terminate()


async def stop_without_a_broker(toy_url: str, kind: str, port: int, asked: Callable[[], bool]) -> None:
    url = f"postgresql://nobody@127.0.0.1:{port}/bus"
    environment = {"BUS": kind, "BUS_DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"}
    async with toy_process(DATABASE_URL=toy_url, **environment) as running:
        assert (await running.client.post("/v1/things", json=a_thing())).status_code == 201  # reports go on
        await until(asked, 30)
        await running.terminate()


async def test_with_a_broker_that_is_dead_from_the_start(toy_url: str) -> None:
    silent = [Proxy(), Proxy()]
    for proxy in silent:
        await proxy.open()
    await asyncio.gather(
        stop_without_a_broker(toy_url, "postgres", silent[0].port, lambda: silent[0].accepted > 0),
        stop_without_a_broker(toy_url, "kafka", silent[1].port, lambda: silent[1].accepted > 0),
        stop_without_a_broker(toy_url, "postgres", free_port(), lambda: True),
        stop_without_a_broker(toy_url, "kafka", free_port(), lambda: True),
    )
    for proxy in silent:
        await proxy.cut()


async def stop_while_the_broker_dies(toy_url: str, bus_url: str, how: str) -> None:
    proxy, through = await Proxy.before(bus_url)
    db = Database(toy_url, pool_size=2)
    async with toy_process(DATABASE_URL=toy_url, BUS_DATABASE_URL=through) as running:
        assert (await running.client.post("/v1/things", json=a_thing())).status_code == 201

        async def heard() -> bool:
            return await number(db, "happenings WHERE what = 'heard'") == 1

        await until(heard, 30)
        await fail(proxy, how)
        assert (await running.client.post("/v1/things", json=a_thing())).status_code == 201
        await running.terminate()
    await proxy.cut()
    assert await number(db, UNPUBLISHED) == 1  # kept for the next process
    await db.close()


async def fail(proxy: Proxy, how: str) -> None:
    if how == "cut":
        await proxy.cut()
    else:
        proxy.freeze()


async def test_with_a_broker_that_dies_under_way(create_database: CreateDatabase) -> None:
    urls = [await create_database(None) for _ in range(4)]
    for url in urls[:2]:
        await toys.create_tables(url)
    await asyncio.gather(
        stop_while_the_broker_dies(urls[0], urls[2], "cut"), stop_while_the_broker_dies(urls[1], urls[3], "freeze")
    )


async def stop_while_the_database_dies(toy_url: str, bus_url: str, how: str) -> None:
    proxy, through = await Proxy.before(toy_url)
    db = Database(toy_url, pool_size=2)
    lost = a_thing()
    async with toy_process(DATABASE_URL=through, BUS_DATABASE_URL=bus_url) as running:
        assert (await running.client.post("/v1/things", json=a_thing())).status_code == 201
        in_flight = asyncio.create_task(running.client.post("/v1/slow?seconds=1", json=lost))

        async def stands_open() -> bool:
            return await standing_open(db) == 1

        await until(stands_open)
        await fail(proxy, how)
        await running.terminate()
        assert (await in_flight).status_code == 503
    await proxy.cut()
    assert await number(db, "things WHERE id = $1::uuid", lost["id"]) == 0
    await db.close()


async def test_with_a_database_that_dies_under_way(create_database: CreateDatabase, bus_url: str) -> None:
    urls = [await create_database(None) for _ in range(2)]
    for url in urls:
        await toys.create_tables(url)
    await asyncio.gather(
        stop_while_the_database_dies(urls[0], bus_url, "cut"), stop_while_the_database_dies(urls[1], bus_url, "freeze")
    )
