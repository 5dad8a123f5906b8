"""Which addresses may be called: decided for the address that is connected to, at the time of sending.

A name is resolved once and the connection goes to the very address that was checked, so that an answer of DNS that
changes in between changes nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

from libs.common.errors import FieldError, InvalidInput

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port → addresses as text; raises OSError when there are none."""

# Ranges that carry an IPv4 address inside: what they lead to cannot be judged by their own number.
_TUNNELS = (
    IPv6Network("64:ff9b::/96"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("2002::/16"),
    IPv6Network("2001::/32"),
)


_PORTS = {"http": 80, "https": 443}


class ForbiddenAddress(Exception):
    """The host, or every address it resolves to, is outside of what this installation may call."""


@dataclass(frozen=True, slots=True)
class AllowList:
    """Public addresses may be called, others only inside `networks`; if there are `hosts`, only those."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    def admits_host(self, host: str) -> bool:
        """Whether the name may be called at all. A listed name that begins with a dot stands for all below it."""
        name = host.lower().rstrip(".")
        return not self.hosts or any(
            name == listed or (listed.startswith(".") and name.endswith(listed)) for listed in self.hosts
        )

    def admits_address(self, address: Address) -> bool:
        """Whether a connection may go there."""
        if isinstance(address, IPv6Address):
            if address.ipv4_mapped is not None:
                return self.admits_address(address.ipv4_mapped)
            if any(address in tunnel for tunnel in _TUNNELS):
                return False
        listed = any(address.version == network.version and address in network for network in self.networks)
        return listed or (address.is_global and not address.is_multicast)


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart."""

    url: httpx.URL
    host: str
    port: int


def parse_target(address: str) -> Target:
    """The address taken apart. Raises ValueError for what is no http(s) address, or holds an account or a fragment."""
    try:
        url = httpx.URL(address)
        host = url.raw_host.decode("ascii")
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from error
    port = url.port or _PORTS.get(url.scheme, 0)
    if url.scheme not in _PORTS or not host or not 0 < port < 65536 or url.userinfo or url.fragment:
        raise ValueError("no address of a webhook")
    return Target(url, host, port)


def check_address(address: str, allow: AllowList) -> None:
    """Raises InvalidInput for what is no http(s) address, or one that could never be called from here."""
    try:
        target = parse_target(address)
    except ValueError as error:
        wrong = FieldError("/address", "wrong_format", "须为 http 或 https 网址，不含账号和片段")
        raise InvalidInput(errors=[wrong]) from error
    literal = literal_address(target.host)
    if not allow.admits_host(target.host) or (literal is not None and not allow.admits_address(literal)):
        raise InvalidInput(errors=[FieldError("/address", "forbidden_address", "本系统不允许访问该地址")])


async def checked_address(host: str, port: int, allow: AllowList, resolve: Resolve) -> str:
    """The address to connect to. Raises ForbiddenAddress, or OSError when the name does not resolve."""
    if not allow.admits_host(host):
        raise ForbiddenAddress
    literal = literal_address(host)
    found = [literal] if literal else [ip_address(text.partition("%")[0]) for text in await resolve(host, port)]
    for address in found:
        if allow.admits_address(address):
            return str(address)
    raise ForbiddenAddress


def literal_address(host: str) -> Address | None:
    """The address that the host is itself, or None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None
