"""People at work while things break: each reports a hazard and takes it through the loop, one request after another."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.evidence.load import Target, report_body

# After the report: what is done next, and with which body. Every step is a version of the hazard, and an event.
MOVES: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("verifications", {"level": "general", "category": "electrical", "basis": "GB 50016-2014 第10.2.4条"}),
    ("on-spot-fixes", {"reason": "当场清理"}),
    ("reopenings", {"reason": "复又堆放"}),
    ("on-spot-fixes", {"reason": "再次清理"}),
)
STEPS = 1 + len(MOVES)
PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class Told:
    """What the people were answered."""

    statuses: Counter[str] = field(default_factory=Counter)
    versions: dict[str, int] = field(default_factory=dict)  # hazard → the last version that was answered
    slowest: float = 0.0
    first_refusal: str = ""

    @property
    def asked(self) -> int:
        """Requests in all."""
        return self.statuses.total()

    @property
    def failed(self) -> int:
        """Requests that were not answered with what was asked for."""
        return sum(n for status, n in self.statuses.items() if status not in ("200", "201"))


class Tellers:
    """Some people at once, each with a pause between two requests so that together they keep to a rate."""

    def __init__(self, target: Target, name: str, *, people: int, rate: float) -> None:
        self._target = target
        self._name = name
        self._people = people
        self._pause = people / rate
        self._stop = asyncio.Event()
        self._numbers = itertools.count()
        self.told = Told()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Told]:
        """They work for as long as the block lasts, and end with the answer to what they asked last."""
        limits = httpx.Limits(max_connections=self._people, max_keepalive_connections=self._people)
        address = f"http://{self._target.host}:{self._target.port}"
        async with (
            httpx.AsyncClient(base_url=address, limits=limits, timeout=PATIENCE_SECONDS, trust_env=False) as client,
            asyncio.TaskGroup() as group,
        ):
            for nr in range(self._people):
                group.create_task(self._work(client, nr))
            try:
                yield self.told
            finally:
                self._stop.set()

    async def _work(self, client: httpx.AsyncClient, nr: int) -> None:
        heads = {
            "Authorization": f"Bearer {self._target.tokens[nr % len(self._target.tokens)]}",
            "Content-Type": "application/json",
        }
        while not self._stop.is_set():
            await self._one_hazard(client, heads)

    async def _one_hazard(self, client: httpx.AsyncClient, heads: Mapping[str, str]) -> None:
        enterprise = self._target.enterprises[next(self._numbers) % len(self._target.enterprises)]
        answer = await self._ask(client, "/v1/hazards", heads, content=report_body(enterprise).encode())
        hazard, version = (answer["id"], 1) if answer else ("", 0)
        for move, body in MOVES:
            if self._stop.is_set() or not hazard:
                return
            path, matching = f"/v1/hazards/{hazard}/{move}", {**heads, "If-Match": f'"{version}"'}
            if not await self._ask(client, path, matching, json=body):
                return
            version += 1
            self.told.versions[hazard] = version

    async def _ask(
        self, client: httpx.AsyncClient, path: str, heads: Mapping[str, str], **body: Any
    ) -> dict[str, Any] | None:
        """The answer, or None if it was not the one asked for. Then a rest, so that the rate is kept."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        key = {"Idempotency-Key": f"{self._name}-{next(self._numbers):08d}"}
        answer: dict[str, Any] | None = None
        try:
            response = await client.post(path, headers={**heads, **key}, **body)
            status = str(response.status_code)
            if response.is_success:
                answer = response.json()
                self.told.versions.setdefault(answer["id"], 1)
            elif not self.told.first_refusal:
                self.told.first_refusal = f"{path}: {response.text[:300]}"
        except httpx.TransportError as error:
            status = type(error).__name__
        took = loop.time() - began
        self.told.statuses[status] += 1
        self.told.slowest = max(self.told.slowest, took)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), max(0.0, self._pause - took))
        return answer
