"""Names become addresses by the resolver of this machine; a name server that keeps silent holds up nobody else.

The resolver blocks, for ten seconds and more when nobody answers, and cannot be called off. Event loops do it on a few
threads: some names without an answer would keep all others waiting. Here each lookup has a thread of its own.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Sequence

_MOST = 128  # lookups under way at the same time

Lookup = Callable[[str, int], Sequence[str]]
"""Blocks; host and port → addresses as text; raises OSError when there are none."""


def look_up(host: str, port: int) -> Sequence[str]:
    """What the resolver of this machine says."""
    return [str(address[0]) for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Resolver:
    """One lookup a name at a time: who asks meanwhile waits for the same answer, who gives up leaves it under way."""

    def __init__(self, lookup: Lookup = look_up) -> None:
        self._lookup = lookup
        self._under_way: dict[tuple[str, int], asyncio.Future[Sequence[str]]] = {}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses. Raises OSError when there are none, socket.gaierror when too many names keep silent."""
        asked = self._under_way.get((host, port))
        if asked is None:
            if len(self._under_way) >= _MOST:
                raise socket.gaierror(socket.EAI_AGAIN, "too many names are being looked up")
            asked = self._ask(host, port)
        return await asyncio.shield(asked)

    def _ask(self, host: str, port: int) -> asyncio.Future[Sequence[str]]:
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[Sequence[str]] = loop.create_future()
        self._under_way[host, port] = asked

        def end(found: Sequence[str] | OSError) -> None:
            del self._under_way[host, port]
            if isinstance(found, OSError):
                asked.set_exception(found)
                asked.exception()  # whoever asked may have given up; then nobody looks
            else:
                asked.set_result(found)

        def work() -> None:
            try:
                found: Sequence[str] | OSError = self._lookup(host, port)
            except OSError as error:
                found = error
            except (UnicodeError, ValueError):  # a name that cannot be one, such as `a..b`
                found = socket.gaierror(socket.EAI_NONAME, "no name")
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(end, found)

        try:
            threading.Thread(target=work, name="lookup", daemon=True).start()  # no end of a process waits for it
        except RuntimeError:  # the system gives no more threads: it is asked again with the next attempt
            end(socket.gaierror(socket.EAI_AGAIN, "no thread for another name"))
        return asked
