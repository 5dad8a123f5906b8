"""Which addresses may be called: public ones, others only when the installation allows them, names by their address."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from libs.common.errors import InvalidInput
from services.notifications.channels.addresses import (
    AllowList,
    ForbiddenAddress,
    Resolve,
    check_address,
    checked_address,
)

OPEN = AllowList()
INTRANET = AllowList(networks=(ip_network("10.1.0.0/16"), ip_network("fd00::/8")))

PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.1.2.3",
    "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::",
]  # fmt: skip


def answering(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_may_not_be_called(address: str) -> None:
    assert not OPEN.admits_address(ip_address(address))


@pytest.mark.parametrize("address", ["223.5.5.5", "2400:3200::1"])
def test_a_public_address_may_be_called(address: str) -> None:
    assert OPEN.admits_address(ip_address(address))


@pytest.mark.parametrize("address", ["10.1.2.3", "fd00::1", "::ffff:10.1.2.3"])
def test_the_intranet_may_be_called_when_it_is_allowed(address: str) -> None:
    assert INTRANET.admits_address(ip_address(address))
    assert not INTRANET.admits_address(ip_address("10.2.0.1"))


def test_only_listed_hosts_may_be_called_if_there_is_a_list() -> None:
    allow = AllowList(hosts=frozenset({"phone.example.org", ".gov.example"}))
    assert allow.admits_host("Phone.Example.org.")
    assert allow.admits_host("street.gov.example")
    assert not allow.admits_host("evilgov.example")
    assert not allow.admits_host("example.org")


async def test_a_name_is_judged_by_the_address_that_is_connected_to() -> None:
    assert await checked_address("phone", 80, OPEN, answering("127.0.0.1", "223.5.5.5")) == "223.5.5.5"
    with pytest.raises(ForbiddenAddress):
        await checked_address("phone", 80, OPEN, answering("127.0.0.1"))
    with pytest.raises(ForbiddenAddress):
        await checked_address("phone", 80, AllowList(hosts=frozenset({"other"})), answering("223.5.5.5"))


async def test_an_address_needs_no_resolver() -> None:
    assert await checked_address("223.5.5.5", 80, OPEN, answering("127.0.0.1")) == "223.5.5.5"


@pytest.mark.parametrize(
    "address",
    [
        "ftp://phone.example.org/",
        "ftp://phone.example.org:80/",
        "phone.example.org",
        "https://",
        "https://user:password@phone.example.org/",
        "https://phone.example.org/#part",
        "http://[::1",
        "http://127.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://phone.example.org:99999/",
        "javascript:alert(1)",
        "http://\x00.example.org/",
    ],
)
def test_an_address_that_could_never_be_called_is_refused_when_it_is_entered(address: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_address(address, OPEN)
    assert refused.value.errors[0].pointer == "/address"


def test_a_good_address_is_accepted() -> None:
    check_address("https://phone.example.org:8443/值班?key=1", OPEN)
    check_address("http://10.1.2.3/", INTRANET)
