"""One writer at a time where two could register the same enterprise; unique indexes stand behind it."""

from libs.common.db import Tx

_REGISTER = 0x52454749


async def hold_register(tx: Tx) -> None:
    """Waits for whoever registers enterprises now; released with the transaction.

    An import decides thousands of lines on what is on file: nothing may be added between its look and its write.
    """
    await tx.execute("SELECT pg_advisory_xact_lock($1)", _REGISTER)
