"""`python -m services.hazards [serve|app|worker|migrate|reconcile|openapi|diagram]`."""

import argparse
import asyncio
import json
import sys

from fastapi import FastAPI

from libs.common.clock import SystemClock
from libs.common.db import Database
from libs.common.logs import configure_logs
from libs.common.migrations import upgrade
from libs.common.runner import run, serve
from services.hazards.app import create_app
from services.hazards.domain.diagram import mermaid
from services.hazards.settings import HazardsSettings
from services.hazards.store import counters
from services.hazards.worker import bus_of, loops

COMMANDS = ("serve", "app", "worker", "migrate", "reconcile", "openapi", "diagram")


def main() -> None:
    """Runs one command; `serve` is the HTTP side and the background side in one process."""
    parser = argparse.ArgumentParser(prog="python -m services.hazards")
    parser.add_argument("command", nargs="?", default="serve", choices=COMMANDS)
    command = parser.parse_args().command
    settings = HazardsSettings()
    configure_logs("hazards", settings.log_level)
    if command == "migrate":
        upgrade("hazards", settings.database_url)
    elif command == "reconcile":
        asyncio.run(_reconcile(settings))
    elif command == "diagram":
        sys.stdout.write(mermaid() + "\n")
    elif command == "openapi":
        json.dump(create_app(settings).openapi(), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        run(_run(settings, with_app=command != "worker", with_loops=command != "app"))


async def _run(settings: HazardsSettings, *, with_app: bool, with_loops: bool) -> None:
    clock = SystemClock()
    db = Database(settings.database_url, pool_size=settings.database_pool_size, application_name="hazards")
    bus = bus_of(settings) if with_loops else None
    app: FastAPI | None = create_app(settings, clock, db) if with_app else None
    try:
        if bus is not None:
            await bus.start()
        await serve(
            app, loops(settings, db, bus, clock) if bus is not None else [], host=settings.host, port=settings.port
        )
    finally:
        if bus is not None:
            await bus.stop()
        await db.close()


async def _reconcile(settings: HazardsSettings) -> None:
    """Prints how many figures differ from a recount; exits with 1 unless that is 0."""
    db = Database(settings.database_url, pool_size=2, application_name="hazards-reconcile")
    async with db.transaction() as tx:
        differing = await counters.reconcile(tx)
    await db.close()
    sys.stdout.write(f"{differing}\n")
    if differing:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
