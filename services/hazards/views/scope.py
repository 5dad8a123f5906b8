"""The part of the data that exists for a caller: where every read begins."""

from dataclasses import dataclass
from uuid import UUID

from libs.common.actors import Scope
from libs.common.errors import NotFound


@dataclass(frozen=True, slots=True)
class Window:
    """Rows that may be read: of one enterprise, or of a range of area paths (lo <= path < hi); empty if neither."""

    enterprise_id: UUID | None = None
    lo: str = ""
    hi: str = ""


EMPTY = Window()


def window(scope: Scope, area_path: str | None = None, enterprise_id: UUID | None = None) -> Window:
    """The caller's scope narrowed to an area and an enterprise; what lies outside of it is empty."""
    if scope.enterprise_id is not None:
        if enterprise_id not in (None, scope.enterprise_id):
            return EMPTY
        lo, hi = Scope(area_path or "").bounds()
        return Window(scope.enterprise_id, lo, hi)
    path = area_path if area_path is not None else scope.area_path
    if not path.startswith(scope.area_path):
        if not scope.area_path.startswith(path):
            return EMPTY
        path = scope.area_path
    lo, hi = Scope(path).bounds()
    return Window(enterprise_id, lo, hi)


def within(scope: Scope, area_path: str) -> Window:
    """The window on an area node that lies in the scope as a whole. Raises NotFound: elsewhere nothing exists."""
    if not scope.covers(area_path, None):
        raise NotFound("没有找到该区域")
    lo, hi = Scope(area_path).bounds()
    return Window(None, lo, hi)
