"""The control of figures that compare: a round that loses some of its work, which the check of effects refuses."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.evidence.cluster import connected
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure

CONTROL_ROUND = 1000  # its number: no round that counts goes so far
_FORGET = """
CREATE SEQUENCE forgotten;
CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('forgotten') % 10 = 1 THEN RETURN NULL; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER forget BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION forget()
"""


async def forget(url: str, table: str) -> None:
    """From now on the first and every tenth row after it that is put into the table is lost, and nobody is told."""
    async with connected(url) as connection:
        await connection.execute(_FORGET.format(table=table))


@asynccontextmanager
async def forgetful(url: str, table: str) -> AsyncIterator[None]:
    """Forgets rows of the table as long as the block lasts."""
    await forget(url, table)
    try:
        yield
    finally:
        async with connected(url) as connection:
            await connection.execute("DROP FUNCTION forget CASCADE; DROP SEQUENCE forgotten")


async def refused(name: str, loss: str, seen: str, run: Callable[[int], Awaitable[object]]) -> Figure:
    """Whether a round that loses work is refused, and for that: the figure `<name>_control_refused`.

    `loss` says what it does, `seen` is what the refusal must say. Whatever else goes wrong in it is no proof, and no
    reason to throw away the rounds before it.
    """
    said = "nothing was refused"
    try:
        await run(CONTROL_ROUND)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        caught = isinstance(error, WrongEffect) and seen in said
    else:
        caught = False
    return Figure(
        f"{name}_control_refused",
        f"control: a round that {loss} is refused",
        int(caught),
        "rounds",
        1,
        "more",
        shortfall=f"The round ended with: {said[:300]}. The check of effects did not see what was not done, so "
        "that no rate of this part means anything. The floor is 1. What would move it is a check that counts what "
        "that round leaves out.",
    )


async def refused_when_forgetful(name: str, url: str, run: Callable[[int], Awaitable[object]]) -> Figure:
    """The same for a running system whose database forgets every tenth line of the hazards' log meanwhile."""
    async with forgetful(url, "hazard_log"):
        return await refused(name, "loses one row in ten of `hazard_log`", "rows in hazard_log", run)
