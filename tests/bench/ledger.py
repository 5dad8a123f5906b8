"""Part `ledger`: importing a large ledger through the API against COPY of the rows that it amounts to."""

import asyncio
import io
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from python_calamine import CalamineWorkbook

from deploy.local.issuer import Bearer, Issuer
from deploy.local.ports import free_port
from libs.common.actors import USUAL_ROLES, Tier
from libs.common.migrations import upgrade
from services.registry.domain.ledger.lines import Rules
from services.registry.domain.places import AreaLevel, Gazetteer, KnownArea
from services.registry.files.reader import read_ledger_apart
from tests.bench.large_ledger import LargeLedger
from tests.bench.ledger_rows import TABLES, counts, put, taken
from tests.bench.processor import ProcessorTime, Spent
from tests.bench.settings import Effort
from tests.evidence.cluster import BenchCluster, connected
from tests.evidence.effects import WrongEffect
from tests.evidence.figures import Figure, Result, Row
from tests.evidence.forgetting import forget, refused
from tests.evidence.processes import answering, running
from tests.evidence.rounds import Arm, Rounds, take_turns

AIM = 0.4
DISTRICT = "410503000000"
IMPORT, COPY, READING, CELLS = "import", "copy", "reading", "cells"
_PATIENCE_SECONDS = 300.0
_POLL_SECONDS = 0.02
Tell = Callable[[str], None]
Job = dict[str, Any]


@dataclass(slots=True)
class _Bench:
    """Imports a ledger into a fresh registry; copies the rows that the last import left into another."""

    cluster: BenchCluster
    ledger: LargeLedger
    issuer: Issuer
    rows: int = 0
    job: Job = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    forgets: str = ""  # a table of which rows are lost
    imports: int = 0
    spent: Spent = field(default_factory=Spent)  # while the imports ran
    _source: str = ""

    async def imported(self, number: int) -> float:
        """Lines a second from the upload until the job is done."""
        self._source = await self._registry(f"ledger_{number}")
        if self.forgets:
            await forget(self._source, self.forgets)
        async with _serving(self.cluster, self._source, self.issuer, number) as (client, pid):
            await _job_done(client, "areas", self.ledger.areas)
            began, cpu = time.perf_counter(), ProcessorTime.taken(self.cluster, {"registry and its readers": pid})
            self.job = await _job_done(client, "enterprises", self.ledger.content)
            spent = time.perf_counter() - began
            self.spent.add(cpu, ProcessorTime.taken(self.cluster, {"registry and its readers": pid}))
        await self._check()
        self.imports += 1
        return self.rows / spent

    async def copied(self, number: int) -> float:
        """Lines a second of one transaction that copies every row of the import into a registry with the same areas."""
        url = await self._registry(f"copy_{number}")
        async with connected(self._source) as source, connected(url) as target:
            data = {table: await taken(source, table) for table in ("areas", "imports", *TABLES)}
            for table in ("areas", "imports"):
                await put(target, table, data[table])
            began = time.perf_counter()
            async with target.transaction():
                for table in TABLES:
                    await put(target, table, data[table])
            spent = time.perf_counter() - began
            if await counts(target) != self.left:
                raise WrongEffect(f"{COPY}: other rows than the import left")
        return self.rows / spent

    async def read(self, _: int) -> float:
        """Lines a second of reading the file against the areas and classes on file, with nothing written."""
        async with connected(self._source) as connection:
            areas = await connection.fetch("SELECT code, path, name, level FROM areas WHERE valid_to IS NULL")
            classes = await connection.fetch("SELECT DISTINCT code FROM enterprise_classes WHERE area_path = ''")
        known = Gazetteer.of(KnownArea(code, path, name, AreaLevel(level)) for code, path, name, level in areas)
        rules = Rules(known, {"": frozenset(code for (code,) in classes)}, DISTRICT[:6])
        began = time.perf_counter()
        ledger = await read_ledger_apart(self.ledger.content, rules)
        spent = time.perf_counter() - began
        if len(ledger.lines) != self.rows:
            raise WrongEffect(f"{len(ledger.lines)} lines were read, {self.rows} imported")
        return self.rows / spent

    async def read_alone(self, _: int) -> float:
        """Lines a second of turning the file's cells into Python values and nothing else."""
        return self.rows / await asyncio.to_thread(_cells_seconds, self.ledger.content)

    async def _registry(self, name: str) -> str:
        url = await self.cluster.create(name)
        await asyncio.to_thread(upgrade, "registry", url)
        return url

    async def _check(self) -> None:
        """Every line was created, found unchanged or rejected with a note; every enterprise was announced."""
        self.rows = self.job["rows"]
        async with connected(self._source) as connection:
            self.left = await counts(connection)
            events = await connection.fetchval("SELECT count(*) FROM outbox WHERE type = 'enterprise-registered'")
        outcomes = sum(self.job[name] for name in ("created", "updated", "unchanged", "rejected"))
        if outcomes != self.rows or not self.job["rejected"]:
            raise WrongEffect(f"{IMPORT}: {self.job}")
        if not self.left["enterprises"] == events == self.job["created"]:
            raise WrongEffect(f"{IMPORT}: {self.job['created']} created, {self.left}, {events} announced")
        if self.left["import_notes"] < self.job["rejected"]:
            raise WrongEffect(f"{IMPORT}: {self.left['import_notes']} notes for {self.job['rejected']} rejected lines")


async def measure(cluster: BenchCluster, effort: Effort, tell: Tell) -> Result:
    """Imports and copies in turns, each round in fresh databases."""
    result = Result("ledger", "A large ledger over HTTP ÷ COPY of the same rows")
    issuer = Issuer(cluster.folder / "ledger-issuer")
    issuer.ensure_keys()
    await cluster.create("ledger_bus")
    bench = _Bench(cluster, LargeLedger(1 if effort.is_quick else 10), issuer)
    tell(f"the file has {len(await asyncio.to_thread(lambda: bench.ledger.content)):,} bytes")
    arms = [
        Arm(IMPORT, bench.imported),
        Arm(COPY, bench.copied),
        Arm(READING, bench.read),
        Arm(CELLS, bench.read_alone),
    ]
    _figures(result, await take_turns(arms, effort.rounds, tell), bench)
    control = _Bench(cluster, LargeLedger(1), issuer, forgets="outbox")
    result.figures.append(await refused("ledger", "announces nine enterprises of ten", " announced", control.imported))
    return result


def _figures(result: Result, rounds: Rounds, bench: _Bench) -> None:
    ratio = rounds.ratio(IMPORT, COPY)
    floor, reading = (rounds.ratio(arm, COPY).median for arm in (CELLS, READING))
    result.figures.append(
        Figure(
            name="ledger_vs_copy",
            title="ledger import with row errors over HTTP ÷ COPY of the rows that it leaves",
            value=ratio.median,
            unit="ratio",
            aim=AIM,
            better="more",
            spread=str(ratio),
            shortfall=(
                f"The floors: the cells as Python values, by calamine without a look at what they say, are "
                f"{floor:.2f} × COPY; the file read as the import reads it, in two processes and against areas, "
                f"classes and codes, with nothing written, is {reading:.2f} × COPY. An import that has read can at "
                f"best write as fast as COPY, which makes {1 / (1 + 1 / reading):.3f}. Busy during an import: "
                f"{bench.spent.cores()}; processor time a line: {bench.spent.each(bench.rows * bench.imports)}. What "
                "is neither reading nor COPY is the making of ids, contacts, gradings and events, and a round trip a "
                "table and chunk; the next chunk is made ready while the database takes one. What would move it is "
                "more cores: two readers, the service and the database share two."
            ),
        )
    )
    result.rows.append(Row("import, from the upload until the job is done", f"{rounds.rate(IMPORT)} lines"))
    result.rows.append(
        Row(
            "COPY, binary, one transaction, the same indexes and keys",
            f"{rounds.rate(COPY)} lines",
            "HTTP, the file, reading, checking, settling, ids, the stored upload, the job",
        )
    )
    result.rows.append(
        Row("the file read and checked, in processes of its own", f"{rounds.rate(READING)} lines", "HTTP, every write")
    )
    result.rows.append(Row("calamine alone", f"{rounds.rate(CELLS)} lines", "everything but cells as Python values"))
    left = ", ".join(f"{count:,} {table}" for table, count in bench.left.items())
    result.notes.append(
        f"The sample district's ledger {bench.ledger.times} times over under other names and codes: {bench.rows:,} "
        f"lines, {bench.job['rejected']:,} of them rejected and {bench.job['unchanged']:,} unchanged, "
        f"{len(bench.ledger.content):,} bytes. Both arms leave {left}. Each round has fresh databases; the import runs "
        "in the registry as a process of its own, its relay on."
    )


@asynccontextmanager
async def _serving(
    cluster: BenchCluster, url: str, issuer: Issuer, number: int
) -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    """The registry over that database: a client with an administrator's token, and its pid."""
    port, log = free_port(), cluster.folder
    name = f"registry-{number}"
    environment = {
        "DATABASE_URL": url,
        "BUS": "postgres",
        "BUS_DATABASE_URL": url.rsplit("/", 1)[0] + "/ledger_bus",
        "AUTH_JWKS": str(issuer.key_set),
        "PORT": str(port),
        "VAR": str(log),
        "LOG_LEVEL": "WARNING",
    }
    roles = tuple(sorted(USUAL_ROLES[Tier.DISTRICT]))
    token = issuer.sign(Bearer("ledger", Tier.DISTRICT, DISTRICT, None, roles))
    async with running(name, [sys.executable, "-m", "services.registry", "serve"], environment, log) as process:
        await answering(process, "127.0.0.1", port, "/readyz", log / f"{name}.log")
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
        ) as client:
            yield client, process.pid


async def _job_done(client: httpx.AsyncClient, kind: str, content: bytes) -> Job:
    """Sends the file and follows its job to the end. Raises WrongEffect when it is refused."""
    answer = await client.post(f"/v1/imports/{kind}", files={"file": (kind, content)})
    if answer.status_code != httpx.codes.ACCEPTED:
        raise WrongEffect(answer.text[:300])
    location = answer.headers["Location"]
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        job: Job = (await client.get(location)).json()
        if job["state"] in ("done", "refused"):
            break
        await asyncio.sleep(_POLL_SECONDS)
    if job["state"] != "done":
        raise WrongEffect(f"{kind}: {job}")
    return job


def _cells_seconds(content: bytes) -> float:
    """Seconds that it takes to turn the file's cells into Python values and nothing else."""
    began = time.perf_counter()
    with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
        for name in book.sheet_names:
            book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    return time.perf_counter() - began
