"""Where alembic learns the tables of this service."""

from libs.common.migrations import run_env
from services.registry.store.tables import Base

run_env(Base.metadata)
