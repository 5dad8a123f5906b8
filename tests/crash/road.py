"""A Kafka of one's own at the end of a road that can be broken: killed, frozen, half-open, slow, cut off.

Where this machine may make network namespaces, the broker lives in one, behind a pair of virtual network cards, and a
cut cable is a cut cable: packets leave and nobody answers, not even with a refusal.
"""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.kafka.broker import command, wait_until_ready
from deploy.local.ports import free_port
from deploy.local.settings import ROOT
from tests.support.frozen import freeze, thaw

READY_SECONDS = 120.0
_SETTLE_SECONDS = 10.0
_NETWORK = "198.18"  # set aside for trials of network devices: no real host has such an address


@dataclass(frozen=True, slots=True)
class Cable:
    """A network namespace and the cable to it."""

    name: str
    here: str
    there: str
    host: str

    @classmethod
    def lay(cls) -> "Cable":
        """Makes the namespace. Raises OSError or CalledProcessError where that is not allowed or there is no `ip`."""
        number = os.getpid() % 16384
        net = f"{_NETWORK}.{number // 64}.{number % 64 * 4 + 1}", f"{_NETWORK}.{number // 64}.{number % 64 * 4 + 2}"
        cable = cls(f"hazardloop-{os.getpid()}", f"hlh{os.getpid()}", f"hlb{os.getpid()}", net[1])
        try:
            _ip("netns", "add", cable.name)
            _ip("link", "add", cable.here, "type", "veth", "peer", "name", cable.there, "netns", cable.name)
            _ip("address", "add", f"{net[0]}/30", "dev", cable.here)
            _ip("link", "set", cable.here, "up")
            _ip("-n", cable.name, "address", "add", f"{net[1]}/30", "dev", cable.there)
            _ip("-n", cable.name, "link", "set", "lo", "up")
            cable.join()
        except (OSError, subprocess.CalledProcessError):
            cable.remove()
            raise
        return cable

    def pull(self) -> None:
        """Nothing comes through any more, and nobody says so."""
        _ip("-n", self.name, "link", "set", self.there, "down")

    def join(self) -> None:
        """The cable is whole again."""
        _ip("-n", self.name, "link", "set", self.there, "up")

    def remove(self) -> None:
        """Takes the namespace away with everything in it."""
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            _ip("netns", "delete", self.name)
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            _ip("link", "delete", self.here)

    @property
    def prefix(self) -> list[str]:
        """What is put before a command to run it at the other end."""
        return ["ip", "netns", "exec", self.name]


class Road:
    """The broker, the last stretch before it, and the cable if there is one. `servers` is where clients knock."""

    def __init__(self, folder: Path, cable: Cable | None) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self.cable = cable
        self._prefix = cable.prefix if cable else []
        self._host = cable.host if cable else "127.0.0.1"
        self._port, self._inner = free_port(), free_port()
        self.servers = f"{self._host}:{self._port}"
        self._broker: subprocess.Popen[bytes] | None = None
        self._stretch: asyncio.subprocess.Process | None = None

    async def open(self) -> None:
        """Broker and road, both ready."""
        self._stretch = await asyncio.create_subprocess_exec(
            *self._prefix,
            *(sys.executable, "-m", "tests.crash.road_proxy", self._host, str(self._port), str(self._inner)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        await self._answer("open")
        await self.start_broker()

    async def start_broker(self) -> None:
        """Starts the broker on the data that it has."""
        self._broker = await asyncio.to_thread(self._start)
        await wait_until_ready(self.servers, READY_SECONDS)

    def _start(self) -> "subprocess.Popen[bytes]":
        data = self._folder / "kafka"
        line = command(data, self._inner, self._folder)
        settings = data / "server.properties"
        told = re.sub(
            r"(?m)^advertised\.listeners=.*$", f"advertised.listeners=PLAINTEXT://{self.servers}", settings.read_text()
        )
        settings.write_text(told)
        with (self._folder / "broker.out").open("ab") as out:
            return subprocess.Popen(
                [*self._prefix, *line], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    def kill_broker(self) -> None:
        """Ends it as kill -9 does."""
        if self._broker is not None:
            self._broker.kill()
            self._broker.wait()
            self._broker = None

    def freeze_broker(self) -> None:
        """It keeps its connections and says nothing."""
        assert self._broker is not None
        freeze(self._broker.pid)

    def thaw_broker(self) -> None:
        """It goes on."""
        assert self._broker is not None
        thaw(self._broker.pid)

    async def tell(self, *words: str) -> None:
        """A word to the last stretch, see `road_proxy`; returns when it is so."""
        assert self._stretch is not None
        assert self._stretch.stdin is not None
        self._stretch.stdin.write(" ".join(words).encode() + b"\n")
        await self._stretch.stdin.drain()
        await self._answer(" ".join(words))

    async def close(self) -> None:
        """Everything has ended afterwards."""
        self.kill_broker()
        if self._stretch is not None and self._stretch.returncode is None:
            self._stretch.kill()
            await self._stretch.wait()

    async def _answer(self, wanted: str) -> None:
        assert self._stretch is not None
        assert self._stretch.stdout is not None
        line = await asyncio.wait_for(self._stretch.stdout.readline(), _SETTLE_SECONDS)
        if line.decode().strip() != wanted:
            raise RuntimeError(f"the road answered {line!r} to {wanted}")


@asynccontextmanager
async def road_to_kafka(folder: Path) -> AsyncIterator[tuple[Road, str]]:
    """A road with a broker at its end, and why there is no cable to cut (empty when there is one)."""
    cable, reason = _lay()
    road = Road(folder, cable)
    try:
        await road.open()
        yield road, reason
    finally:
        await road.close()
        if cable is not None:
            cable.remove()


def _lay() -> tuple[Cable | None, str]:
    try:
        return Cable.lay(), ""
    except FileNotFoundError:
        return None, "there is no program `ip` here"
    except subprocess.CalledProcessError as error:
        return None, f"no network namespace may be made here: {error.stderr.strip()}"


def _ip(*words: str) -> None:
    arguments: Sequence[str] = ["ip", *words]
    subprocess.run(arguments, check=True, capture_output=True, text=True)
