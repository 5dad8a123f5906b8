"""Where the story plays: one enterprise, and the areas above it."""

from dataclasses import dataclass
from typing import Any

from deploy.local.api import Api
from libs.common.actors import Tier

_PAGES = 30


@dataclass(frozen=True, slots=True)
class Place:
    """One enterprise and the communities above it."""

    enterprise_id: str
    enterprise_name: str
    area: str  # its grid, or its community where no grid is known
    community: str
    street: str
    district: str


def any_place(api: Api, district: str) -> Place | None:
    """An active enterprise of the district, with a grid if there is one, of the last community; None without any.

    The last community, because newcomers try things in the first one, and the story's rows that say seconds are not
    for them.
    """
    token = api.token(Tier.DISTRICT, district, person="story")
    found = _enterprises(api, token)
    active = [entry for entry in found if entry.get("status", "active") == "active"] or found
    if not active:
        return None
    chosen = max(active, key=lambda entry: (len(entry["areaCode"]), entry["areaCode"]))
    area = str(chosen["areaCode"])
    return Place(chosen["id"], chosen["name"], area, area[:12], area[:9].ljust(12, "0"), district)


def _enterprises(api: Api, token: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(_PAGES):
        page = api.get("registry", "/v1/enterprises", token, limit=200, **cursor)
        found += page["items"]
        if not page.get("nextCursor"):
            break
        cursor = {"cursor": page["nextCursor"]}
    return found
