"""Runs pgbench, PostgreSQL's own load generator, and reads what it reports."""

import asyncio
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from deploy.local.pgbinaries import program_environment

_DONE = re.compile(r"number of transactions actually processed: (\d+)")
_FAILED = re.compile(r"number of failed transactions: (\d+)")
_RATE = re.compile(r"tps = ([0-9.]+) \(without initial connection time\)")


@dataclass(frozen=True, slots=True)
class PgbenchOutcome:
    """Committed transactions, and how many a second once all clients were connected."""

    committed: int
    rate: float


class PgbenchFailed(RuntimeError):
    """pgbench ended with an error, or transactions failed."""


def find_pgbench(programs: Path) -> Path | None:
    """The pgbench beside the server's programs, else the one on the path; None if there is none."""
    beside = programs / "bin" / "pgbench"
    if beside.exists():
        return beside
    found = shutil.which("pgbench")
    return Path(found) if found else None


async def pgbench(
    program: Path, url: str, script: Path, *, clients: int, seconds: float, programs: Path
) -> PgbenchOutcome:
    """Every client runs the script again and again as prepared statements. Raises PgbenchFailed."""
    process = await asyncio.create_subprocess_exec(
        str(program),
        "--no-vacuum",
        "--protocol=prepared",
        f"--client={clients}",
        "--jobs=2",
        f"--time={max(1, round(seconds))}",
        f"--file={script}",
        url,
        env=program_environment(programs),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = out.decode()
    done, failed, rate = _DONE.search(text), _FAILED.search(text), _RATE.search(text)
    if process.returncode or not done or not rate or (failed and int(failed[1])):
        raise PgbenchFailed(f"{text[-500:]}\n{errors.decode()[-500:]}")
    return PgbenchOutcome(int(done[1]), float(rate[1]))
