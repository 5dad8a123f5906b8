"""Runs one process of a service: its HTTP side and its background loops, started together, ended within ten seconds."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI

from libs.common.metrics import LOOP_FAILURES
from libs.common.stopping import rest

log = logging.getLogger(__name__)

_GRACE_REQUESTS = 4
_GRACE = 5.5
_LAST_RESORT = 7.5  # a busy machine may need the rest of the ten seconds to come to it

# a client that is gone without a word, such as a phone that lost its network, is found out within a minute
_KEEPALIVE = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 30),  # seconds of silence before the first question
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 10),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 60_000),  # milliseconds for an answer to be taken
)


@dataclass(frozen=True, slots=True)
class Loop:
    """A background activity that runs until `stop` is set; when it fails it is started again."""

    name: str
    run: Callable[[asyncio.Event], Awaitable[None]]


class _Server(uvicorn.Server):
    """Leaves the signals to us: the loops must hear them too. Finds out which clients are gone."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Options of a listening socket are those of every connection that it accepts."""
        await super().startup(sockets)
        for listening in (each for server in getattr(self, "servers", ()) for each in server.sockets):
            with socket.socket(fileno=os.dup(listening.fileno())) as same:
                for level, name, value in _KEEPALIVE:
                    if hasattr(socket, name):  # not every system has all of them
                        same.setsockopt(level, getattr(socket, name), value)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def replica() -> str:
    """What this process is called among the replicas of its service."""
    return f"{socket.gethostname()}-{os.getpid()}"


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs what a process is for, on uvloop where there is one: it costs an eighth less processor time a request."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not made for every system
        return None
    return uvloop.new_event_loop


def _settle_memory() -> None:
    """What is loaded by now stays: the collector need not walk through it again and again, holding up every request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def serve(app: FastAPI | None, loops: Sequence[Loop], *, host: str, port: int) -> None:
    """Serves and loops until SIGTERM or SIGINT; then requests in flight are answered and loops finish their step.

    What still hangs after eight and a half seconds (a broker that never answers) is abandoned: every effect is a
    transaction, so nothing is half-done.
    """
    _settle_memory()
    stop = asyncio.Event()
    running = asyncio.get_running_loop()

    def ask_to_stop(*_: object) -> None:
        _die_at_last()
        running.call_soon_threadsafe(stop.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)  # not the event loop's handler: a loop that is blocked would never run it
    tasks = [asyncio.create_task(_kept_running(loop, stop), name=loop.name) for loop in loops]
    server = _server(app, host, port)
    serving = asyncio.create_task(server.serve()) if server else None
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, *([serving] if serving else [])}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    until = running.time() + _GRACE
    if server is not None and serving is not None:
        server.should_exit = True
        await serving
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=max(0.1, until - running.time()))
        for task in late:
            log.warning("loop %s did not end in time and is abandoned", task.get_name())
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=0.5)
    stopping.cancel()
    if server is not None and not server.started:
        raise SystemExit(1)


def _server(app: FastAPI | None, host: str, port: int) -> _Server | None:
    if app is None:
        return None
    return _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            proxy_headers=False,  # nothing here asks where a request came from
            server_header=False,
            timeout_graceful_shutdown=_GRACE_REQUESTS,
            timeout_keep_alive=30,
            backlog=2048,
        )
    )


def _die_at_last() -> None:
    last = threading.Timer(_LAST_RESORT, os._exit, args=(0,))
    last.daemon = True
    last.start()


async def _kept_running(loop: Loop, stop: asyncio.Event) -> None:
    pause = 0.5
    while not stop.is_set():
        try:
            await loop.run(stop)
            return
        except Exception:
            LOOP_FAILURES.labels(loop.name).inc()
            log.exception("loop %s failed and starts again in %.1f s", loop.name, pause)
        await rest(stop, pause)
        pause = min(pause * 2, 10.0)
