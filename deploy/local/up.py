"""`make up`: starts the whole system, or finds it running, shows it, and keeps it until Ctrl-C unless detached."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from deploy.local.issuer import Issuer
from deploy.local.plan import Plan, load_plan
from deploy.local.ports import free_port
from deploy.local.postgres import Cluster
from deploy.local.preflight import check_issuer, check_kafka, check_ports, check_sample, make_folders, only_start
from deploy.local.prepare import look_at_server
from deploy.local.problems import LocalProblem
from deploy.local.processes import ProcessFile
from deploy.local.seed import district_code
from deploy.local.settings import SERVICES, LocalSettings, read_settings
from deploy.local.stopping import running, stop_system
from deploy.local.summary import print_summary
from deploy.local.supervisor import NAME as SUPERVISOR
from deploy.local.supervisor import revive
from deploy.local.system import PREPARE, SAMPLE, STORY, build_plan
from deploy.local.waiting import is_ready, new_lines, progress_bar, wait_until


def up(words: Mapping[str, str]) -> int:
    """Bring the system up as `words` (an environment) say. Raises LocalProblem; then nothing is left running."""
    settings = read_settings(words)
    check_sample(settings)
    check_issuer(words)
    make_folders(settings)
    with _signals_as_interrupts():
        with only_start(settings):
            plan = load_plan(settings.var)
            if plan is not None and _runs(plan):
                return _already_running(plan, settings)
            if plan is not None and running(plan):
                stop_system(plan)  # what a killed system left behind
            plan, complete = _bring_up(settings, words)
        if settings.detach:
            return 0 if complete else 1
        _serve(plan)
    return 0


def _bring_up(settings: LocalSettings, words: Mapping[str, str]) -> tuple[Plan, bool]:
    """Start everything and show it; the flag is False if the story did not come to its end."""
    plan = _start(settings, words)
    try:
        complete = _show_start(plan, settings)
        print_summary(settings.var)
    except BaseException:
        stop_system(plan)
        raise
    return plan, complete


def _runs(plan: Plan) -> bool:
    return ProcessFile(plan.run, SUPERVISOR).alive() and not plan.stopping.exists()


def _already_running(plan: Plan, settings: LocalSettings) -> int:
    stored = json.loads((plan.run / "system.json").read_text())
    if stored["ports"] != dict(settings.ports) or stored["bus"] != settings.bus:
        raise LocalProblem(
            f"A system with other settings already runs in {settings.var} (BUS={stored['bus']}, ports "
            f"{', '.join(map(str, stored['ports'].values()))}): `make down` first, or choose another VAR."
        )
    print(f"The system already runs in {settings.var}; `make down` stops it.", flush=True)
    _show_start(plan, settings)
    print_summary(settings.var)
    return 0


def _start(settings: LocalSettings, words: Mapping[str, str]) -> Plan:
    check_ports(settings)
    check_kafka(settings)
    if settings.database_url is not None:
        asyncio.run(look_at_server(settings.database_url))
    Issuer(settings.var / "issuer").ensure_keys()
    cluster = None
    if settings.database_url is None:
        print("PostgreSQL: the embedded one", flush=True)
        cluster = Cluster.prepare(settings.var / "postgres", settings.postgres_port or free_port())
    plan = build_plan(settings, cluster, words)
    for stale in (*settings.run.glob("*.done"), *settings.run.glob("*.progress"), settings.run / "status.json"):
        stale.unlink(missing_ok=True)
    plan.save()
    described = {"bus": settings.bus, "ports": dict(settings.ports), "district": _district(settings)}
    (settings.run / "system.json").write_text(json.dumps(described))
    plan.stopping.unlink(missing_ok=True)
    revive(plan)
    return plan


def _district(settings: LocalSettings) -> str | None:
    return district_code(settings.sample / "areas.csv") if settings.sample and settings.own_issuer else None


def _show_start(plan: Plan, settings: LocalSettings) -> bool:
    """Follow the start to its end; False if only the story did not come to its end."""
    planned = {process.name for process in plan.processes}
    print("databases: creating and migrating", flush=True)
    wait_until(plan, "the databases", plan.done(PREPARE).exists)
    for name in SERVICES:
        wait_until(plan, name, lambda name=name: is_ready(settings.address(name), plan.instance))  # type: ignore[misc]
        print(f"{name}: ready on {settings.address(name)}", flush=True)
    if SAMPLE in planned:
        with new_lines(plan.log / f"{SAMPLE}.log") as lines, progress_bar(plan.run / f"{SAMPLE}.progress") as bar:
            wait_until(plan, "the sample district", plan.done(SAMPLE).exists, bar)
            lines()
    if STORY not in planned:
        return True
    try:
        with new_lines(plan.log / f"{STORY}.log") as lines:
            wait_until(plan, "the story", plan.done(STORY).exists, lines)
    except LocalProblem as problem:
        if plan.stopping.exists():
            raise
        print(f"The system runs, but the story did not come to its end.\n{problem}", file=sys.stderr)
        return False
    return True


def _serve(plan: Plan) -> None:
    """Stay until Ctrl-C, or until the system is stopped from elsewhere."""
    print("Serving; Ctrl-C stops everything.", flush=True)
    try:
        while not plan.stopping.exists():
            time.sleep(0.5)
            revive(plan)
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
        stop_system(plan)
        print("Stopped.", flush=True)


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """A closed terminal or a polite kill stops the system as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # a shell starts what is in the background deaf to Ctrl-C
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
