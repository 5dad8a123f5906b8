"""The rows that an import of the part `ledger` leaves: taken out as COPY data, put in elsewhere, and counted."""

import io

import asyncpg

TABLES = ("enterprises", "licences", "gradings", "persons", "posts", "outbox", "import_notes")


async def taken(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> io.BytesIO:
    """All rows of a table as binary COPY data; of the outbox as they were written, before any relay, and of no area."""
    data = io.BytesIO()
    rows = f"SELECT * FROM {table}"
    if table == "outbox":
        names = await connection.fetch(
            "SELECT attname FROM pg_attribute "
            "WHERE attrelid = 'outbox'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
        columns = ("NULL::timestamptz" if name == "published_at" else name for (name,) in names)
        rows = f"SELECT {', '.join(columns)} FROM outbox WHERE type <> 'area-changed' ORDER BY id"
    await connection.copy_from_query(rows, output=data, format="binary")
    data.seek(0)
    return data


async def put(connection: "asyncpg.Connection[asyncpg.Record]", table: str, data: io.BytesIO) -> None:
    """Copies such data into the table of another database."""
    await connection.copy_to_table(table, source=data, format="binary")


async def counts(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, int]:
    """Rows by table, without the events of areas."""
    sizes = {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}
    area_events: int = await connection.fetchval("SELECT count(*) FROM outbox WHERE type = 'area-changed'")
    return {**sizes, "outbox": sizes["outbox"] - area_events}
