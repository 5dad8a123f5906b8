"""What a street sees: totals by community, the overdue first, by level, and the trend."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from libs.common.actors import Scope
from libs.common.clock import SHANGHAI
from libs.common.db import Tx
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import State
from services.hazards.store import counters
from services.hazards.views import tiers
from services.hazards.views.figures import DayFigures, Totals, total, totals_by, trend
from services.hazards.views.scope import Window
from services.hazards.views.tiers import Node

LEVELS = ("street", "district")
TREND_DAYS = 30


@dataclass(frozen=True, slots=True)
class StreetView:
    node: Node
    totals: Totals
    communities: Sequence[tuple[Node, Totals]]
    hazards: Sequence[Facts]
    trend: Sequence[DayFigures]


async def street(tx: Tx, scope: Scope, area_path: str, now: datetime, limit: int) -> StreetView:
    """The view on a street (or the district). Raises NotFound outside the scope."""
    today = now.astimezone(SHANGHAI).date()
    node, seen = await tiers.node_in_scope(tx, scope, area_path, LEVELS, today)
    first = today - timedelta(days=TREND_DAYS - 1)
    figures = await counters.figures(tx, (seen.lo, seen.hi), first, tiers.COMMUNITY_DEPTH)
    overdue = list(await tiers.overdue(tx, seen, limit))
    if len(overdue) < limit:
        ordered = await tiers.waiting(tx, seen, State.ORDERED, limit)
        overdue += [hazard for hazard in ordered if hazard.overdue_since is None][: limit - len(overdue)]
    return StreetView(
        node=node,
        totals=total(figures),
        communities=await _communities(tx, seen, totals_by(figures), today),
        hazards=overdue,
        trend=trend(figures, first, today),
    )


async def _communities(tx: Tx, seen: Window, by_area: dict[str, Totals], today: date) -> Sequence[tuple[Node, Totals]]:
    """Every community of the street, with those that hold figures though they are no more, so that the sum is whole."""
    nodes = {node.path: node for node in await tiers.nodes_below(tx, seen, "community", today)}
    for path in by_area:
        nodes.setdefault(path, Node(path, "本级及其他", "other"))
    return [(nodes[path], by_area.get(path, Totals())) for path in sorted(nodes)]
