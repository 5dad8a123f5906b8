"""Service processes that are killed again and again: each is told before its birth at which failpoint it will die."""

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.crash.nursery import Nursery

AT_RANDOM = ""


@dataclass(frozen=True, slots=True)
class Doom:
    """A process dies when it passes this failpoint for the so-many-th time, or of `kill -9` if it never does."""

    place: str
    passes: int = 1

    @property
    def words(self) -> str:
        """The doom as FAILPOINTS has it."""
        return f"{self.place}=kill:{self.passes}" if self.place else ""


@dataclass(slots=True)
class Deaths:
    """Where processes died: by failpoint, anywhere (kill -9 from outside), and of themselves, which none should."""

    at: Counter[str] = field(default_factory=Counter)
    anywhere: int = 0
    unasked: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """All that were killed."""
        return self.at.total() + self.anywhere


class Mortal:
    """One place in the system where a process of a service is to be, and the one that is there now."""

    def __init__(
        self,
        name: str,
        nursery: Nursery,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        deaths: Deaths,
        patience: float,
    ) -> None:
        """`patience` is for how long (seconds) a process may live before it is killed wherever it is."""
        self.name = name
        self._nursery = nursery
        self._arguments = arguments
        self._environment = environment
        self._log = folder / f"mortal-{name}.log"
        self._witness = folder / f"mortal-{name}.witness"
        self._deaths = deaths
        self._patience = patience
        self._pid = 0
        self._pidfd = -1

    async def live(self, dooms: Sequence[Doom], chance: Random) -> None:
        """Dies of each doom in turn and is born again; lives on after the last."""
        await self.end()
        for doom in dooms:
            await self._bear(doom.words)
            await self._die(doom, chance)
        await self._bear("")

    async def end(self) -> None:
        """Kills the process that is there now, if any; nobody counts it."""
        if self._pidfd >= 0:
            self._kill()
            await self._gone(10)
            self._bury()

    @property
    def alive(self) -> bool:
        """Whether a process is there."""
        return self._pidfd >= 0 and not _has_ended(self._pidfd)

    async def _bear(self, words: str) -> None:
        more = {"FAILPOINTS": words, "FAILPOINTS_WITNESS": str(self._witness)}
        self._pid = await self._nursery.bear(self._arguments, {**self._environment, **more}, self._log)
        self._pidfd = os.pidfd_open(self._pid)

    async def _die(self, doom: Doom, chance: Random) -> None:
        heard = self._heard()
        own = doom.place != AT_RANDOM
        ended = await self._gone(self._patience if own else chance.uniform(0.3, self._patience / 3))
        if not ended:
            self._kill()
            await self._gone(10)
            self._deaths.anywhere += 1
        elif self._heard() > heard:
            self._deaths.at[doom.place] += 1
        else:
            self._deaths.unasked.append(f"{self.name} ended by itself while it waited for {doom.place or 'kill -9'}")
        self._bury()

    def _heard(self) -> int:
        return self._witness.stat().st_size if self._witness.exists() else 0

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def _gone(self, seconds: float) -> bool:
        """Whether the process ends within that time."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._pidfd, ended.set)
        try:
            async with asyncio.timeout(seconds):
                await ended.wait()
        except TimeoutError:
            return _has_ended(self._pidfd)
        finally:
            loop.remove_reader(self._pidfd)
        return True

    def _bury(self) -> None:
        os.close(self._pidfd)
        self._pidfd, self._pid = -1, 0


def _has_ended(pidfd: int) -> bool:
    try:
        signal.pidfd_send_signal(pidfd, 0)
    except ProcessLookupError:
        return True
    return False


class Rolls:
    """Draws dooms so that every failpoint of a process comes up before any comes up again."""

    def __init__(self, places: Mapping[str, int], chance: Random, at_random: float = 0.1) -> None:
        """`places` says up to which pass a process may die there; `at_random` is the share that dies anywhere."""
        self._places = places
        self._chance = chance
        self._at_random = at_random
        self._left: list[str] = []

    def draw(self, count: int) -> list[Doom]:
        """The next so many."""
        return [self._one() for _ in range(count)]

    def _one(self) -> Doom:
        if self._chance.random() < self._at_random:
            return Doom(AT_RANDOM)
        if not self._left:
            self._left = sorted(self._places)
            self._chance.shuffle(self._left)
        place = self._left.pop()
        return Doom(place, self._chance.randint(1, self._places[place]))
