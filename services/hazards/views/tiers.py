"""What the tier views have in common: the node that is looked at, the nodes below it, hazards by urgency."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.common.actors import Scope
from libs.common.db import Tx
from libs.common.errors import NotFound
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import State
from services.hazards.views import walks
from services.hazards.views.scope import Window, within

COMMUNITY_DEPTH, GRID_DEPTH = 12, 15  # digits of an area path


@dataclass(frozen=True, slots=True)
class Node:
    """An area node as the copy knows it."""

    path: str
    name: str
    level: str


async def node_in_scope(tx: Tx, scope: Scope, area_path: str, levels: Sequence[str], day: date) -> tuple[Node, Window]:
    """The node and the window on it. Raises NotFound unless it is one of these levels and inside the scope."""
    seen = within(scope, area_path)
    row = await tx.fetchrow(
        "SELECT path, name, level FROM areas WHERE path = $1 AND level = ANY($2::text[]) "
        "AND (valid_to IS NULL OR valid_to > $3) ORDER BY version DESC LIMIT 1",
        area_path,
        list(levels),
        day,
    )
    if row is None:
        raise NotFound("没有找到该区域")
    return Node(row["path"], row["name"], row["level"]), seen


async def nodes_below(tx: Tx, seen: Window, level: str, day: date) -> Sequence[Node]:
    """The nodes of a level in the window, in code order."""
    rows = await tx.fetch(
        "SELECT DISTINCT ON (path) path, name, level FROM areas WHERE path >= $1 AND path < $2 AND level = $3 "
        "AND (valid_to IS NULL OR valid_to > $4) ORDER BY path, version DESC",
        seen.lo,
        seen.hi,
        level,
        day,
    )
    return [Node(row["path"], row["name"], row["level"]) for row in rows]


async def waiting(tx: Tx, seen: Window, state: State, limit: int) -> Sequence[Facts]:
    """Hazards in a state, those that someone must act on first in front."""
    return await walks.queue(seen, state).rows(tx, None, limit)


async def overdue(tx: Tx, seen: Window, now: datetime, known: int, limit: int) -> Sequence[Facts]:
    """What is overdue, longest first; `known` says how many there are, so that nobody looks for more."""
    if not known:
        return ()
    return await walks.overdue_queue(seen, now).rows(tx, None, min(known, limit))
