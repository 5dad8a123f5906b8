"""Pages: where one ended, and whether there is another."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from libs.common.cursors import decode_cursor, encode_cursor
from libs.common.models import Page
from services.notifications.views.scope import Row

T = TypeVar("T")


def after(cursor: str | None) -> UUID | None:
    """The id at which the page before ended. Raises InvalidCursor."""
    keys = decode_cursor(cursor, UUID)
    return keys[0] if keys and isinstance(keys[0], UUID) else None


def page_of(rows: Sequence[Row], limit: int, to_item: Callable[[Row], T], total: int | None = None) -> Page[T]:
    """The page made of up to `limit` + 1 rows: the one too many says that there is another page."""
    shown = rows[:limit]
    following = encode_cursor([shown[-1]["id"]]) if len(rows) > limit else None
    return Page(items=[to_item(row) for row in shown], next_cursor=following, total=total)
