"""Files sent badly: refused with a problem before any job is made."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from libs.common.actors import Tier
from tests.support.live import PEOPLES_ROLES, Live
from tests.support.refusals import Expected, row_counts, wrong_with
from tests.support.residents import Residents

Open = Callable[[str], tuple[Live, Residents]]

PATHS = ("/v1/imports/enterprises", "/v1/imports/areas")
LARGE = 34 * 1024 * 1024
BOUNDARY = "----b"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def part(disposition: bytes) -> dict[str, Any]:
    """A form of one part, told byte by byte."""
    told = b"--%s\r\nContent-Disposition: %s\r\n\r\nx\r\n--%s--\r\n"
    return {
        "content": told % (BOUNDARY.encode(), disposition, BOUNDARY.encode()),
        "headers": {"Content-Type": FORM},
    }


# what → (arguments of the request, statuses that will do)
BAD: dict[str, tuple[dict[str, Any], frozenset[int]]] = {
    "nothing": ({}, frozenset({422})),
    "JSON": ({"json": {"file": "x"}}, frozenset({415, 422})),
    "a text instead of a file": ({"data": {"file": "code,name"}}, frozenset({422})),
    "another field": ({"files": {"ledger": ("a.csv", b"x")}}, frozenset({422})),
    "a name with a bell": (part(b'form-data; name="file"; filename="a\x07.csv"'), frozenset({400, 422})),
    "a name with NUL": (part(b'form-data; name="file"; filename="a\x00.csv"'), frozenset({400, 422})),
    "two files": ({"files": [("file", ("a.csv", b"x")), ("file", ("b.csv", b"x"))]}, frozenset({422})),
    "another field beside it": ({"files": {"file": ("a.csv", b"x")}, "data": {"kind": "x"}}, frozenset({422})),
    "a name without end": ({"files": {"file": ("a" * 5000 + ".csv", b"x")}}, frozenset({400, 413, 422})),
    "no boundary": ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, frozenset({400, 422})),
    "no parts": ({"content": b"garbage", "headers": {"Content-Type": FORM}}, frozenset({400, 422})),
    "half a part": (
        {
            "content": f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"'.encode(),
            "headers": {"Content-Type": FORM},
        },
        frozenset({400, 422}),
    ),
    "too large": ({"files": {"file": ("a.csv", b"x" * LARGE)}}, frozenset({413})),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("what", BAD)
def test_a_bad_upload_makes_no_job(live: Open, path: str, what: str) -> None:
    service, _ = live("registry")
    arguments, statuses = BAD[what]
    headers = {"Authorization": f"Bearer {service.token(roles=PEOPLES_ROLES)}", **arguments.get("headers", {})}
    before = row_counts(service.database_url)
    response = httpx.post(service.address + path, timeout=60, **{**arguments, "headers": headers})
    assert wrong_with(response, Expected(statuses)) == []
    assert row_counts(service.database_url) == before


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("tier", "status"), [(Tier.COMMUNITY, 403), (Tier.ENTERPRISE, 403), (None, 401)])
def test_nobody_else_may_upload(live: Open, path: str, tier: Tier | None, status: int) -> None:
    service, _ = live("registry")
    headers = {"Authorization": f"Bearer {service.token(tier)}"} if tier else {}
    before = row_counts(service.database_url)
    response = httpx.post(
        service.address + path, headers=headers, files={"file": ("a.csv", b"code,name,level,parent\n")}
    )
    assert wrong_with(response, Expected(frozenset({status}))) == []
    assert row_counts(service.database_url) == before
