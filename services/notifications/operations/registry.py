"""Follows the registry: copies of areas and enterprises, and a second look where somebody may be reachable now."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.contracts.registry import AreaChanged, EnterpriseState
from libs.common.db import Tx
from libs.common.ids import in_order
from services.notifications.operations.climb import look_again
from services.notifications.store import copies


async def keep(tx: Tx, areas: Sequence[AreaChanged], enterprises: Sequence[EnterpriseState], now: datetime) -> None:
    """Keeps what is newer than the copies."""
    await copies.keep_areas(tx, [_area(area) for area in areas])
    await copies.keep_enterprises(tx, [_enterprise(enterprise) for enterprise in enterprises])
    await look_again(
        tx,
        sorted({area.path for area in areas if area.posts}),
        in_order(enterprise.id for enterprise in enterprises if enterprise.contact_person_ids),
        now,
    )


def _area(said: AreaChanged) -> dict[str, object]:
    return {
        "id": said.id,
        "path": said.path,
        "name": said.name,
        "level": said.level,
        "version": said.version,
        "posts": [{"personId": str(post.person_id), "role": post.role} for post in said.posts],
        "valid_from": said.valid_from,
        "valid_to": said.valid_to,
    }


def _enterprise(said: EnterpriseState) -> dict[str, object]:
    return {
        "id": said.id,
        "version": said.version,
        "name": said.name,
        "area_path": said.area_path,
        "active": said.status == "active",
        "contact_person_ids": said.contact_person_ids,
    }
