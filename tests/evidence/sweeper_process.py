"""One replica's sweeper of the hazards service, and nothing beside: `python -m tests.evidence.sweeper_process`."""

from libs.common.clock import SystemClock
from libs.common.db import Database
from libs.common.logs import configure_logs
from libs.common.runner import Loop, run, serve
from libs.common.timekeeping import Timekeeper
from services.hazards import timers
from services.hazards.settings import HazardsSettings


async def main() -> None:
    """Sweeps until it is told to stop."""
    settings, clock = HazardsSettings(), SystemClock()
    configure_logs("hazards", settings.log_level)
    db = Database(settings.database_url, pool_size=settings.database_pool_size, application_name="hazards")
    loops = [
        Loop("clock", Timekeeper(db, clock).run),
        Loop("sweeper", timers.sweeper(settings, db, clock).run),
    ]
    await serve(None, loops, host=settings.host, port=settings.port)
    await db.close()


if __name__ == "__main__":
    run(main())
