"""Routes of the three tier views."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from libs.common.actors import area_code, area_path
from libs.common.errors import NotFound
from libs.common.http import problems
from libs.common.models import MOST_ON_A_PAGE, AreaCode, rfc3339
from libs.common.requests import CurrentActor
from services.hazards.api.rendering import hazard, to_bytes
from services.hazards.api.schemas.views import CommunityViewOut, EnterpriseViewOut, StreetViewOut
from services.hazards.api.wiring import Wired
from services.hazards.domain.vocabulary import LEVEL_LABELS, Handling, Level
from services.hazards.views import community, enterprise, street
from services.hazards.views.figures import LEVELS, Totals
from services.hazards.views.tiers import Node

router = APIRouter(prefix="/v1/views", tags=["视图"], responses=problems(NotFound))

Area = Annotated[AreaCode, Path(alias="areaCode", description="12 位区划代码或 15 位网格代码")]
Limit = Annotated[int, Query(ge=1, le=MOST_ON_A_PAGE, description="每个清单最多几条")]


@router.get(
    "/street/{areaCode}",
    operation_id="viewStreet",
    summary="街道视图：各社区合计、逾期在前、分级别、趋势",
    response_model=StreetViewOut,
)
async def view_street(actor: CurrentActor, area: Area, wiring: Wired, limit: Limit = 50) -> Response:
    now = wiring.clock.now()
    async with wiring.db.transaction() as tx:
        seen = await street.street(tx, actor.scope, area_path(area), now, limit)
    return _json(
        {
            **_head(seen.node, rfc3339(now), seen.totals),
            "communities": [_area(node, totals) for node, totals in seen.communities],
            "hazards": [hazard(facts, actor, now) for facts in seen.hazards],
            "trend": [
                {"day": day.day.isoformat(), "found": day.found, "closed": day.closed, "missed": day.missed}
                for day in seen.trend
            ],
        }
    )


@router.get(
    "/community/{areaCode}",
    operation_id="viewCommunity",
    summary="社区视图：待核实、待交办、待复查、各网格逾期",
    response_model=CommunityViewOut,
)
async def view_community(actor: CurrentActor, area: Area, wiring: Wired, limit: Limit = 50) -> Response:
    now = wiring.clock.now()
    async with wiring.db.transaction() as tx:
        seen = await community.community(tx, actor.scope, area_path(area), now, limit)
    lists = {
        "toVerify": seen.to_verify,
        "toAssign": seen.to_assign,
        "toReinspect": seen.to_reinspect,
        "overdue": seen.overdue,
    }
    grids = sorted(seen.grids, key=lambda pair: (-pair[1].overdue, pair[0].path))
    return _json(
        {
            **_head(seen.node, rfc3339(now), seen.totals),
            **{name: [hazard(facts, actor, now) for facts in found] for name, found in lists.items()},
            "overdueByGrid": [_area(node, totals) for node, totals in grids],
        }
    )


@router.get(
    "/enterprise/{enterpriseId}",
    operation_id="viewEnterprise",
    summary="企业视图：我的隐患，何时之前整改什么",
    response_model=EnterpriseViewOut,
)
async def view_enterprise(
    actor: CurrentActor,
    enterprise_id: Annotated[UUID, Path(alias="enterpriseId", description="企业的标识")],
    wiring: Wired,
    limit: Limit = 50,
) -> Response:
    now = wiring.clock.now()
    async with wiring.db.transaction() as tx:
        seen = await enterprise.enterprise(tx, actor.scope, enterprise_id, now, limit)
    return _json(
        {
            "enterpriseId": str(seen.enterprise_id),
            "name": seen.name,
            "at": rfc3339(now),
            "totals": totals_document(seen.totals),
            "toFix": [hazard(facts, actor, now) for facts in seen.to_fix],
            "others": [hazard(facts, actor, now) for facts in seen.others],
        }
    )


def totals_document(totals: Totals) -> dict[str, Any]:
    """The figures as `TotalsOut` promises them."""
    return {
        "found": totals.found,
        "fixedOnSpot": totals.by_handling[Handling.FIXED_ON_SPOT],
        "ordered": totals.by_handling[Handling.ORDERED],
        "preHandled": totals.by_handling[Handling.PRE_HANDLED],
        "open": totals.open,
        "overdue": totals.overdue,
        "closed": totals.closed,
        "void": totals.void,
        "byState": {state: count for state, count in sorted(totals.by_state.items()) if count},
        "byLevel": [
            {
                "level": str(level),
                "levelLabel": LEVEL_LABELS[Level(level)] if level in set(Level) else "未定级",
                "open": totals.open_by_level[level],
                "overdue": totals.overdue_by_level[level],
            }
            for level in LEVELS
        ],
    }


def _head(node: Node, at: str, totals: Totals) -> dict[str, Any]:
    return {"areaCode": area_code(node.path), "name": node.name, "at": at, "totals": totals_document(totals)}


def _area(node: Node, totals: Totals) -> dict[str, Any]:
    return {"areaCode": area_code(node.path), "name": node.name, "totals": totals_document(totals)}


def _json(document: dict[str, Any]) -> Response:
    return Response(to_bytes(document), media_type="application/json")
