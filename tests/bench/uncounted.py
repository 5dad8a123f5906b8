"""The HTTP side of hazards with reports that nobody counts: the arm without counters of the part `counters`."""

from collections.abc import Iterable

from libs.common.db import Tx
from libs.common.main import Service
from services.hazards.app import create_app
from services.hazards.settings import HazardsSettings
from services.hazards.store import counters
from services.hazards.store.counters import CellChange
from services.hazards.worker import loops


async def count_nothing(tx: Tx, changes: Iterable[CellChange]) -> None:
    """What a report would do without counters."""


if __name__ == "__main__":
    counters.count = count_nothing
    Service("hazards", HazardsSettings, create_app, loops).main()
