"""Carrying out an import of areas: new and renamed nodes of the tree, in one transaction."""

import asyncio
from dataclasses import replace
from datetime import datetime

from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from libs.common.ids import new_id
from services.registry.domain.area_files import AreaLine, read_area_lines, settle_areas
from services.registry.domain.areas import Area
from services.registry.files.areas_csv import read_areas_csv
from services.registry.store import areas, imports
from services.registry.store.imports import Job


async def read_area_file(content: bytes, file_name: str) -> list[AreaLine]:
    """The lines of the file. Raises a FileRefused."""
    return await asyncio.to_thread(lambda: read_area_lines(read_areas_csv(content), file_name))


async def apply_areas(tx: Tx, job: Job, lines: list[AreaLine], now: datetime) -> None:
    """Writes the nodes that the file makes or renames, its notes and the end of the job; all of it or nothing."""
    known = await areas.on_file(tx)
    settlement = settle_areas(lines, known, lambda path: path.startswith(job.area_path))
    today = now.astimezone(SHANGHAI).date()
    await areas.write_made(tx, [Area(new_id(), 1, place, name, today) for place, name in settlement.created], now)
    names = dict(settlement.renamed)
    former = await areas.read(tx, list(names))
    await areas.write_changed(tx, [replace(a, version=a.version + 1, name=names[a.id]) for a in former], now)
    await imports.finish(tx, job, settlement.counts, settlement.notes, now, rows=len(lines))
