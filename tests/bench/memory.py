"""Part `memory`: what each service occupies while a million events are announced and carried over Kafka.

Reports come in batches of a thousand, with stretches of single reports between them; each announces that a hazard was
found, which opens an alert, which is announced in turn. The next batches wait while the consumers are far behind, so
that the run is one of steady work and not of a growing backlog.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from deploy.kafka import jars
from deploy.local.settings import SERVICES
from libs.common.outbox import UNPUBLISHED
from tests.bench import shortfalls
from tests.bench.footprint import Footprint, Sample, second_half, slope
from tests.bench.reporting import CONNECTIONS
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.effects import WrongEffect, check_all_answered, check_answers
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.load import REPORT, closed_loop, report_body
from tests.evidence.processes import running
from tests.evidence.system import System, running_system

CONTROL = "control"
EVENTS, EVENTS_QUICK = 1_000_000, 6_000
AIM_END, AIM_SLOPE = 250.0, 1.0  # MB; MB every 100,000 events
_BATCH, _POSTERS = 1_000, 2
_FAR_BEHIND = 20_000  # events
_CATCH_UP_SECONDS = 600.0
_ALERTS = "SELECT count(*) FROM alerts"

Tell = Callable[[str], None]


@dataclass(slots=True)
class _Run:
    """One run under way: what was reported, and what the processes occupied meanwhile."""

    system: System
    control: int  # pid of a process that leaks
    legs: int
    batched: int = 0
    single: int = 0
    samples: list[Sample] = field(default_factory=list)

    async def until(self, events: int, tell: Tell) -> None:
        """Reports until so many events were announced since the system started; a sample after every leg."""
        body = _batch(self.system.enterprises)
        reports = max(1, events // 2 // self.legs // (_BATCH * _POSTERS))
        async with httpx.AsyncClient(timeout=120, trust_env=False) as client:
            while (sample := await self._sampled()).events < events:
                for _ in range(reports):
                    await asyncio.gather(*(self._post(client, body, nr) for nr in range(_POSTERS)))
                await self._singles()
                await self._caught_up(_FAR_BEHIND)
                if len(self.samples) % max(1, self.legs // 10) == 0:
                    tell(f"{sample.events} events: {_sizes(sample)}")
        await self._caught_up(0)
        tell(f"{(await self._sampled()).events} events: {_sizes(self.samples[-1])}")

    async def _post(self, client: httpx.AsyncClient, body: bytes, nr: int) -> None:
        token = self.system.tokens[nr % len(self.system.tokens)]
        heads = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = await client.post(
            f"http://127.0.0.1:{self.system.ports['hazards']}{REPORT}/batch", content=body, headers=heads
        )
        taken = answer.content.count(b'"status":201')
        if answer.status_code != httpx.codes.OK or taken != _BATCH:
            raise WrongEffect(f"a batch: {answer.status_code}, {taken} of {_BATCH} taken, {answer.text[:300]}")
        self.batched += taken

    async def _singles(self) -> None:
        outcome = await closed_loop(
            self.system.target(), connections=CONNECTIONS, seconds=0.5, key_prefix=f"m{len(self.samples)}"
        )
        check_all_answered("singles", outcome)
        await check_answers(self.system.urls["hazards"], "singles", outcome.created)
        self.single += len(outcome.created)

    async def _sampled(self) -> Sample:
        announced = await announced_by(self.system)
        pids = {**{name: self.system.pids[name] for name in SERVICES}, CONTROL: self.control}
        footprints = {name: Footprint.of(pid) for name, pid in pids.items()}
        self.samples.append(Sample(sum(announced.values()), footprints))
        return self.samples[-1]

    async def _caught_up(self, behind: int) -> None:
        """Waits until no more than so many events are not taken up, or, for 0, until all are sent as well."""
        for _ in range(int(_CATCH_UP_SECONDS / 0.2)):
            if await self.system.behind() <= behind and (behind or not await _unsent(self.system)):
                return
            await asyncio.sleep(0.2)
        raise WrongEffect(f"notifications is still {await self.system.behind()} events behind")


async def announced_by(system: System) -> Mapping[str, int]:
    """Rows in the outbox of each service."""
    return {name: await _count(system.urls[name], "SELECT count(*) FROM outbox") for name in SERVICES}


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """One run; skipped where there can be no Kafka."""
    result = Result("memory", "What the services occupy after a million events")
    if reason := jars.missing():
        result.skipped.append(f"memory: {reason}")
        return result
    events, legs = (EVENTS_QUICK, 3) if effort.is_quick else (EVENTS, 50)
    async with (
        running_system(cluster, "kafka") as system,
        running(CONTROL, [sys.executable, "-m", "tests.evidence.leaking"], {}, cluster.folder) as control,
    ):
        hazards, alerts = await _count(system.urls["hazards"], "SELECT count(*) FROM hazards"), await _alerts(system)
        run = _Run(system, control.pid, legs)
        await run.until(events, tell)
        reported = run.batched + run.single
        grown = await _count(system.urls["hazards"], "SELECT count(*) FROM hazards") - hazards
        opened = await _alerts(system) - alerts
        if (grown, opened) != (reported, reported):
            raise WrongEffect(f"memory: {reported} reports made {grown} hazards and opened {opened} alerts")
        announced = await announced_by(system)
        taken = {name: await _count(system.urls[name], "SELECT count(*) FROM inbox") for name in SERVICES[1:]}
    _fill(result, run, events, announced, taken)
    return result


def _fill(result: Result, run: _Run, aim: int, announced: Mapping[str, int], taken: Mapping[str, int]) -> None:
    samples, half = run.samples, second_half(run.samples)
    last = samples[-1]
    title = "events announced by the three services and published to Kafka"
    result.figures.append(Figure("memory_events", title, last.events, "events", aim, "more"))
    for name in SERVICES:
        sizes = [sample.footprints[name].resident for sample in samples]
        spread = f"{len(sizes)} samples, {min(sizes):.1f} – {max(sizes):.1f} MB"
        growth = slope(half, name)
        why = shortfalls.occupied(name, sizes, [sample.events for sample in samples])
        result.figures += [
            Figure(f"memory_{name}_most", f"{name}, at its largest", max(sizes), "MB", AIM_END, "less", spread, why),
            Figure(
                f"memory_{name}_slope",
                f"{name}, growth every 100,000 events in the second half",
                growth,
                "MB",
                AIM_SLOPE,
                "less",
                f"{len(half)} samples",
                why,
            ),
        ]
        result.rows.append(Row(f"{name}, resident MB from the first sample to the last", _course(sizes)))
    result.figures.append(
        Figure(
            "memory_control_slope",
            "control: a process that leaks, by the same line",
            slope(half, CONTROL),
            "MB",
            AIM_SLOPE,
            "more",
            f"{len(half)} samples",
            "The line does not see a leak of 128 KiB a second.",
        )
    )
    result.taken = f"one run, {len(samples)} samples"
    sources = ", ".join(f"{name} {count:,}" for name, count in announced.items())
    inboxes = ", ".join(f"{name} {count:,}" for name, count in taken.items())
    own = ", ".join(f"{name} {footprint.own:.0f} MB" for name, footprint in last.footprints.items() if name in SERVICES)
    result.notes.append(
        f"{last.events:,} events were announced ({sources}), all of them published to Kafka, after {run.batched:,} "
        f"reports in batches of {_BATCH:,} and {run.single:,} single ones. Taken up from Kafka: {inboxes}; alerts are "
        "announced to whoever listens outside. The registry had nothing to announce but the sample. Every report had "
        "become one hazard and opened one alert. Resident memory (RSS) counts shared pages in full; without them, "
        f"each divided among its users (PSS), the processes end at {own}. Each is one process with its HTTP side and "
        "its background side. The slope is the straight line that fits the samples of the second half best."
    )


def _course(sizes: list[float]) -> str:
    """Ten of the sizes, evenly spaced, the last among them."""
    steps = min(10, len(sizes))
    return " ".join(f"{sizes[(len(sizes) - 1) * nr // max(1, steps - 1)]:.0f}" for nr in range(steps))


def _sizes(sample: Sample) -> str:
    return ", ".join(f"{name} {footprint.resident:.1f} MB" for name, footprint in sample.footprints.items())


def _batch(enterprises: list[str]) -> bytes:
    reports = [json.loads(report_body(enterprises[nr % len(enterprises)])) for nr in range(_BATCH)]
    return json.dumps({"items": reports}, ensure_ascii=False).encode()


async def _alerts(system: System) -> int:
    return await _count(system.urls["notifications"], _ALERTS)


async def _unsent(system: System) -> int:
    return sum([await _count(system.urls[name], f"SELECT count(*) FROM {UNPUBLISHED}") for name in SERVICES])


async def _count(url: str, query: str) -> int:
    async with connected(url) as connection:
        rows: int = await connection.fetchval(query)
    return rows
