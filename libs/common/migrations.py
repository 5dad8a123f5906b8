"""Runs a service's alembic history against its database; `env.py` of each service is three lines calling `run_env`."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

_LOCK = 0x48415A  # one migration at a time, however many replicas start together


def config(service: str, url: str) -> Config:
    """The alembic configuration of `services/<service>/migrations` against that database."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parents[2] / "services" / service / "migrations"))
    made.set_main_option("path_separator", "os")
    made.attributes["url"] = url
    return made


def upgrade(service: str, url: str, revision: str = "head") -> None:
    """Brings the database up to the revision."""
    command.upgrade(config(service, url), revision)


def downgrade(service: str, url: str, revision: str) -> None:
    """Takes the database down to the revision (`base` empties it)."""
    command.downgrade(config(service, url), revision)


def run_env(metadata: MetaData) -> None:
    """What alembic asks of an env.py."""
    asyncio.run(_run(context.config.attributes["url"], metadata))


def no_partitions(connection: Connection) -> Callable[[str | None, str, object], bool]:
    """Which names of the database a comparison with the models looks at: a partition is part of the table it is of."""
    partitions = set(connection.execute(text("SELECT relname FROM pg_class WHERE relispartition")).scalars())

    def is_of_interest(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name not in partitions

    return is_of_interest


async def _run(url: str, metadata: MetaData) -> None:
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate, metadata)
        await connection.commit()
    await engine.dispose()


def _migrate(connection: Connection, metadata: MetaData) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    context.configure(
        connection=connection, target_metadata=metadata, compare_type=True, include_name=no_partitions(connection)
    )
    with context.begin_transaction():
        context.run_migrations()
