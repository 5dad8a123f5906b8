"""Runs a process that carries or handles work by itself and says at its end how long it took."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.local.settings import ROOT
from tests.evidence.effects import WrongEffect

_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Carried:
    """What one process did: so many units of work in so many seconds, `cpu` of them in its own processor time."""

    events: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.events / self.seconds


async def carried(how: str, database: str, events: int, servers: str = "", topic: str = "") -> Carried:
    """What `tests.bench.carrier` says. Raises WrongEffect with its last words if it failed."""
    kafka = [servers, topic] if servers else []
    return await told([sys.executable, "-m", "tests.bench.carrier", how, database, str(events), *kafka], {})


async def told(command: Sequence[str], environment: Mapping[str, str]) -> Carried:
    """What a process prints as its last line. Raises WrongEffect with its last words if it failed."""
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    if done.returncode:
        raise WrongEffect(f"{' '.join(command[:4])} ended with {done.returncode}: {done.stderr[-1500:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    return Carried(said["events"], said["seconds"], said["cpu"])
