"""A name server of one's own, where names do not resolve at first: they are unknown, or nobody answers at all.

Programs are made to ask it by a mount namespace of their own, in which /etc/resolv.conf is another file.
"""

import asyncio
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import cast

DOMAIN = "phones.hazardloop.invalid"
UNKNOWN, MUTE = "unknown", "mute"
_NAME_ERROR, _FOUND = 0x8183, 0x8180
_PORT = 53
_RESOLV_CONF = Path("/etc/resolv.conf")
_SWITCH = Path("/etc/nsswitch.conf")  # may send the question elsewhere, to a resolver that knows other servers
_TRIAL_ADDRESS = "127.77.0.1"


class Sickness:
    """Lasts so many seconds from when somebody first asks whether it does."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def lasts(self) -> bool:
        """Whether it is not over yet."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
        return now < self._since + self._seconds


class Names(asyncio.DatagramProtocol):
    """Answers 127.0.0.1 to every name, once it has come to its senses."""

    def __init__(self, sickness: Sickness) -> None:
        self._sickness = sickness
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def serve(cls, address: str, seconds: float) -> None:
        """Listens on the port that resolvers ask; some names fail for so many seconds."""
        loop = asyncio.get_running_loop()
        sickness = Sickness(seconds)
        await loop.create_datagram_endpoint(lambda: cls(sickness), local_addr=(address, _PORT))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question_end = data.index(b"\0", 12) + 5
        name = question = data[12:question_end]
        kind = struct.unpack("!H", question[-4:-2])[0]
        failing = (MUTE.encode() in name or UNKNOWN.encode() in name) and self._sickness.lasts()
        if failing and MUTE.encode() in name:
            return
        flags = _NAME_ERROR if failing else _FOUND
        found = not failing and kind == 1
        answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + bytes([127, 0, 0, 1]) if found else b""
        head = data[:2] + struct.pack("!HHHHH", flags, 1, int(found), 0, 0)
        assert self._transport is not None
        self._transport.sendto(head + question + answer, addr)


def missing() -> str:
    """Why programs cannot be made to ask another name server here; empty when they can."""
    if os.geteuid() != 0:
        return "only root may answer on the port of name servers and give a program another /etc/resolv.conf"
    if shutil.which("unshare") is None or not _RESOLV_CONF.exists():
        return "there is no program `unshare` or no /etc/resolv.conf here"
    with tempfile.TemporaryDirectory(prefix="hazardloop-names-") as folder:  # root in a container may not be let
        tried = subprocess.run(
            asking(_TRIAL_ADDRESS, Path(folder), ["true"]), capture_output=True, text=True, check=False
        )
    if tried.returncode:
        return f"no mount namespace may be made here: {tried.stderr.strip()}"
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
            listening.bind((_TRIAL_ADDRESS, _PORT))
    except OSError as error:
        return f"nobody may answer on the port of name servers here: {error}"
    return ""


def asking(address: str, folder: Path, command: list[str]) -> list[str]:
    """The command, made to ask the name server at that address. An answer is waited for as long as is usual."""
    mounts = []
    for path, text in {_RESOLV_CONF: f"nameserver {address}\n", _SWITCH: "hosts: files dns\n"}.items():
        if path.exists():
            (folder / path.name).write_text(text)
            mounts.append(f'mount --bind "{folder / path.name}" {path}')
    line = " && ".join([*mounts, 'exec "$@"'])
    return ["unshare", "--mount", "sh", "-c", line, "sh", *command]
