"""`python -m services.hazards [serve|app|worker|migrate|openapi|replay|reconcile|diagram]`."""

import asyncio
import sys

from libs.common.db import Database
from libs.common.main import Service
from services.hazards.app import create_app
from services.hazards.domain.diagram import mermaid
from services.hazards.settings import HazardsSettings
from services.hazards.store import counters
from services.hazards.worker import consumer, loops


def _diagram(_: HazardsSettings) -> None:
    sys.stdout.write(mermaid() + "\n")


def _reconcile(settings: HazardsSettings) -> None:
    """Prints how many figures differ from a recount; exits with 1 unless that is 0."""
    differing = asyncio.run(_recount(settings))
    sys.stdout.write(f"{differing}\n")
    if differing:
        raise SystemExit(1)


async def _recount(settings: HazardsSettings) -> int:
    db = Database(settings.database_url, pool_size=2, application_name="hazards-reconcile")
    async with db.transaction() as tx:
        differing = await counters.reconcile(tx)
    await db.close()
    return differing


if __name__ == "__main__":
    more = {"reconcile": _reconcile, "diagram": _diagram}
    Service("hazards", HazardsSettings, create_app, loops, more, consumer).main()
