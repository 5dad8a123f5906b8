"""The background side: figures are folded by a loop that ends when asked, whoever else folds."""

import asyncio

from services.hazards.store import counters
from services.hazards.worker import Folder
from tests.service.hazards.hazard_world import COMMUNITY, GRID, World

PLACE = {"areaCode": GRID, "place": "东门", "description": "线头裸露", "source": "patrol"}


async def test_folders_beside_each_other_and_beside_reports_keep_figures_exact(world: World) -> None:
    stop = asyncio.Event()
    folders = [asyncio.create_task(Folder(world.db, 0.001).run(stop)) for _ in range(3)]
    community = world.community()
    for nr in range(1, 6):
        await asyncio.gather(*(community.post("/v1/hazards", PLACE) for _ in range(20)))
        view = (await community.get(f"/v1/views/community/{COMMUNITY}")).json()
        assert view["totals"]["found"] == 20 * nr
        assert await world.differing() == 0
    stop.set()
    await asyncio.wait_for(asyncio.gather(*folders), 5)
    async with world.db.transaction() as tx:
        await counters.fold(tx)
        assert await tx.fetchval("SELECT count(*) FROM counter_deltas") == 0
    assert await world.value("SELECT value FROM counters WHERE metric = 'found'") == 100
    assert await world.differing() == 0
