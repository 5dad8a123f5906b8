"""Where Kafka's jars come from: Maven fetches them once per user, outside the checkout."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.local.problems import LocalProblem

POM = Path(__file__).with_name("pom.xml")
FETCH_SECONDS = 900
JAVA_MINIMUM = 17
_JAVA_VERSION = re.compile(r'version "(?:1\.)?([0-9]+)')
_WAY_OUT = "set KAFKA_HOME to an unpacked Kafka, or KAFKA_BOOTSTRAP_SERVERS to a broker of yours."


def classpath() -> str:
    """Kafka's classpath for `java`, fetched if need be. Raises LocalProblem when it cannot be had.

    `KAFKA_HOME` names an installation that is there already (its `libs` folder is used, nothing is fetched).
    """
    if home := os.environ.get("KAFKA_HOME"):
        libs = Path(home) / "libs"
        if not any(libs.glob("kafka_2.1*.jar")):
            raise LocalProblem(f"KAFKA_HOME={home} holds no Kafka: there is no {libs}/kafka_2.1*.jar.")
        return f"{libs}/*"
    return f"{_fetched()}/*"


def java() -> str:
    """The java program; LocalProblem says what to install when it is missing or too old."""
    program = _java()
    found = "there is no `java` here" if program is None else _too_old(program)
    if program is None or found is not None:
        raise LocalProblem(
            f"Apache Kafka needs Java {JAVA_MINIMUM} or newer and {found}: install a JRE "
            "(Debian: apt-get install openjdk-17-jre-headless), or set KAFKA_BOOTSTRAP_SERVERS to a broker of yours."
        )
    return program


def _java() -> str | None:
    if home := os.environ.get("JAVA_HOME"):
        program = Path(home) / "bin" / "java"
        if program.exists():
            return str(program)
    return shutil.which("java")


def _too_old(program: str) -> str | None:
    """What is wrong with this java; None when it will do."""
    try:
        told = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return f"{program} does not run"
    version = _JAVA_VERSION.search(told.stderr + told.stdout)
    if version is None:
        return f"{program} does not say its version"
    return None if int(version[1]) >= JAVA_MINIMUM else f"{program} is Java {version[1]}"


def missing() -> str | None:
    """What keeps Kafka from running here, in one sentence; None when nothing does. Fetches the jars if need be."""
    try:
        java()
        classpath()
    except LocalProblem as problem:
        return str(problem)
    return None


def cache_folder() -> Path:
    """Where things are kept that are fetched once: `HAZARDLOOP_CACHE`, by default below the user's cache folder."""
    if own := os.environ.get("HAZARDLOOP_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hazardloop"


def _folder() -> Path:
    """One folder per content of the pom, so that a new version is fetched beside the old one."""
    return cache_folder() / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"


def _complete(folder: Path) -> bool:
    return folder.is_dir()  # it gets its name only when everything is in it


def _fetched() -> Path:
    folder = _folder()
    if _complete(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes second finds the work done
        if not _complete(folder):
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    maven = _maven()
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as partial:
        jars = Path(partial) / "jars"
        command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        try:
            result = subprocess.run(
                [*command, f"-DoutputDirectory={jars}"],
                cwd=partial,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=FETCH_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise LocalProblem(f"Maven did not fetch Kafka's jars within {FETCH_SECONDS} seconds: {_WAY_OUT}") from None
        if result.returncode != 0 or not any(jars.glob("kafka_2.1*.jar")):
            why = _reason(result.stdout + result.stderr)
            raise LocalProblem(f"Maven could not fetch Kafka's jars ({why}): try again, or {_WAY_OUT}")
        jars.rename(folder)


def _maven() -> str:
    if found := shutil.which("mvn"):
        return found
    raise LocalProblem(
        "Apache Kafka's jars are fetched with Maven and there is no `mvn` here: install it (Debian: apt-get install "
        f"maven), or {_WAY_OUT}"
    )


def _reason(output: str) -> str:
    errors = [line for line in output.splitlines() if line.startswith("[ERROR]")]
    return (errors or output.strip().splitlines() or ["no message"])[0]
