"""`make up` as a newcomer meets it: one command, kill -9 in the middle of the story, a second start, a clean end."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.plan import load_plan
from deploy.local.ports import free_port
from deploy.local.processes import ProcessFile
from deploy.local.settings import ROOT
from deploy.local.stopping import running
from tests.support.kafka import require_kafka
from tests.support.small_district import ENTERPRISES, STREET, write_district

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
KILLED = ["hazards", "notifications", "registry", "postgres", "story", "supervisor", "watchdog"]


@dataclass
class System:
    """One system of its own: folder, ports, and the command line that a newcomer would use."""

    var: Path
    environment: dict[str, str]

    def command(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "deploy.local", *words],
            cwd=ROOT,
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self, **settings: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "up"],
            cwd=ROOT,
            env={**self.environment, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def address(self, service: str) -> str:
        return f"http://127.0.0.1:{self.environment[f'PORT_{service.upper()}']}"

    def get(self, service: str, path: str, token: str, **query: str) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(self.address(service) + path, headers=headers, params=query, timeout=20).json()

    def hazards(self) -> list[Any]:
        token = self.command("token", TIER="street", AREA=STREET).stdout.strip()
        found: list[Any] = self.get("hazards", "/v1/hazards", token)["items"]
        return found

    def moves(self, hazard: str) -> list[str]:
        token = self.command("token", TIER="street", AREA=STREET).stdout.strip()
        return [entry["move"] for entry in self.get("hazards", f"/v1/hazards/{hazard}/log", token)["items"]]

    def kill(self, name: str) -> bool:
        pid = ProcessFile(self.var / "run", name).pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        return pid is not None


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    var = tmp_path / "var"
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "BUS", "STORY")}
    ports = {f"PORT_{name}": str(free_port()) for name in ("REGISTRY", "HAZARDS", "NOTIFICATIONS")}
    sample = {"VAR": str(var), "SAMPLE": str(write_district(tmp_path / "sample")), "DETACH": "1"}
    made = System(var, {**inherited, **ports, **sample})
    yield made
    made.command("down")
    shutil.rmtree((var / "postgres").resolve(), ignore_errors=True)  # elsewhere, where its account cannot enter here


def wait(reached: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def played(system: System) -> list[str]:
    """The scenes of the story that have been played."""
    try:
        book = json.loads((system.var / "story.json").read_text())
    except (FileNotFoundError, ValueError):
        return []
    return [name.removeprefix("played-") for name in book if name.startswith("played-")]


def test_one_command_and_its_printed_lines(system: System) -> None:
    up = system.command("up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert f"{ENTERPRISES} created" in up.stdout
    [hazard] = system.hazards()
    assert (hazard["state"], hazard["missedDeadlines"]) == ("closed", 1)
    assert system.moves(hazard["id"]).count("escalate") == 2
    lines = re.findall(r"^curl .*", up.stdout, re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        shown = line.replace("\\n", " %{http_code}")
        answer = subprocess.run(["bash", "-c", shown], capture_output=True, text=True, check=False)
        assert answer.stdout.rstrip()[-3:] in ("200", "201"), line + answer.stdout
    again = system.command("up")  # it runs already
    assert (again.returncode, "already runs" in again.stdout) == (0, True)
    assert system.command("down").returncode == 0
    assert system.command("up").returncode == 0  # and once more with the data as they were
    assert len(system.hazards()) == 2  # the story's and the one that a printed line reported
    plan = load_plan(system.var)
    pids = [ProcessFile(system.var / "run", name).pid() for name in running(plan)] if plan else []
    assert system.command("down").returncode == 0
    wait(lambda: not [pid for pid in pids if pid and _lives(pid)], 5)


def test_whatever_is_killed_in_the_middle_the_story_comes_to_its_end(system: System) -> None:
    play_and_kill(system, KILLED)


@pytest.mark.kafka
def test_the_same_over_kafka(system: System) -> None:
    require_kafka()
    system.environment["BUS"] = "kafka"
    play_and_kill(system, ["kafka", "notifications", "kafka"])


def play_and_kill(system: System, killed: list[str]) -> None:
    """Start a system, kill one process after each scene, and look whether the story was told, once, to its end."""
    up = system.start()
    pause = random.Random(3)
    for name in killed:
        before = len(played(system))
        wait(lambda before=before: len(played(system)) > before or up.poll() is not None, 120)  # type: ignore[misc]
        wait(lambda name=name: system.kill(name) or up.poll() is not None, 20)  # type: ignore[misc]
        time.sleep(pause.random())
    out, _ = up.communicate(timeout=150)
    assert up.returncode == 0, out
    [hazard] = system.hazards()
    assert hazard["state"] == "closed"
    moves = Counter(system.moves(hazard["id"]))
    moves.pop("remind", None)  # one that could not be given before the deadline is not made up for
    once = ("report", "verify", "order", "miss_deadline", "submit", "pass")
    assert moves == {**dict.fromkeys(once, 1), "escalate": 2}


def test_a_taken_port_is_named_and_nothing_is_left(system: System) -> None:
    port = int(system.environment["PORT_HAZARDS"])
    other = subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"])
    try:
        wait(lambda: _answers(port))
        up = system.command("up")
    finally:
        other.kill()
        other.wait()
    assert up.returncode != 0
    assert f"{port} (PORT_HAZARDS)" in up.stderr
    assert load_plan(system.var) is None


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
    except httpx.TransportError:
        return False


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
