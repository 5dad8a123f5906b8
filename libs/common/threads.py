"""Work that needs no event loop, done in a thread while the event loop waits for something else."""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def one_ahead(work: Iterable[Callable[[], T]]) -> AsyncGenerator[T, None]:
    """What each piece of work returns, in order; while one result is in the caller's hands the next is worked out."""
    pieces = iter(work)
    ready = _begun(next(pieces, None))
    try:
        while ready is not None:
            result = await ready
            ready = _begun(next(pieces, None))
            yield result
    finally:
        if ready is not None:
            ready.cancel()


def _begun(piece: Callable[[], T] | None) -> "asyncio.Future[T] | None":
    """Begun at once, in the context of the caller."""
    if piece is None:
        return None
    return asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, piece)
