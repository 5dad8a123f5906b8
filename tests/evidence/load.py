"""Asks the load generator to play a job, and says what came back."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.settings import ROOT
from tests.evidence.loader import Job, Outcome

REPORT = "/v1/hazards"


@dataclass(frozen=True, slots=True)
class Target:
    """Where reports go: a port of this machine, with what the callers carry."""

    port: int
    tokens: Sequence[str]
    enterprises: Sequence[str]
    path: str = REPORT
    host: str = "127.0.0.1"


async def closed_loop(target: Target, *, connections: int, seconds: float, key_prefix: str) -> Outcome:
    """Every connection reports again as soon as it is answered."""
    return await play(_job(target, connections, seconds, key_prefix, None))


async def open_loop(target: Target, *, rate: float, seconds: float, key_prefix: str, connections: int = 64) -> Outcome:
    """Reports leave at `rate` a second, whatever the answers do."""
    return await play(_job(target, connections, seconds, key_prefix, rate))


def report_body(enterprise: str) -> str:
    """One report as a grid worker would write it."""
    document = {
        "enterpriseId": enterprise,
        "source": "patrol",
        "description": "二号车间配电箱前堆放包装纸箱，箱门无法打开，线路有过热痕迹",
        "category": "electrical",
        "suggestedLevel": "general",
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _job(target: Target, connections: int, seconds: float, key_prefix: str, rate: float | None) -> Job:
    bodies = [report_body(enterprise) for enterprise in target.enterprises]
    lengths = {len(body.encode()) for body in bodies}
    assert len(lengths) == 1, "the content length is part of the head"
    heads = [
        f"POST {target.path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: {{key}}\r\nContent-Length: {lengths.copy().pop()}\r\n\r\n"
        for token in target.tokens
    ]
    return Job(target.host, target.port, heads, bodies, connections, seconds, key_prefix, rate)


async def play(job: Job) -> Outcome:
    """What came back when the generator played the job in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="hazardloop-load-") as folder:
        asked, told = Path(folder) / "job.json", Path(folder) / "outcome.json"
        asked.write_text(json.dumps(asdict(job)))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.evidence.loader",
            str(asked),
            str(told),
            cwd=ROOT,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise RuntimeError(f"the load generator failed: {errors.decode()[-500:]}")
        plain = json.loads(told.read_text())
    plain["created"] = [(one, number, at) for one, number, at in plain["created"]]
    return Outcome(**plain)
