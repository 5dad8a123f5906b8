"""Turns the settings of one system into the plan of its processes."""

import secrets
import sys
from collections.abc import Mapping

from deploy.local.issuer import AUDIENCE, Issuer
from deploy.local.plan import Plan, ProcessPlan
from deploy.local.ports import free_port
from deploy.local.postgres import Cluster
from deploy.local.prepare import database_url
from deploy.local.serve_postgres import serve_command
from deploy.local.settings import ROOT, SERVICES, LocalSettings
from deploy.local.watchdog import NAME as WATCHDOG
from deploy.local.watchdog import watchdog_command
from libs.common.settings import DEVELOPMENT_ISSUER

PREPARE, SAMPLE, STORY = "prepare", "sample", "story"


def build_plan(settings: LocalSettings, cluster: Cluster | None, words: Mapping[str, str]) -> Plan:
    """The processes of the system; `cluster` is the embedded PostgreSQL, None when DATABASE_URL names another."""
    server = cluster.url() if cluster is not None else str(settings.database_url)
    processes = [ProcessPlan(WATCHDOG, watchdog_command(settings.var))]
    if cluster is not None:
        command = serve_command(settings.var / "postgres", cluster.port)
        processes.append(ProcessPlan("postgres", command, stop_signal="SIGINT", stop_seconds=8.0))
    kafka = settings.kafka_servers
    if settings.bus == "kafka" and kafka is None:
        port = settings.kafka_port or free_port()
        kafka = f"127.0.0.1:{port}"
        processes.append(_broker(settings, port))
    processes.append(_prepare(settings, server, kafka))
    instance = secrets.token_hex(8)
    processes += [_service(name, settings, server, kafka, words, instance) for name in SERVICES]
    if settings.sample is not None and settings.own_issuer:
        processes.append(_one_shot(SAMPLE, "deploy.local.seed", settings, [PREPARE]))
        if settings.story:
            processes.append(_one_shot(STORY, "deploy.local.story", settings, [SAMPLE]))
    return Plan(ROOT, settings.var, processes)


def _broker(settings: LocalSettings, port: int) -> ProcessPlan:
    where = ["--data", str(settings.var / "kafka"), "--port", str(port)]
    return ProcessPlan("kafka", [sys.executable, "-m", "deploy.kafka.broker", *where], stop_seconds=8.0)


def _prepare(settings: LocalSettings, server: str, kafka: str | None) -> ProcessPlan:
    environment = {
        "SERVER_URL": server,
        "DATABASE_PREFIX": settings.database_prefix,
        "BUS": settings.bus,
        "KAFKA_BOOTSTRAP_SERVERS": kafka or "",
    }
    command = [sys.executable, "-m", "deploy.local.prepare", str(settings.run)]
    return ProcessPlan(PREPARE, command, environment, once=True)


def _service(
    name: str, settings: LocalSettings, server: str, kafka: str | None, words: Mapping[str, str], instance: str
) -> ProcessPlan:
    environment = {
        "DATABASE_URL": database_url(server, settings.database_prefix + name),
        "BUS": settings.bus,
        "BUS_DATABASE_URL": database_url(server, f"{settings.database_prefix}bus")
        if settings.bus == "postgres"
        else "",
        "KAFKA_BOOTSTRAP_SERVERS": kafka or "",
        "HOST": words.get("HOST", "127.0.0.1"),
        "PORT": str(settings.ports[name]),
        "AUTH_ISSUER": words.get("AUTH_ISSUER", DEVELOPMENT_ISSUER),
        "AUTH_AUDIENCE": words.get("AUTH_AUDIENCE", AUDIENCE),
        "AUTH_JWKS": words.get("AUTH_JWKS", str(Issuer(settings.var / "issuer").key_set)),
        "VAR": str(settings.var),
        "INSTANCE": instance,
        "PUBLIC_URL": words.get("PUBLIC_URL", settings.address("notifications")),
        # On one machine the phones that are rung are on this machine too.
        "WEBHOOK_ALLOWED_NETWORKS": words.get("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8"),
    }
    command = [sys.executable, "-m", f"services.{name}", "serve"]
    return ProcessPlan(name, command, environment, after=[PREPARE], stop_seconds=12.0)


def _one_shot(name: str, module: str, settings: LocalSettings, after: list[str]) -> ProcessPlan:
    addresses = {f"PORT_{service.upper()}": str(settings.ports[service]) for service in SERVICES}
    environment = {**addresses, "VAR": str(settings.var), "SAMPLE": str(settings.sample), "BUS": settings.bus}
    environment["PYTHONUNBUFFERED"] = "1"
    command = [sys.executable, "-m", module]
    return ProcessPlan(name, command, environment, after=after, once=True, stop_seconds=3.0)
