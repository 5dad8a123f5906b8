"""Puts empty jobs into another project's queue and handles them all: `queue_drain.py WHICH URL JOBS AT_ONCE`.

It runs under the Python of the peers, where nothing of this project can be imported. WHICH is `pgqueuer` or
`procrastinate`; AT_ONCE is the batch of the one, the concurrency of the other. Prints one line of JSON: events,
seconds, cpu.
"""

import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

_PUT = 500  # jobs of one call that puts them in


async def _timed(jobs: int, handle: Callable[[], Awaitable[None]]) -> dict[str, float]:
    began, cpu = time.perf_counter(), time.process_time()
    await handle()
    return {"events": jobs, "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


async def pgqueuer(url: str, jobs: int, at_once: int) -> dict[str, float]:
    """Its drain mode: it ends when the queue is empty and every outcome is in its log."""
    pool = await import_module("asyncpg").create_pool(url, min_size=2, max_size=6)
    queries = import_module("pgqueuer.queries").Queries.from_asyncpg_pool(pool)
    modes = import_module("pgqueuer.types").QueueExecutionMode
    await queries.install()
    for start in range(0, jobs, _PUT):
        count = min(_PUT, jobs - start)
        await queries.enqueue(["empty"] * count, [b"{}"] * count, [0] * count)
    await pool.execute("VACUUM ANALYZE pgqueuer")
    manager = import_module("pgqueuer").PgQueuer.from_asyncpg_pool(pool)

    async def empty(_: Any) -> None: ...

    manager.entrypoint("empty")(empty)
    await pool.fetch("SELECT 1")

    async def handle() -> None:
        await manager.qm.run(dequeue_timeout=timedelta(seconds=1), batch_size=at_once, mode=modes.drain)

    return await _timed(jobs, handle)


async def procrastinate(url: str, jobs: int, at_once: int) -> dict[str, float]:
    """Its worker that ends when there is nothing more to do."""
    module = import_module("procrastinate")
    app = module.App(connector=module.PsycopgConnector(conninfo=url, min_size=2, max_size=at_once + 2))

    async def empty(nr: int) -> None: ...

    task = app.task(name="empty")(empty)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for start in range(0, jobs, _PUT):
            await task.batch_defer_async(*[{"nr": nr} for nr in range(start, min(start + _PUT, jobs))])
        await app.connector.execute_query_async("ANALYZE procrastinate_jobs")

        async def handle() -> None:
            await app.run_worker_async(
                wait=False, concurrency=at_once, listen_notify=False, install_signal_handlers=False
            )

        return await _timed(jobs, handle)


def main(which: str, url: str, jobs: int, at_once: int) -> None:
    """Runs on uvloop, as our own processes do."""
    logging.disable(logging.WARNING)
    queue = {"pgqueuer": pgqueuer, "procrastinate": procrastinate}[which]
    said = import_module("uvloop").run(queue(url, jobs, at_once))
    print(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
