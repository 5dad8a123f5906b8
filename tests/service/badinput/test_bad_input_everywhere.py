"""Every operation that changes something, asked badly in every way: a problem with field and code, and nothing written.

The operations and their fields are read from the frozen documents, so a new one is tried without a line added here.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jwt
import pytest

from deploy.local.issuer import Issuer
from libs.common.actors import Role, Tier
from tests.contracts.documents import FROZEN, SERVICES
from tests.contracts.openapi_rules import Operation, body_of, operations
from tests.support.faulty import INVALID, Fault, faults_of, unreadable
from tests.support.live import PEOPLES_ROLES, Live, bearer
from tests.support.refusals import Expected, row_counts, wrong_with
from tests.support.residents import Residents

Open = Callable[[str], tuple[Live, Residents]]

DOCUMENTS = {service: json.loads((FROZEN / "openapi" / f"{service}.json").read_text()) for service in SERVICES}
CHANGING = [
    pytest.param(service, operation, id=f"{service}-{operation.told['operationId']}")
    for service in SERVICES
    for operation in operations(DOCUMENTS[service])
    if operation.method in {"post", "patch", "put", "delete"}
]
WITH_BODY = [p for p in CHANGING if body_of(p.values[1], DOCUMENTS[p.values[0]]) is not None]  # type: ignore[arg-type, index]


# A fault inside one item is refused inside a 200: that item's own problem.
ANSWERED_ITEM_BY_ITEM = {"/v1/hazards/batch"}


class Asker:
    """Sends one operation of a live service, with one thing wrong at a time."""

    def __init__(self, live: Live, residents: Residents, operation: Operation) -> None:
        self.live, self.residents, self.operation = live, residents, operation
        self.token = live.token(roles=PEOPLES_ROLES)
        self.client = httpx.Client(base_url=live.address, timeout=30)
        found = body_of(operation, residents.document)
        self.schema: dict[str, Any] = found[0] if found else {}
        self.example: Any = residents.named(found[1]) if found else None

    def send(
        self,
        body: bytes | Iterator[bytes] | None = None,
        *,
        path: str | None = None,
        token: str | None = "",
        **headers: str,
    ) -> httpx.Response:
        """The request, sound but for what is given."""
        told = {"Content-Type": "application/json", "If-Match": '"1"'}
        if token is not None:
            told["Authorization"] = f"Bearer {token or self.token}"
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(
            self.operation.method.upper(),
            path or self.residents.address(self.operation),
            content=self.sound() if body is None else body,
            headers={name: value for name, value in told.items() if value != "<none>"},
        )

    def sound(self) -> bytes:
        return b"" if self.example is None else json.dumps(self.example).encode()


@pytest.fixture
def ask(request: pytest.FixtureRequest, live: Open) -> Iterator[Asker]:
    """An asker of the operation under test; afterwards every table holds as many rows as before."""
    service, operation = request.getfixturevalue("service"), request.getfixturevalue("operation")
    started, residents = live(service)
    asker = Asker(started, residents, operation)
    before = row_counts(started.database_url)
    yield asker
    asker.client.close()
    assert row_counts(started.database_url) == before


def collect(ask: Asker, faults: Iterator[Fault]) -> list[str]:
    """Every complaint about the answers to these bodies."""
    return [
        f"{fault.what}: {complaint}"
        for fault in faults
        for complaint in wrong_with(ask.send(fault.body), Expected(fault.statuses, fault.code, fault.pointer))
    ]


@pytest.mark.parametrize(("service", "operation"), WITH_BODY)
def test_unreadable_bodies(service: str, operation: Operation, ask: Asker) -> None:
    assert collect(ask, unreadable()) == []


@pytest.mark.parametrize(("service", "operation"), WITH_BODY)
def test_bodies_with_one_fault(service: str, operation: Operation, ask: Asker) -> None:
    components: dict[str, Any] = ask.residents.document["components"]["schemas"]
    alone = [
        f
        for f in faults_of(ask.example, ask.schema, components)
        if operation.path not in ANSWERED_ITEM_BY_ITEM or ":" not in f.what
    ]
    assert collect(ask, iter(alone)) == []


@pytest.mark.parametrize(("service", "operation"), WITH_BODY)
def test_bodies_that_are_missing_or_too_large(service: str, operation: Operation, ask: Asker) -> None:
    large = b'{"reason": "' + b"x" * 10_000_000 + b'"}'
    assert wrong_with(ask.send(large), Expected(frozenset({413}), "body_too_large")) == []
    assert wrong_with(ask.send(_in_pieces(large)), Expected(frozenset({413}), "body_too_large")) == []
    if operation.told["requestBody"].get("required"):
        assert wrong_with(ask.send(b""), Expected(INVALID, "required")) == []
    assert wrong_with(ask.send(Content_Type="text/plain"), Expected(frozenset({415, 422}))) == []


def _in_pieces(body: bytes) -> Iterator[bytes]:
    """Sent without a length, so that only counting can tell."""
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


@pytest.mark.parametrize(("service", "operation"), CHANGING)
def test_nobody_in_particular(service: str, operation: Operation, ask: Asker, tmp_path: Any) -> None:
    unknown = Expected(frozenset({401}), "unauthenticated")
    for what, token in forged(ask.live, Issuer(tmp_path / "foreign")).items():
        response = ask.send(token=token)
        assert wrong_with(response, unknown) == [], what
        assert response.headers["www-authenticate"].startswith("Bearer"), what
    assert wrong_with(ask.send(token=None), unknown) == []
    assert wrong_with(ask.send(Authorization="Basic dXNlcjpwYXNz"), unknown) == []
    assert wrong_with(ask.send(Authorization="Bearer"), unknown) == []


def forged(live: Live, foreign: Issuer) -> dict[str, str]:
    """Tokens that must not be believed, each for its own reason."""
    foreign.ensure_keys()
    who = bearer(Tier.DISTRICT, tuple(Role))
    sound = live.issuer.sign(who)
    claims: dict[str, Any] = jwt.decode(sound, options={"verify_signature": False})
    key_id = str(jwt.get_unverified_header(sound)["kid"])
    private = (live.issuer.key_set.parent / "private.pem").read_text()
    stranger = (foreign.key_set.parent / "private.pem").read_text()

    def signed(key: str = private, **changes: Any) -> str:
        changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(changed, key, algorithm="ES256", headers={"kid": key_id})

    head, body, signature = sound.split(".")
    return {
        "expired": live.issuer.sign(who, now=time.time() - 48 * 3600),
        "another issuer's key": foreign.sign(who),
        "another key under a known id": signed(stranger),
        "signed with the public key as a secret": _hs256(live.issuer.key_set.read_text(), key_id, claims),
        "not signed": jwt.encode(claims, "", algorithm="none", headers={"kid": key_id}),
        "a changed signature": f"{head}.{body}.{signature[:-4]}AAAA",
        "another issuer": signed(iss="https://elsewhere.example"),
        "another audience": signed(aud="elsewhere"),
        "without expiry": signed(exp=None),
        "without subject": signed(sub=None),
        "a tier of its own": signed(tier="emperor"),
        "an area that is none": signed(area="everywhere"),
        "roles that are none": signed(roles="officer"),
        "no token at all": "banana",
        "dots": "..",
        "a long one": "a" * 20_000,
    }


def _hs256(secret: str, key_id: str, claims: dict[str, Any]) -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    said = f"{part(json.dumps({'alg': 'HS256', 'kid': key_id}).encode())}.{part(json.dumps(claims).encode())}"
    return f"{said}.{part(hmac.new(secret.encode(), said.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize(("service", "operation"), [p for p in CHANGING if "{" in p.values[1].path])  # type: ignore[union-attr]
def test_ids_that_lead_nowhere(service: str, operation: Operation, ask: Asker) -> None:
    assert wrong_with(ask.send(path=ask.residents.nowhere(operation)), Expected(frozenset({404}))) == []
    for malformed in ("abc", "0", "%F0%9F%94%A5", "a" * 5_000):
        response = ask.send(path=ask.residents.address(operation, malformed))
        assert wrong_with(response, Expected(frozenset({404, 422}))) == [], malformed
    control = ask.send(path=ask.residents.address(operation, "%00"))
    assert wrong_with(control, Expected(frozenset({400}), "malformed_request")) == []


@pytest.mark.parametrize(("service", "operation"), CHANGING)
def test_headers_that_cannot_be_read(service: str, operation: Operation, ask: Asker) -> None:
    if operation.has_parameter("header", "If-Match"):
        stale = {"412"} & operation.statuses
        assert stale, "412 is documented"
        for value in ("7", 'W/"123456"', '"0"', '"-1"', '"1", "2"', '"9999999999999999999999"', '"a"', '""'):
            assert wrong_with(ask.send(If_Match=value), Expected(frozenset({400, 412}))) == [], value
        assert wrong_with(ask.send(If_Match='"123456"'), Expected(frozenset({412, 409}), None)) == []
        if "428" in operation.statuses:
            for value in ("<none>", "*"):
                assert wrong_with(ask.send(If_Match=value), Expected(frozenset({428}), "precondition_required")) == []
    if operation.has_parameter("header", "Idempotency-Key"):
        for value in ("", "with space", "k" * 201):
            response = ask.send(Idempotency_Key=value)
            assert wrong_with(response, Expected(frozenset({400, 422}))) == [], repr(value)
