"""Processes of a bench run: started with a log of their own, awaited until they answer, ended without leftovers."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.settings import ROOT

START_SECONDS = 60.0
STOP_SECONDS = 12.0
_ANSWER_SECONDS = 10.0  # for one question: a process that has accepted and says nothing is asked again


@asynccontextmanager
async def running(
    name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """A process for as long as the block lasts; it is asked to go with SIGTERM, then made to."""
    process = _start(command, environment, log / f"{name}.log")
    try:
        yield process
    finally:
        await asyncio.to_thread(_end, process)


async def answering(process: "subprocess.Popen[bytes]", host: str, port: int, path: str, log: Path) -> None:
    """Waits until a GET of `path` is answered with 200. Raises RuntimeError with the end of the log when it is not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                if b" 200 " in await _status_line(host, port, path):
                    return
        await asyncio.sleep(0.1)
    raise RuntimeError(f"{log.name}: no answer on port {port}\n{last_lines(log)}")


async def _status_line(host: str, port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
        return await reader.readline()
    finally:
        writer.close()


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far; nan where /proc does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _start(command: Sequence[str], environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, for whoever must say why a process failed."""
    return "\n".join(log.read_text().splitlines()[-count:])


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
