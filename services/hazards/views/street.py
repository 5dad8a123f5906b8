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
    days = [today - timedelta(days=n) for n in reversed(range(TREND_DAYS))]
    figures = await counters.figures(tx, (seen.lo, seen.hi), tiers.COMMUNITY_DEPTH, days)
    return StreetView(
        node=node,
        totals=total(figures),
        communities=await _communities(tx, seen, totals_by(figures), today),
        hazards=_overdue_first(await tiers.waiting(tx, seen, State.ORDERED, limit)),
        trend=trend(figures, days),
    )


def _overdue_first(ordered: Sequence[Facts]) -> Sequence[Facts]:
    """In the order in which they are due the overdue come first, but for what became due this very moment."""
    return sorted(ordered, key=lambda hazard: hazard.overdue_since is None)


async def _communities(tx: Tx, seen: Window, by_area: dict[str, Totals], today: date) -> Sequence[tuple[Node, Totals]]:
    """Every community of the street, with those that hold figures though they are no more, so that the sum is whole."""
    nodes = {node.path: node for node in await tiers.nodes_below(tx, seen, "community", today)}
    for path in by_area:
        nodes.setdefault(path, Node(path, "本级及其他", "other"))
    return [(nodes[path], by_area.get(path, Totals())) for path in sorted(nodes)]
