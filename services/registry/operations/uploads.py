"""Taking in a file: it is stored with its job and answered for; the import loop does the rest."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.db import Record, Tx
from libs.common.errors import AppError
from services.registry.store import imports
from services.registry.store.imports import Upload


async def queue_imports(tx: Tx, commands: Sequence[Upload], now: datetime) -> list[Record | AppError]:
    """One queued job a file."""
    return [await imports.queue(tx, upload, now) for upload in commands]
