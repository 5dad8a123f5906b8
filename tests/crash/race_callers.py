"""People who move a hazard in the very instant in which its clock rings, over HTTP, whatever becomes of the replica."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from uuid import UUID

from deploy.local.issuer import Bearer, Issuer
from libs.common.actors import USUAL_ROLES, Tier
from tests.crash.asking import Asker, Unsettled
from tests.crash.hazards_desk import COMMUNITY
from tests.crash.race_cases import JITTER, OFFICER, STAFF, Case, Step, request_key
from tests.evidence.effects import WrongEffect

CONNECTIONS = 24  # of each of the two persons
_OK, _STALE = 200, 412
_LATE_HANDS = 4  # how often somebody who saw a stale version looks again


class Callers:
    """Two persons with many connections each. `heard`: hazard and version of every success that came back."""

    def __init__(self, issuer: Issuer, port: Callable[[], int], random: Random) -> None:
        self.unsettled = Unsettled()
        self.heard: dict[tuple[UUID, int], None] = {}
        self.stale = 0
        self.left: list[float] = []  # seconds after the deadline at which the first move of each case was sent
        self.close_ones = 0  # of these within the jitter, however busy this process was
        self._random = random
        self._free: dict[str, asyncio.LifoQueue[Asker]] = {}
        for bearer in (
            Bearer(STAFF, Tier.COMMUNITY, COMMUNITY, None, tuple(sorted(USUAL_ROLES[Tier.COMMUNITY]))),
            Bearer(OFFICER, Tier.DISTRICT, "410503000000", None, tuple(sorted(USUAL_ROLES[Tier.DISTRICT]))),
        ):
            token = issuer.sign(bearer)
            queue: asyncio.LifoQueue[Asker] = asyncio.LifoQueue()
            for _ in range(CONNECTIONS):
                queue.put_nowait(Asker(port, token, self.unsettled))
            self._free[bearer.person] = queue

    async def race(self, cases: Sequence[Case]) -> None:
        """Returns when everything was tried on every case."""
        async with asyncio.TaskGroup() as group:
            for case in cases:
                group.create_task(self._race(case))

    def close(self) -> None:
        """No connection is left."""
        for queue in self._free.values():
            while not queue.empty():
                queue.get_nowait().close()

    async def _race(self, case: Case) -> None:
        leaves = case.due.timestamp() + self._random.uniform(-JITTER, JITTER)
        await asyncio.sleep(max(0.0, leaves - datetime.now(UTC).timestamp()))
        version = case.version
        late = datetime.now(UTC).timestamp() - case.due.timestamp()
        self.left.append(late)
        self.close_ones += abs(late) <= JITTER
        for step in case.steps():
            version = await self._take(case, step, version)

    async def _take(self, case: Case, step: Step, version: int) -> int:
        """The version after the move; who finds the hazard changed looks, and moves it as it is now."""
        asker = await self._free[step.person].get()
        try:
            for _ in range(_LATE_HANDS):
                body = json.dumps(step.body).encode() if step.body else b""
                headers = {"If-Match": f'"{version}"', "Idempotency-Key": request_key()}
                answer = await asker.settle("POST", f"/v1/hazards/{case.id}/{step.door}", body, headers)
                if answer.status == _OK:
                    moved = int(answer.headers["etag"].strip('"'))
                    self.heard[case.id, moved] = None
                    return moved
                if answer.status != _STALE:
                    break
                self.stale += 1
                seen = await asker.settle("GET", f"/v1/hazards/{case.id}")
                version = int(seen.headers["etag"].strip('"'))
            raise WrongEffect(f"{case.kind} of {case.id}: {step.door} answered {answer.status} {answer.body[:200]!r}")
        finally:
            self._free[step.person].put_nowait(asker)
