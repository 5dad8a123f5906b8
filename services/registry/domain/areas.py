"""The area tree: what a code says about a node, and what makes a node valid where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from libs.common.actors import area_code, area_path
from services.registry.domain.places import AreaLevel

_LEVELS = {6: AreaLevel.DISTRICT, 9: AreaLevel.STREET, 12: AreaLevel.COMMUNITY, 15: AreaLevel.GRID}
_STEP = 3  # digits of a path that one level adds
SPELLINGS = {
    **{level.value: level for level in AreaLevel},
    **dict.fromkeys(("区县", "区", "县", "市", "县级市"), AreaLevel.DISTRICT),
    **dict.fromkeys(("街道", "镇", "乡", "乡镇", "街道(镇)", "镇街", "办事处"), AreaLevel.STREET),
    **dict.fromkeys(("社区", "村", "社区(村)", "村居"), AreaLevel.COMMUNITY),
    **dict.fromkeys(("网格", "片区"), AreaLevel.GRID),
}


class BadAreaCode(ValueError):
    """The text is no code of a district, street, community or grid."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a code stands in the tree."""

    code: str
    path: str
    level: AreaLevel
    parent_code: str | None


def position(code: str) -> Position:
    """The place in the tree that the code itself tells (GB/T 10114 and a grid sequence). Raises BadAreaCode."""
    try:
        path = area_path(code)
    except ValueError as error:
        raise BadAreaCode from error
    level = _LEVELS.get(len(path))
    groups = [path[:2], path[2:4], path[4:6], *(path[at : at + _STEP] for at in range(6, len(path), _STEP))]
    if level is None or area_code(path) != code or any(set(group) <= {"0"} for group in groups):
        raise BadAreaCode  # too high, or a level is skipped
    parent = None if level is AreaLevel.DISTRICT else area_code(path[:-_STEP])
    return Position(code, path, level, parent)


@dataclass(frozen=True, slots=True)
class Post:
    """A person's open post on a node or at an enterprise."""

    person_id: UUID
    role: str


@dataclass(frozen=True, slots=True)
class Area:
    """A node as it is at its version. `valid_to` is the first day on which it is no more."""

    id: UUID
    version: int
    position: Position
    name: str
    valid_from: date
    valid_to: date | None = None
    posts: Sequence[Post] = ()
