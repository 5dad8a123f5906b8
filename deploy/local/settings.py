"""What a newcomer may set for `make up`: environment variables, or lines of `.env`, checked before anything starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from deploy.local.problems import LocalProblem
from libs.common.settings import DEVELOPMENT_ISSUER

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("registry", "hazards", "notifications")
_PORTS = {"registry": 8001, "hazards": 8002, "notifications": 8003}
_NO = {"no", "0", "false", "off"}


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """The settings of one system on this machine."""

    var: Path
    ports: Mapping[str, int]
    postgres_port: int | None  # None: any free one
    database_url: str | None  # None: the embedded PostgreSQL
    database_prefix: str
    bus: str
    kafka_port: int | None  # None: any free one
    kafka_servers: str | None  # None: a broker of our own when the bus is Kafka
    sample: Path | None  # None: start empty
    story: bool
    own_issuer: bool  # False: tokens come from elsewhere, so neither sample nor story can be played
    detach: bool

    @property
    def run(self) -> Path:
        """Pids and whatever else is worth nothing after a stop."""
        return self.var / "run"

    @property
    def log(self) -> Path:
        """One log file per process."""
        return self.var / "log"

    def address(self, service: str) -> str:
        """Where a service answers."""
        return f"http://127.0.0.1:{self.ports[service]}"


def environment(file: Path = ROOT / ".env") -> dict[str, str]:
    """The environment of this process, with the lines of `.env` put underneath; an empty value counts as not set.

    They become part of it, so that whatever is started from here (and whatever that starts) reads them too.
    """
    below = {name: value for name, value in dotenv_values(file).items() if value and not os.environ.get(name)}
    os.environ.update(below)
    return {name: value for name, value in os.environ.items() if value}


def read_settings(words: Mapping[str, str]) -> LocalSettings:
    """Settings from an environment. Raises LocalProblem naming the variable that is wrong."""
    ports = {name: _port(f"PORT_{name.upper()}", words, default) for name, default in _PORTS.items()}
    postgres_port, kafka_port = _port("PORT_POSTGRES", words, 0) or None, _port("PORT_KAFKA", words, 0) or None
    chosen = [port for port in (*ports.values(), postgres_port, kafka_port) if port is not None]
    if len(set(chosen)) < len(chosen):
        raise LocalProblem("Two of the PORT_… settings name the same port.", 2)
    bus = words.get("BUS", "postgres")
    if bus not in ("postgres", "kafka"):
        raise LocalProblem("BUS must be postgres or kafka.", 2)
    database_url = words.get("DATABASE_URL")
    if database_url and not database_url.startswith(("postgresql://", "postgres://")):
        raise LocalProblem("DATABASE_URL must look like postgresql://user:password@host:port/postgres.", 2)
    return LocalSettings(
        var=Path(words.get("VAR", str(ROOT / "var"))).absolute(),
        ports=ports,
        postgres_port=postgres_port,
        database_url=database_url,
        database_prefix=words.get("DATABASE_PREFIX", ""),
        bus=bus,
        kafka_port=kafka_port,
        kafka_servers=words.get("KAFKA_BOOTSTRAP_SERVERS"),
        sample=_sample(words.get("SAMPLE", "")),
        own_issuer=words.get("AUTH_ISSUER", DEVELOPMENT_ISSUER) == DEVELOPMENT_ISSUER,
        story=words.get("STORY", "yes").lower() not in _NO,
        detach=words.get("DETACH", "no").lower() not in _NO,
    )


def _port(name: str, words: Mapping[str, str], default: int) -> int:
    text = words.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise LocalProblem(f"{name} must be a port number, not `{text}`.", 2)
    return int(text)


def _sample(text: str) -> Path | None:
    if text.lower() == "none":
        return None
    return Path(text).absolute() if text else ROOT / "deploy" / "sample"
