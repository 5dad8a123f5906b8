"""A group of consumer processes that never comes to rest: members join, leave, are killed, and wake up as zombies."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from deploy.local.settings import ROOT
from tests.crash.member_process import SESSION_SECONDS
from tests.support.frozen import freeze, thaw

_STOP_SECONDS = 12.0
_FEWEST, _MOST = 1, 4


class Fleet:
    """The members of one group."""

    def __init__(self, command: Sequence[str], log: Path, dice: Random) -> None:
        self._command = command
        self._log = log
        self._dice = dice
        self._members: list[subprocess.Popen[bytes]] = []
        self._pauses: set[asyncio.Task[None]] = set()

    def join(self) -> None:
        """One more member."""
        with self._log.open("ab") as out:
            self._members.append(
                subprocess.Popen(
                    self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
                )
            )

    async def disturb(self, what: str) -> str:
        """One of `join`, `leave`, `kill`, `pause`; what really happened, since a fleet is never empty nor large."""
        if what != "join" and len(self._members) <= _FEWEST and what != "pause":
            what = "join"
        if what == "join" and len(self._members) >= _MOST:
            what = "leave"
        if what == "join":
            self.join()
        elif what == "pause":
            member = self._take()
            pause = asyncio.create_task(self._pause(member))
            self._pauses.add(pause)
            pause.add_done_callback(self._pauses.discard)
        else:
            member = self._take()
            member.send_signal(signal.SIGKILL if what == "kill" else signal.SIGTERM)
            await asyncio.to_thread(_gone, member)
        if not self._members:
            self.join()
        return what

    def all_alive(self) -> None:
        """Raises RuntimeError if a member ended without being told to."""
        for member in self._members:
            if (code := member.poll()) is not None:
                raise RuntimeError(f"a member ended by itself with {code}: {self._log.read_text()[-1500:]}")

    async def settle(self) -> None:
        """Returns when every pause is over."""
        await asyncio.gather(*self._pauses)

    def end(self) -> None:
        """Nobody is left."""
        for pause in self._pauses:
            pause.cancel()
        for member in self._members:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(member.pid, signal.SIGKILL)
            member.wait()

    def _take(self) -> "subprocess.Popen[bytes]":
        """A member that nothing else is happening to; it counts no more."""
        return self._members.pop(self._dice.randrange(len(self._members)))

    async def _pause(self, member: "subprocess.Popen[bytes]") -> None:
        """Longer than the group waits for it: what it held has gone to others when it wakes up in the middle of it."""
        try:
            await asyncio.to_thread(freeze, member.pid)
            await asyncio.sleep(SESSION_SECONDS + 0.5 + self._dice.random() * 2)
        finally:
            thaw(member.pid)
            self._members.append(member)


def _gone(member: "subprocess.Popen[bytes]") -> None:
    try:
        member.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(member.pid, signal.SIGKILL)
        member.wait()
        raise


@asynccontextmanager
async def fleet(command: Sequence[str], log: Path, dice: Random, members: int = 3) -> AsyncIterator[Fleet]:
    """A fleet for as long as the block lasts."""
    made = Fleet([sys.executable, "-m", *command], log, dice)
    try:
        for _ in range(members):
            made.join()
        yield made
    finally:
        made.end()
