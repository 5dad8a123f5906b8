"""A member of a group in a process of its own, to be killed: `python -m tests.support.bus_member KIND ADDRESS …`.

It polls messages and writes their numbers into a file (the effect), acknowledging after it or, done wrong, before it;
between the two it creates `<effects>.between` and waits to be killed.
"""

import asyncio
import sys
from pathlib import Path
from typing import cast

from tests.support.bus import Kind, make_bus, values


async def main(kind: str, address: str, group: str, topic: str, wrong: str, effects: str) -> None:
    """Consume one batch and stop in the worst place."""
    bus = make_bus(cast(Kind, kind), address, session=3.0)
    await bus.start()
    subscription = bus.subscribe(group, [topic])
    await subscription.start()
    batch = await subscription.poll(100, 0.5)
    while not batch:
        batch = await subscription.poll(100, 0.5)
    if wrong == "ack-first":
        await subscription.ack(batch)
    else:
        _write(effects, "\n".join(map(str, values(batch))))
    _write(f"{effects}.between", "")
    await asyncio.Event().wait()


def _write(path: str, text: str) -> None:
    Path(path).write_text(text)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
