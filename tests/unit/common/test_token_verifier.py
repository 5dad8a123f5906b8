"""Bearer tokens: one pinned algorithm, the issuer's keys, and nothing that a forger could choose."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import ValidationError

from libs.common.actors import USUAL_ROLES, Actor, Role, Scope, Tier
from libs.common.auth import TokenVerifier
from libs.common.errors import Busy, Unauthenticated
from libs.common.settings import DEVELOPMENT_ISSUER, ServiceSettings
from tests.support.clock import FakeClock

ISSUER = "https://issuer.example"


class Authority:
    """An issuer of the test with keys of its own, written to a key set file."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.file = folder / "jwks.json"
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.add("k1")

    def add(self, kid: str) -> None:
        self.keys[kid] = ec.generate_private_key(ec.SECP256R1())
        self.publish(*self.keys)

    def publish(self, *kids: str) -> None:
        self.file.write_text(json.dumps({"keys": [self.jwk(kid) for kid in kids]}))

    def jwk(self, kid: str) -> dict[str, Any]:
        return {**ECAlgorithm.to_jwk(self.keys[kid].public_key(), as_dict=True), "kid": kid, "use": "sig"}

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        good = {
            "iss": ISSUER,
            "aud": "hazardloop",
            "sub": "u-1",
            "iat": now,
            "exp": now + 3600,
            "tier": "street",
            "area": "410503001000",
            "name": "王 警官",
        }
        return {k: v for k, v in {**good, **changes}.items() if v is not ...}

    def token(self, kid: str = "k1", headers: dict[str, Any] | None = None, **changes: Any) -> str:
        headers = {"kid": kid, **(headers or {})}
        return jwt.encode(self.claims(**changes), self.keys[kid], algorithm="ES256", headers=headers)

    def settings(self, **changes: Any) -> ServiceSettings:
        return ServiceSettings(**{"auth_issuer": ISSUER, "auth_jwks": str(self.file), **changes})

    def verifier(self, **changes: Any) -> TokenVerifier:
        return TokenVerifier(self.settings(**changes), self.clock)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def refused(authority: Authority, token: str, **settings: Any) -> bool:
    """Whether it is refused, while a good token is still accepted by the same verifier afterwards."""
    verifier = authority.verifier(**settings)
    try:
        await verifier.verify(token)
    except Unauthenticated:
        await verifier.verify(authority.token())
        return True
    return False


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def test_a_good_token_says_who_calls(authority: Authority) -> None:
    actor = await authority.verifier().verify(authority.token())
    assert actor == Actor("u-1", Tier.STREET, USUAL_ROLES[Tier.STREET], Scope("410503001"), "王 警官")


async def test_an_enterprise_is_bound_to_itself(authority: Authority) -> None:
    id = uuid4()
    token = authority.token(tier="enterprise", enterprise=str(id), area=..., roles=["safety_officer"])
    actor = await authority.verifier().verify(token)
    assert actor.scope == Scope("", id)
    assert actor.roles == {Role.SAFETY_OFFICER}


@pytest.mark.parametrize(
    ("names", "granted"),
    [
        (["offline_access", "officer", "uma_authorization", "default-roles-district"], {Role.OFFICER}),
        (["emperor", "Officer", " officer", ""], set()),
        ([], set()),
    ],
)
async def test_roles_of_other_systems_grant_nothing(authority: Authority, names: list[str], granted: set[Role]) -> None:
    assert (await authority.verifier().verify(authority.token(roles=names))).roles == granted


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://someone.else"},
        {"iss": ...},
        {"aud": "another-system"},
        {"aud": ...},
        {"exp": ...},
        {"iat": ...},
        {"sub": ...},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 201},
        {"tier": ...},
        {"tier": "emperor"},
        {"area": ...},
        {"area": "4105"},
        {"area": 410503001000},
        {"area": None},
        {"roles": ["system"]},
        {"roles": "officer"},
        {"roles": [["officer"]]},
        {"roles": {"officer": True}},
        {"roles": ["officer", None]},
        {"tier": "enterprise"},
        {"tier": "enterprise", "enterprise": "not-a-uuid"},
        {"tier": "enterprise", "enterprise": 5},
        {"exp": "tomorrow"},
        {"exp": True},
        {"exp": None},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"nbf": "tomorrow"},
    ],
)
async def test_claims_at_fault_are_refused(authority: Authority, changes: dict[str, Any]) -> None:
    payload = authority.claims(**changes)
    signing = f"{segment({'alg': 'ES256', 'typ': 'JWT', 'kid': 'k1'})}.{segment(payload)}"
    algorithm = ECAlgorithm(ECAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(algorithm.sign(signing.encode(), authority.keys["k1"])).decode().rstrip("=")
    assert await refused(authority, f"{signing}.{signature}")


async def test_time_is_checked_by_our_clock(authority: Authority) -> None:
    verifier = authority.verifier()
    now = authority.clock.now().timestamp()
    assert await refused(authority, authority.token(exp=now - 6))
    assert await refused(authority, authority.token(nbf=now + 6))
    assert not await refused(authority, authority.token(exp=now - 4))  # clocks differ a little
    assert not await refused(authority, authority.token(nbf=now + 4))
    token = authority.token()
    await verifier.verify(token)
    authority.clock.advance(minutes=59)
    await verifier.verify(token)
    authority.clock.advance(minutes=2)
    for _ in range(2):  # a token that is remembered expires as well, and stays so
        with pytest.raises(Unauthenticated):
            await verifier.verify(token)


async def test_no_algorithm_is_no_signature(authority: Authority) -> None:
    for name in ("none", "None", "NONE"):
        unsigned = f"{segment({'alg': name, 'kid': 'k1'})}.{segment(authority.claims())}."
        assert await refused(authority, unsigned)


async def test_the_public_key_is_no_shared_secret(authority: Authority) -> None:
    public = authority.keys["k1"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, json.dumps(authority.jwk("k1")).encode(), b""):
        signing = f"{segment({'alg': 'HS256', 'kid': 'k1'})}.{segment(authority.claims())}"
        digest = hmac.new(secret, signing.encode(), hashlib.sha256).digest()
        forged = f"{signing}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
        assert await refused(authority, forged)


async def test_another_algorithm_is_refused_even_with_a_key_of_the_issuer(authority: Authority, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    jwk = {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "rsa"}
    authority.file.write_text(json.dumps({"keys": [authority.jwk("k1"), jwk]}))
    token = jwt.encode(authority.claims(), key, algorithm="RS256", headers={"kid": "rsa"})
    assert await refused(authority, token)
    assert not await _refused_by(authority.verifier(auth_algorithm="RS256"), token)


async def _refused_by(verifier: TokenVerifier, token: str) -> bool:
    try:
        await verifier.verify(token)
    except Unauthenticated:
        return True
    return False


async def test_a_stranger_with_a_key_of_his_own_is_refused(authority: Authority) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    claims = authority.claims()
    own = {**ECAlgorithm.to_jwk(stranger.public_key(), as_dict=True), "kid": "k1"}
    for headers in ({"kid": "k1"}, {"kid": "k9"}, {}, {"kid": "k1", "jwk": own}, {"kid": "k1", "jku": "file:///x"}):
        assert await refused(authority, jwt.encode(claims, stranger, algorithm="ES256", headers=headers))


async def test_a_changed_claim_breaks_the_signature(authority: Authority) -> None:
    head, _, signature = authority.token().split(".")
    assert await refused(authority, f"{head}.{segment(authority.claims(tier='district'))}.{signature}")


@pytest.mark.parametrize("noise", ["", ".", "..", "a.b.c", "x" * 10_000, "ey.ey.ey", "\ud800", "中.文.字", "[" * 5000])
async def test_noise_is_refused(authority: Authority, noise: str) -> None:
    assert await refused(authority, noise)


async def test_keys_rotate(authority: Authority) -> None:
    verifier = authority.verifier()
    await verifier.verify(authority.token())
    authority.clock.advance(seconds=31)
    authority.add("k2")
    assert (await verifier.verify(authority.token("k2"))).id == "u-1"
    assert (await verifier.verify(authority.token("k1"))).id == "u-1"


async def test_unknown_keys_do_not_make_us_read_at_every_request(authority: Authority) -> None:
    verifier = authority.verifier()
    await verifier.verify(authority.token())
    authority.add("k2")
    assert await _refused_by(verifier, authority.token("k2"))
    authority.clock.advance(seconds=29)
    assert await _refused_by(verifier, authority.token("k2"))
    authority.clock.advance(seconds=2)
    assert not await _refused_by(verifier, authority.token("k2"))


async def test_a_withdrawn_key_is_trusted_for_minutes_not_for_ever(authority: Authority) -> None:
    verifier = authority.verifier()
    authority.add("k2")
    remembered, fresh = authority.token("k1"), authority.token("k1", sub="u-2")
    await verifier.verify(remembered)
    authority.publish("k2")
    authority.clock.advance(minutes=5)
    assert await _refused_by(verifier, remembered)
    assert await _refused_by(verifier, fresh)
    assert not await _refused_by(verifier, authority.token("k2"))


async def test_keys_that_cannot_be_read_now_stay(authority: Authority) -> None:
    verifier = authority.verifier()
    token = authority.token()
    await verifier.verify(token)
    for damage in ("", "{", "[]", "{}", '{"keys": 7}', '{"keys": [{"kty": "EC"}]}'):
        authority.file.write_text(damage)
        authority.clock.advance(minutes=6)
        assert not await _refused_by(verifier, token)


async def test_without_any_key_callers_are_asked_to_come_again(authority: Authority) -> None:
    token = authority.token()
    authority.file.rename(authority.file.with_suffix(".away"))
    verifier = authority.verifier()
    with pytest.raises(Busy):
        await verifier.verify(token)
    authority.file.with_suffix(".away").rename(authority.file)
    authority.clock.advance(seconds=2)
    assert (await verifier.verify(token)).id == "u-1"


@pytest.fixture
def key_server(authority: Authority) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            content = authority.file.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/jwks", asked
    server.shutdown()
    server.server_close()


async def test_keys_come_from_an_address_as_well(authority: Authority, key_server: tuple[str, list[str]]) -> None:
    address, asked = key_server
    verifier = authority.verifier(auth_jwks=address)
    for sub in ("a", "b", "c"):
        assert (await verifier.verify(authority.token(sub=sub))).id == sub
    assert asked == ["/jwks"]


def test_the_development_issuer_is_refused_in_production(authority: Authority) -> None:
    with pytest.raises(ValidationError, match="development issuer is refused"):
        ServiceSettings(environment="production", auth_issuer=DEVELOPMENT_ISSUER)
    with pytest.raises(ValidationError, match="development issuer is refused"):
        ServiceSettings(environment="production")
    assert ServiceSettings(environment="production", auth_issuer=ISSUER).auth_issuer == ISSUER


def test_a_shared_secret_is_no_choice() -> None:
    for name in ("HS256", "none", ""):
        with pytest.raises(ValidationError):
            ServiceSettings.model_validate({"auth_algorithm": name})


async def test_enterprise_ids_are_uuids(authority: Authority) -> None:
    id = UUID(int=5)
    actor = await authority.verifier().verify(authority.token(tier="enterprise", enterprise=str(id)))
    assert actor.scope.covers("anywhere", id)
    assert not actor.scope.covers("410503001", UUID(int=6))
