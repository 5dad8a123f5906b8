"""On what the figures were taken: processor, memory, versions."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from deploy.kafka.jars import java, missing
from deploy.local.pgbinaries import program_environment
from deploy.local.postgres import CONFIGURATION
from deploy.local.settings import ROOT
from tests.evidence.cluster import SETTINGS

_POM = ROOT / "deploy" / "kafka" / "pom.xml"
_BUFFERS = {**CONFIGURATION, **SETTINGS}["shared_buffers"]
_PACKAGES = ("fastapi", "uvicorn", "pydantic", "sqlmodel", "sqlalchemy", "asyncpg", "aiokafka", "uvloop")


def described(postgres: Path) -> list[str]:
    """One line each: machine, operating system, versions."""
    version = subprocess.run(
        [str(postgres / "bin" / "postgres"), "--version"],
        env=program_environment(postgres),
        capture_output=True,
        text=True,
        check=False,
    )
    server = version.stdout.strip().removeprefix("postgres (").replace(")", "")
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)
    return [
        f"{os.cpu_count()} cores ({_processor()}), {_memory()} GB of memory, {platform.system()} {platform.release()}",
        f"{server}, fsync, synchronous_commit and full_page_writes on, {_BUFFERS} of shared buffers",
        f"Python {platform.python_version()}, {packages}",
        *_others(),
    ]


def _others() -> Iterator[str]:
    """What is not a package of ours, where it is there."""
    if missing() is None:
        kafka = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>(.*?)<", _POM.read_text())
        version = subprocess.run([java(), "-version"], capture_output=True, text=True, check=False).stderr
        jvm = re.search(r'"(.*?)"', version)
        yield f"Apache Kafka {kafka[1] if kafka else '?'} on Java {jvm[1] if jvm else '?'}"
    if node := shutil.which("node"):
        yield f"Node {subprocess.run([node, '--version'], capture_output=True, text=True, check=False).stdout.strip()}"


def load_average() -> str:
    """How busy the machine was in the last minute; others may work on it too."""
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    return next(_values(Path("/proc/cpuinfo"), "model name"), platform.machine())


def _memory() -> str:
    kilobytes = next(_values(Path("/proc/meminfo"), "MemTotal"), "0 kB").split()[0]
    return f"{int(kilobytes) / 1_048_576:.0f}"


def _values(path: Path, name: str) -> Iterator[str]:
    if path.exists():
        for line in path.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == name:
                yield value.strip()
