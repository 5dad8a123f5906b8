"""Every kind of page that a tier looks at, asked of the real application; its statements are kept to play again."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from deploy.local.issuer import Bearer, Issuer
from libs.common.actors import USUAL_ROLES, Tier, area_code
from libs.common.clock import SystemClock
from services.hazards.app import create_app
from services.hazards.settings import HazardsSettings
from tests.bench.recorded import RecordingDatabase, Statement
from tests.evidence.cluster import connected

LIMIT = 50
STATES = ("reported", "verified", "ordered", "rectified", "closed")
Asked = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Places:
    """Where hazards are: paths by level, and some enterprises."""

    district: str
    streets: Sequence[str]
    communities: Sequence[str]
    grids: Sequence[str]
    enterprises: Sequence[UUID]

    @classmethod
    async def read(cls, url: str) -> "Places":
        """As the copies know them."""
        async with connected(url) as connection:
            rows = await connection.fetch("SELECT path, level FROM areas ORDER BY path")
            ids = await connection.fetch("SELECT id FROM enterprises ORDER BY id")
        of = {level: [row["path"] for row in rows if row["level"] == level] for level in {row["level"] for row in rows}}
        return cls(of["district"][0], of["street"], of["community"], of["grid"], [row["id"] for row in ids])


@dataclass(frozen=True, slots=True)
class Asking:
    """One page: what is asked, and by whom it may be."""

    kind: str
    path: str
    query: Asked
    area: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it was answered, and the statements that it took."""

    asking: Asking
    statements: Sequence[Statement]
    document: Mapping[str, Any]


def kinds(places: Places, rng: random.Random) -> list[Asking]:
    """One page of each kind, at places and with filters drawn from `rng`."""
    street, community, grid = (rng.choice(part) for part in (places.streets, places.communities, places.grids))
    state, level, district = rng.choice(STATES), rng.choice(("general", "major")), places.district
    area, enterprise = rng.choice([district, street, community, grid]), str(rng.choice(places.enterprises))
    views = {
        "street": (f"/v1/views/street/{area_code(street)}", street),
        "district": (f"/v1/views/street/{area_code(district)}", district),
        "community": (f"/v1/views/community/{area_code(community)}", community),
        "grid": (f"/v1/views/community/{area_code(grid)}", grid),
        "enterprise": (f"/v1/views/enterprise/{enterprise}", district),
    }
    filters: dict[str, dict[str, str | bool]] = {
        "": {},
        " state": {"state": state},
        " level": {"level": level},
        " state+level": {"state": state, "level": level},
        " overdue": {"overdue": True},
        " overdue+level": {"overdue": True, "level": level},
        " not overdue": {"overdue": False, "state": "ordered"},
        " total": {"state": state, "total": True},
    }
    asked = [Asking(kind, path, {"limit": LIMIT}, seen) for kind, (path, seen) in views.items()]
    asked += [
        Asking(f"ledger{name}", "/v1/hazards", {"limit": LIMIT, "areaCode": area_code(area), **query}, area)
        for name, query in filters.items()
    ]
    theirs: list[dict[str, str | bool]] = [{}, {"state": state}, {"overdue": True}, {"overdue": False, "total": True}]
    asked += [
        Asking("ledger enterprise", "/v1/hazards", {"limit": LIMIT, "enterpriseId": enterprise, **query}, district)
        for query in theirs
    ]
    return asked


class Desk:
    """The real application in this process, on a database that writes down what it is asked."""

    def __init__(self, url: str, folder: Path) -> None:
        issuer = Issuer(folder / "views-issuer")
        issuer.ensure_keys()
        self._issuer = issuer
        self._db = RecordingDatabase(url)
        settings = HazardsSettings(database_url=url, auth_jwks=str(issuer.key_set))
        transport = httpx.ASGITransport(app=create_app(settings, SystemClock(), self._db))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://views", timeout=60)
        self._token = issuer.sign(Bearer("views", Tier.DISTRICT, "410503000000", None, (*USUAL_ROLES[Tier.DISTRICT],)))

    async def ask(self, asking: Asking, cursor: str | None = None) -> Page:
        """The page. Raises RuntimeError when it is refused."""
        query = {**asking.query, **({"cursor": cursor} if cursor else {})}
        answer = await self._client.get(asking.path, params=query, headers=self._heads())
        if answer.status_code != httpx.codes.OK:
            raise RuntimeError(f"{asking.path} {query}: {answer.text[:300]}")
        return Page(asking, self._db.transactions.pop(), answer.json())

    async def report(self, enterprise: UUID) -> None:
        """A hazard more, which the counters have not folded yet."""
        body = {"enterpriseId": str(enterprise), "source": "patrol", "description": "通道堆放纸箱", "category": "fire"}
        answer = await self._client.post("/v1/hazards", json=body, headers=self._heads())
        if answer.status_code != httpx.codes.CREATED:
            raise RuntimeError(answer.text[:300])
        self._db.transactions.clear()

    async def close(self) -> None:
        """Nothing more is asked."""
        await self._client.aclose()
        await self._db.close()

    def _heads(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}
