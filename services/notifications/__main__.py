"""`python -m services.notifications [serve|app|worker|migrate|openapi|diagram]`."""

import argparse
import json
import sys

from fastapi import FastAPI

from libs.common.clock import SystemClock
from libs.common.db import Database
from libs.common.logs import configure_logs
from libs.common.migrations import upgrade
from libs.common.runner import run, serve
from services.notifications.app import NAME, create_app
from services.notifications.domain.diagram import diagram
from services.notifications.settings import NotificationsSettings
from services.notifications.worker import bus_of, loops

COMMANDS = ("serve", "app", "worker", "migrate", "openapi", "diagram")


def main() -> None:
    """Runs one command; `serve` is the HTTP side and the background side in one process."""
    parser = argparse.ArgumentParser(prog="python -m services.notifications")
    parser.add_argument("command", nargs="?", default="serve", choices=COMMANDS)
    command = parser.parse_args().command
    settings = NotificationsSettings()
    configure_logs(NAME, settings.log_level)
    if command == "migrate":
        upgrade(NAME, settings.database_url)
    elif command == "openapi":
        json.dump(create_app(settings).openapi(), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    elif command == "diagram":
        sys.stdout.write(diagram() + "\n")
    else:
        run(_run(settings, with_app=command != "worker", with_loops=command != "app"))


async def _run(settings: NotificationsSettings, *, with_app: bool, with_loops: bool) -> None:
    clock = SystemClock()
    db = Database(settings.database_url, pool_size=settings.database_pool_size, application_name=NAME)
    bus = bus_of(settings) if with_loops else None
    app: FastAPI | None = create_app(settings, clock, db) if with_app else None
    try:
        if bus is not None:
            await bus.start()
        background = loops(settings, db, bus, clock) if bus is not None else []
        await serve(app, background, host=settings.host, port=settings.port)
    finally:
        if bus is not None:
            await bus.stop()
        await db.close()


if __name__ == "__main__":
    main()
