"""Places in a series of public numbers, from a database sequence: no hot row, and never the same place twice."""

from libs.common.db import Tx
from services.hazards.domain.numbers import Series

_NEXT = "SELECT nextval(to_regclass($1)) FROM generate_series(1, $2)"


async def take(tx: Tx, series: Series, count: int) -> list[str]:
    """That many fresh public numbers. What a rolled back transaction took is lost, not given again."""
    rows = await tx.fetch(_NEXT, series.sequence, count)
    if rows[0][0] is None:  # the first find of this district and year
        await tx.execute("SELECT pg_advisory_xact_lock(hashtext($1))", series.sequence)
        await tx.execute(f"CREATE SEQUENCE IF NOT EXISTS {series.sequence}")
        rows = await tx.fetch(_NEXT, series.sequence, count)
    return [series.number(row[0]) for row in rows]
