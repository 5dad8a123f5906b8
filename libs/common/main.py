"""The command line that every service has: `python -m services.<name> [serve|app|worker|migrate|openapi|…]`."""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fastapi import FastAPI

from libs.common import failpoints
from libs.common.bus import Bus, create_bus
from libs.common.clock import Clock, SystemClock
from libs.common.consumer import Consumer
from libs.common.db import Database
from libs.common.errors import Busy
from libs.common.logs import configure_logs
from libs.common.migrations import upgrade
from libs.common.runner import Loop, replica, run, serve
from libs.common.settings import ServiceSettings
from libs.common.timekeeping import Timekeeper

S = TypeVar("S", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class Service(Generic[S]):
    """What one service is made of; `more` are commands of its own. Without a `consumer` there is no `replay`."""

    name: str
    settings: Callable[[], S]
    create_app: Callable[[S, Clock, Database | None], FastAPI]
    loops: Callable[[S, Database, Bus, Clock], Sequence[Loop]]
    more: Mapping[str, Callable[[S], None]] = field(default_factory=dict)
    consumer: Callable[[S, Database, Bus, Clock], Consumer] | None = None

    def main(self) -> None:
        """Runs one command; `serve` is the HTTP side and the background side in one process."""
        parser = argparse.ArgumentParser(prog=f"python -m services.{self.name}")
        replay = ("replay",) if self.consumer is not None else ()
        commands = ("serve", "app", "worker", "migrate", "openapi", *replay, *self.more)
        parser.add_argument("command", nargs="?", default="serve", choices=commands)
        command = parser.parse_args().command
        settings = self.settings()
        configure_logs(self.name, settings.log_level)
        if command in self.more:
            self.more[command](settings)
        elif command == "replay":
            run(self._replay(settings))
        elif command == "migrate":
            upgrade(self.name, settings.database_url)
        elif command == "openapi":
            document = self.create_app(settings, SystemClock(), None).openapi()
            json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
            sys.stdout.write("\n")
        else:
            run(self._run(settings, with_app=command != "worker", with_loops=command != "app"))

    async def _replay(self, settings: S) -> None:
        """Handles the dead letters again, once their cause is mended. Prints what came of it; exits with 1 unless all
        were healed."""
        assert self.consumer is not None
        clock = SystemClock()
        db = Database(settings.database_url, pool_size=2, application_name=f"{self.name}-replay")
        try:
            healed, left = await self.consumer(settings, db, bus_of(self.name, settings), clock).replay_all()
        finally:
            await db.close()
        sys.stdout.write(f"healed {healed}, left {left}\n")
        if left:
            raise SystemExit(1)

    async def _run(self, settings: S, *, with_app: bool, with_loops: bool) -> None:
        failpoints.arm(settings.failpoints, settings.failpoints_witness)
        clock = SystemClock()
        db = Database(settings.database_url, pool_size=settings.database_pool_size, application_name=self.name)
        bus = bus_of(self.name, settings) if with_loops else None
        app = self.create_app(settings, clock, db) if with_app else None
        try:
            if bus is not None:
                await bus.start()
            timekeeper = Timekeeper(db, clock)
            with contextlib.suppress(Busy):  # or as soon as the database is there
                await timekeeper.ask()
            background = self.loops(settings, db, bus, clock) if bus is not None else []
            await serve(app, [Loop("clock", timekeeper.run), *background], host=settings.host, port=settings.port)
        finally:
            if bus is not None:
                await bus.stop()
            await db.close()


def bus_of(name: str, settings: ServiceSettings) -> Bus:
    """The bus that the settings name, not started."""
    return create_bus(
        settings.bus,
        bus_database_url=settings.bus_database_url or None,
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers or None,
        client_id=f"{name}-{replica()}",
        session=settings.bus_session_seconds,
    )
