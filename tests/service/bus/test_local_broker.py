"""The local Kafka: its jars, its folder, and sentences that help when something is missing."""

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.kafka import broker, jars
from deploy.local.ports import free_port
from deploy.local.problems import LocalProblem
from libs.common.bus.kafka import KafkaBus
from tests.support.kafka import Broker, require_kafka
from tests.support.postgres import ROOT

FAKE_MAVEN = """#!/bin/sh
echo run >> "{calls}"
for argument; do case "$argument" in -DoutputDirectory=*) out="${{argument#*=}}";; esac; done
mkdir -p "$out" && touch "$out/slf4j.jar" && sleep {seconds}
{end}
"""


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "FakeMaven":
    """A Maven of ours on the PATH, and a cache folder of ours."""
    monkeypatch.delenv("KAFKA_HOME", raising=False)
    monkeypatch.setenv("HAZARDLOOP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return FakeMaven(tmp_path)


class FakeMaven:
    """Puts jars where it is told, slowly, or fails half-way."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "bin" / "mvn"
        self.calls = folder / "calls"
        self.program.parent.mkdir()
        self.behave()

    def behave(self, seconds: float = 0.0, end: str = 'touch "$out/kafka_2.13-4.3.1.jar"') -> None:
        self.program.write_text(FAKE_MAVEN.format(calls=self.calls, seconds=seconds, end=end))
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)


def test_jars_are_fetched_once_even_by_two_processes_at_once(maven: FakeMaven) -> None:
    maven.behave(seconds=0.3)
    code = "from deploy.kafka.jars import classpath; print(classpath())"
    both = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    paths = {process.communicate()[0].strip() for process in both}
    assert paths == {jars.classpath()}
    assert maven.calls.read_text().count("run") == 1


def test_a_fetch_that_broke_off_is_not_taken_for_complete(maven: FakeMaven) -> None:
    maven.behave(end="echo '[ERROR] no route to the repository' >&2; exit 1")
    with pytest.raises(LocalProblem, match="no route to the repository"):
        jars.classpath()
    maven.behave(end="exit 0")  # it says that all is well, and Kafka itself is not there
    with pytest.raises(LocalProblem, match="could not fetch"):
        jars.classpath()
    maven.behave()
    assert Path(jars.classpath().removesuffix("/*")).is_dir()
    assert not list(jars.cache_folder().glob(".fetch-*"))


def test_what_is_missing_is_said_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_HOME", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HAZARDLOOP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "openjdk-17-jre-headless" in (jars.missing() or "")
    java_says(tmp_path, '"21.0.1" 2023-10-17')
    assert "apt-get install maven" in (jars.missing() or "")
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path))
    assert "holds no Kafka" in (jars.missing() or "")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ('"1.8.0_392"', "is Java 8"),
        ('"11.0.21" 2023-10-17 LTS', "is Java 11"),
        ("unknown", "does not say its version"),
        ('"17.0.9" 2023-10-17', None),
        ('"25" 2025-09-16', None),
    ],
)
def test_an_old_java_is_no_java(
    version: str, said: str | None, tmp_path: Path, maven: "FakeMaven", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jre"))
    java_says(tmp_path / "jre" / "bin", version)
    reason = jars.missing()
    assert reason is None if said is None else (said in (reason or "") and "openjdk-17" in (reason or ""))


def java_says(folder: Path, version: str) -> None:
    """A java of ours, which says this of itself where the real one does."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "java"
    program.write_text(
        f"#!/bin/sh\necho 'Picked up JAVA_TOOL_OPTIONS: -Xmx1g' >&2; echo 'openjdk version {version}' >&2\n"
    )
    program.chmod(0o755)


def test_jars_that_cannot_be_fetched_skip_the_tests_and_are_asked_for_once(
    tmp_path: Path, maven: FakeMaven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    java_says(tmp_path / "bin", '"17.0.9"')
    maven.behave(end="echo '[ERROR] no route to the repository' >&2; exit 1")
    monkeypatch.delenv("REQUIRE_KAFKA", raising=False)
    for _ in range(2):
        with pytest.raises(pytest.skip.Exception, match=r"no route to the repository.*set KAFKA_HOME"):
            require_kafka()
    monkeypatch.setenv("REQUIRE_KAFKA", "1")
    with pytest.raises(pytest.fail.Exception, match="no route to the repository"):
        require_kafka()
    assert maven.calls.read_text().count("run") == 1


def test_missing_kafka_skips_with_a_reason_or_fails_where_it_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("REQUIRE_KAFKA", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"Kafka tests are skipped.*apt-get install"):
        require_kafka()
    monkeypatch.setenv("REQUIRE_KAFKA", "1")
    with pytest.raises(pytest.fail.Exception, match="REQUIRE_KAFKA=1"):
        require_kafka()


def test_the_pom_names_no_host_and_one_version_of_log4j() -> None:
    text = jars.POM.read_text()
    assert "://" not in text
    assert "xmlns" not in text
    assert "<version>4.3.1</version>" in text


@pytest.mark.kafka
def test_a_taken_port_is_named(tmp_path: Path) -> None:
    require_kafka()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalProblem, match=f"Port {port}"):
            broker.command(tmp_path, port)


@pytest.mark.kafka
async def test_a_folder_is_formatted_once_and_a_formatting_cut_off_is_done_again(tmp_path: Path) -> None:
    require_kafka()
    one = Broker(tmp_path / "broker")
    data = one.folder / "data"
    (data / "log").mkdir(parents=True)
    (data / "log" / "meta.properties").write_text("half a li")
    try:
        await asyncio.to_thread(one.start)
        bus = KafkaBus(one.servers)
        identity = await bus.identity()
        assert identity == broker.cluster_id(data)
        assert "Kafka Server started" in (one.folder / "log" / "kafka.log").read_text()
        await asyncio.to_thread(one.stop)
        await asyncio.to_thread(one.start)
        assert await bus.identity() == identity
    finally:
        await asyncio.to_thread(one.kill)
        shutil.rmtree(one.folder, ignore_errors=True)


@pytest.mark.kafka
async def test_waiting_for_a_broker_ends_with_a_sentence() -> None:
    with pytest.raises(LocalProblem, match="did not become ready"):
        await broker.wait_until_ready(f"127.0.0.1:{free_port()}", 0.5)
