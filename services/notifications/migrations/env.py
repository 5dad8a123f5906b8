"""Where alembic learns the tables of this service; a database brought to the newest revision is seeded at once."""

import asyncio

from alembic import context

from libs.common.migrations import run_env
from services.notifications.store.seeding import seed_database
from services.notifications.store.tables import Base

run_env(Base.metadata)
asyncio.run(seed_database(context.config.attributes["url"], context.script.get_current_head()))
