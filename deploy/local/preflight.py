"""Looks for everything that would make a start fail later with a riddle, and says it before anything runs."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.kafka import jars
from deploy.local.ports import is_taken
from deploy.local.problems import LocalProblem
from deploy.local.settings import LocalSettings
from libs.common.settings import DEVELOPMENT_ISSUER

_NEEDED_BYTES = 500 * 1024 * 1024


def make_folders(settings: LocalSettings) -> None:
    """Make VAR and what is below it. Raises LocalProblem if that place cannot be written or is nearly full."""
    try:
        for folder in (settings.var, settings.run, settings.log):
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.run):
            pass
    except OSError as error:
        raise LocalProblem(f"VAR={settings.var} cannot be written ({error.strerror}): choose another folder.") from None
    free = shutil.disk_usage(settings.var.resolve()).free
    if free < _NEEDED_BYTES:
        raise LocalProblem(
            f"Only {free // 2**20} MB are free in {settings.var}; the system needs 500 MB. "
            "Make room, or set VAR to a folder on another disk."
        )


@contextmanager
def only_start(settings: LocalSettings) -> Iterator[None]:
    """One `make up` at a time starts things in a VAR; a second one waits for the first."""
    with (settings.run / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another `make up` is starting the system in {settings.var}; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_ports(settings: LocalSettings) -> None:
    """Raises LocalProblem naming every port that something else listens on."""
    named = {f"PORT_{name.upper()}": port for name, port in settings.ports.items()}
    if settings.postgres_port and settings.database_url is None:
        named["PORT_POSTGRES"] = settings.postgres_port
    if settings.kafka_port and settings.bus == "kafka" and settings.kafka_servers is None:
        named["PORT_KAFKA"] = settings.kafka_port
    taken = [f"{port} ({name})" for name, port in named.items() if is_taken(port)]
    if taken:
        raise LocalProblem(
            f"Already in use: port {', '.join(taken)}. Stop what listens there (another `make up`? then `make down`), "
            f"or choose another port, for example `make up {next(iter(named))}=18001`.",
            2,
        )


def check_sample(settings: LocalSettings) -> None:
    """Raises LocalProblem when the folder of the sample lacks one of its two files."""
    if settings.sample is None:
        return
    for name in ("areas.csv", "enterprises.xlsx"):
        if not (settings.sample / name).is_file():
            raise LocalProblem(f"SAMPLE: there is no {name} in {settings.sample}. SAMPLE=none starts empty.", 2)


def check_issuer(words: Mapping[str, str]) -> None:
    """Raises LocalProblem when a production system would trust the development issuer."""
    foreign = words.get("AUTH_ISSUER", DEVELOPMENT_ISSUER) != DEVELOPMENT_ISSUER
    if words.get("ENVIRONMENT") == "production" and not foreign:
        raise LocalProblem(
            "ENVIRONMENT=production refuses the development issuer: set AUTH_ISSUER, AUTH_AUDIENCE and AUTH_JWKS to "
            "those of your own issuer.",
            2,
        )


def check_kafka(settings: LocalSettings) -> None:
    """Fetch Kafka's jars if a broker of ours is wanted; LocalProblem says what is missing for that."""
    if settings.bus == "kafka" and settings.kafka_servers is None:
        jars.java()
        print("Apache Kafka: its jars are fetched once with Maven; that may take minutes the first time", flush=True)
        jars.classpath()


def log_tail(log: Path, lines: int = 15) -> str:
    """The end of a log file, indented for showing."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return "    (no log)"
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
