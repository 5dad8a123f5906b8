"""Tables whose rows are changed and that grow for ever do not gather dead rows in proportion to their size."""

from collections.abc import Awaitable, Callable

import pytest

from tests.evidence.cluster import connected

_SHARE_OR_COUNT = """
SELECT c.relname, o.option_value::float8 AS share FROM pg_class c
LEFT JOIN LATERAL pg_options_to_table(c.reloptions) o ON o.option_name = 'autovacuum_vacuum_scale_factor'
WHERE c.relname = ANY($1::text[]) ORDER BY c.relname
"""


@pytest.mark.parametrize(
    ("service", "growing"),
    [
        ("hazards", ["hazards", "timers"]),
        ("notifications", ["alerts", "attempts", "deliveries", "hazards", "timers"]),
    ],
)
async def test_vacuum_counts_the_dead_rows_of_tables_that_grow(
    service: str, growing: list[str], create_database: Callable[[str | None], Awaitable[str]]
) -> None:
    async with connected(await create_database(service)) as connection:
        assert [tuple(row) for row in await connection.fetch(_SHARE_OR_COUNT, growing)] == [
            (table, 0.0) for table in growing
        ]
        await connection.execute(f"ALTER TABLE {growing[0]} RESET (autovacuum_vacuum_scale_factor)")
        (first, *_) = await connection.fetch(_SHARE_OR_COUNT, growing)
        assert first["share"] is None, "the check would not see a table that is vacuumed by its share"
