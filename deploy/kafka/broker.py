"""One Apache Kafka broker in KRaft mode in the foreground: `python -m deploy.kafka.broker --data DIR --port PORT`.

The process becomes the broker itself, so whoever started it can watch it, stop it and kill it. The data folder keeps
the log and the id of the cluster; the same folder serves again after any end, kill -9 included.
"""

import argparse
import asyncio
import base64
import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.kafka.jars import classpath, java
from deploy.local.ports import free_port, is_taken
from deploy.local.problems import LocalProblem

READY_SECONDS = 60.0
JVM_OPTIONS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")

# One node: every internal topic has one copy. Few partitions for them, so that a start opens few files.
_SERVER = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={log_dirs}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
offsets.retention.minutes=525600
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
num.network.threads=2
num.io.threads=4
log.retention.ms=-1
log.segment.bytes=134217728
"""

_LOGGING = """\
appenders=out
appender.out.type={kind}
appender.out.name=OUT
{target}
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{{ISO8601}} %p %c{{1}} %m%n
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=OUT
logger.config.name=org.apache.kafka.common.config.AbstractConfig
logger.config.level=WARN
logger.values.name=kafka.server.KafkaConfig
logger.values.level=WARN
"""
_FILE_TARGET = """\
appender.out.fileName={log}/kafka.log
appender.out.filePattern={log}/kafka.log.%i
appender.out.policies.type=Policies
appender.out.policies.size.type=SizeBasedTriggeringPolicy
appender.out.policies.size.size=20MB
appender.out.strategy.type=DefaultRolloverStrategy
appender.out.strategy.max=3"""


def command(data: Path, port: int, log: Path | None = None) -> list[str]:
    """The broker's command line, its folder made and formatted. Raises LocalProblem with what is in the way.

    Kafka's own messages go to `log`/kafka.log, or to stdout without `log`.
    """
    if is_taken(port):
        raise LocalProblem(f"Port {port} for Kafka is taken by another process.")
    data = data.absolute()
    data.mkdir(parents=True, exist_ok=True)
    settings, logging = data / "server.properties", data / "log4j2.properties"
    settings.write_text(_SERVER.format(port=port, controller_port=free_port(), log_dirs=data / "log"))
    logging.write_text(_logging(log))
    program = [java(), *JVM_OPTIONS, f"-Dlog4j2.configurationFile={logging}", "-cp", classpath()]
    _format(program, data, settings)
    return [*program, "kafka.Kafka", str(settings)]


def cluster_id(data: Path) -> str:
    """The id of the cluster kept in a data folder that was formatted."""
    return (data / "formatted").read_text().strip()


async def wait_until_ready(bootstrap_servers: str, seconds: float = READY_SECONDS) -> None:
    """Return once the broker answers and can take topics. Raises LocalProblem after `seconds`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                if await _answers(bootstrap_servers):
                    return
                await asyncio.sleep(0.1)
    raise LocalProblem(f"Kafka at {bootstrap_servers} did not become ready within {seconds:.0f} seconds.")


async def _answers(bootstrap_servers: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=2000)
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()


def _logging(log: Path | None) -> str:
    if log is None:
        return _LOGGING.format(kind="Console", target="appender.out.target=SYSTEM_OUT")
    log.mkdir(parents=True, exist_ok=True)
    return _LOGGING.format(kind="RollingFile", target=_FILE_TARGET.format(log=log.absolute()))


def _format(program: list[str], data: Path, settings: Path) -> None:
    """Give the log folder its cluster id, once. A formatting that was cut off left no mark and is done again."""
    mark = data / "formatted"
    if mark.exists():
        return
    shutil.rmtree(data / "log", ignore_errors=True)
    identity = _new_cluster_id()
    result = subprocess.run(
        [*program, "kafka.tools.StorageTool", "format", "-t", identity, "-c", str(settings)],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise LocalProblem(f"Kafka's folder {data} could not be formatted: {(result.stdout + result.stderr).strip()}")
    fresh = mark.with_suffix(".new")
    fresh.write_text(identity + "\n")
    fresh.rename(mark)


def _new_cluster_id() -> str:
    """16 random bytes as Kafka writes them; one that starts with a dash would be taken for an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def main() -> None:
    """Fetch what is missing, format the folder, become the broker."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.kafka.broker", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the log; made and formatted if need be")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1 that clients connect to")
    parser.add_argument("--log", type=Path, help="folder for kafka.log; without it Kafka's messages go to stdout")
    arguments = parser.parse_args()
    try:
        line = command(arguments.data, arguments.port, arguments.log)
    except LocalProblem as problem:
        print(problem, file=sys.stderr)
        sys.exit(problem.exit_code)
    sys.stdout.flush()
    os.execv(line[0], line)


if __name__ == "__main__":
    main()
