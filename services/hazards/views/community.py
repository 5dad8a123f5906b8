"""What a community sees: what to verify, to assign, to re-inspect, and what is overdue by grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.actors import Scope
from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import State
from services.hazards.store import counters
from services.hazards.views import tiers
from services.hazards.views.figures import Totals, total, totals_by
from services.hazards.views.tiers import Node

LEVELS = ("community", "grid")


@dataclass(frozen=True, slots=True)
class CommunityView:
    node: Node
    totals: Totals
    to_verify: Sequence[Facts]
    to_assign: Sequence[Facts]
    to_reinspect: Sequence[Facts]
    overdue: Sequence[Facts]
    grids: Sequence[tuple[Node, Totals]]


async def community(tx: Tx, scope: Scope, area_path: str, now: datetime, limit: int) -> CommunityView:
    """The view on a community or one of its grids. Raises NotFound outside the scope."""
    today = now.astimezone(SHANGHAI).date()
    node, seen = await tiers.node_in_scope(tx, scope, area_path, LEVELS, today)
    figures = await counters.figures(tx, (seen.lo, seen.hi), tiers.GRID_DEPTH)
    totals = total(figures)
    nodes = {grid.path: grid for grid in await tiers.nodes_below(tx, seen, "grid", today)}
    return CommunityView(
        node=node,
        totals=totals,
        to_verify=await tiers.waiting(tx, seen, State.REPORTED, limit),
        to_assign=await tiers.waiting(tx, seen, State.VERIFIED, limit),
        to_reinspect=await tiers.waiting(tx, seen, State.RECTIFIED, limit),
        overdue=await tiers.overdue(tx, seen, now, totals.overdue, limit),
        grids=_by_grid(nodes, totals_by(figures)),
    )


def _by_grid(nodes: Mapping[str, Node], by_area: Mapping[str, Totals]) -> Sequence[tuple[Node, Totals]]:
    known = {**{path: Node(path, "未划网格", "other") for path in by_area}, **nodes}
    return [(known[path], by_area.get(path, Totals())) for path in sorted(known)]
