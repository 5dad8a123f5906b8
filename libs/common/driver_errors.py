"""What the errors of the database driver mean to whoever called: gone, contended, passing, or a fault of our own."""

import asyncpg
from sqlalchemy.exc import DBAPIError

from libs.common.errors import Busy, Contended, DatabaseUnavailable

_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
GONE_IF_CLOSED = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)  # also raised for faults of our own
_CONTENDED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_TRANSIENT = (
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
)


def translated(error: BaseException, *, gone: bool) -> BaseException:
    """What the caller should see of a driver's error; everything else stays as it is."""
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
    if isinstance(cause, _GONE) or (gone and isinstance(cause, GONE_IF_CLOSED)):
        return DatabaseUnavailable()
    if isinstance(cause, _CONTENDED):
        return Contended()
    if isinstance(cause, _TRANSIENT):
        return Busy("数据库暂时无法完成此操作，请重试")
    return error
