"""What `make token` accepts, what it refuses, and that its tokens are what the services read."""

import json
import stat
from pathlib import Path
from uuid import UUID, uuid4

import jwt
import pytest

from deploy.local.issuer import AUDIENCE, Issuer, bearer_from
from deploy.local.problems import LocalProblem
from libs.common.actors import USUAL_ROLES, Role, Tier
from libs.common.auth import actor_of
from libs.common.settings import DEVELOPMENT_ISSUER

STREET = {"TIER": "street", "AREA": "410503001000"}


def claims_of(issuer: Issuer, words: dict[str, str], now: float | None = None) -> dict[str, object]:
    key = jwt.PyJWKSet.from_dict(json.loads(issuer.key_set.read_text())).keys[0]
    options = jwt.types.Options(verify_exp=now is None, verify_iat=now is None)
    token = issuer.sign(bearer_from(words), now)
    claims: dict[str, object] = jwt.decode(
        token, key, algorithms=["ES256"], audience=AUDIENCE, issuer=DEVELOPMENT_ISSUER, options=options
    )
    return claims


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    made = Issuer(tmp_path / "issuer")
    made.ensure_keys()
    return made


def test_a_token_names_person_tier_place_and_the_usual_roles(issuer: Issuer) -> None:
    actor = actor_of(claims_of(issuer, STREET))
    assert actor.tier is Tier.STREET
    assert actor.scope.area_path == "410503001"
    assert actor.roles == USUAL_ROLES[Tier.STREET]


def test_an_enterprise_token_is_bound_to_the_enterprise_with_or_without_its_area(issuer: Issuer) -> None:
    enterprise = uuid4()
    for area in ({}, {"AREA": "410503001001"}):
        actor = actor_of(claims_of(issuer, {"TIER": "enterprise", "ENTERPRISE": str(enterprise), **area}))
        assert actor.scope.enterprise_id == enterprise


def test_roles_person_and_hours_can_be_chosen(issuer: Issuer) -> None:
    words = {**STREET, "ROLES": "officer, leader", "PERSON": "li-lei", "HOURS": "2"}
    claims = claims_of(issuer, words, now=1_000_000)
    assert (claims["sub"], claims["roles"], claims["iat"], claims["exp"]) == (
        "li-lei",
        ["officer", "leader"],
        1_000_000,
        1_007_200,
    )


def test_each_call_is_another_person() -> None:
    assert bearer_from(STREET).person != bearer_from(STREET).person


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({}, "TIER"),
        ({"TIER": "system", "AREA": "410503001000"}, "TIER"),
        ({"TIER": "street"}, "AREA"),
        ({"TIER": "street", "AREA": "41050300100"}, "AREA"),
        ({"TIER": "street", "AREA": "４１０５０３００１０００"}, "AREA"),
        ({"TIER": "enterprise", "AREA": "410503001001"}, "ENTERPRISE"),
        ({"TIER": "enterprise", "ENTERPRISE": "17"}, "ENTERPRISE"),
        ({**STREET, "ENTERPRISE": str(UUID(int=1))}, "ENTERPRISE"),
        ({**STREET, "ROLES": "king"}, "ROLES"),
        ({**STREET, "ROLES": "system"}, "ROLES"),
        ({**STREET, "ROLES": ","}, "ROLES"),
        ({**STREET, "PERSON": "a b"}, "PERSON"),
        ({**STREET, "HOURS": "-1"}, "HOURS"),
        ({**STREET, "HOURS": "nan"}, "HOURS"),
        ({**STREET, "HOURS": "soon"}, "HOURS"),
    ],
)
def test_a_wrong_word_is_named(words: dict[str, str], named: str) -> None:
    with pytest.raises(LocalProblem, match=named) as raised:
        bearer_from(words)
    assert raised.value.exit_code == 2


def test_keys_are_made_once_and_the_private_one_is_private(issuer: Issuer) -> None:
    before = issuer.key_set.read_text()
    issuer.ensure_keys()
    assert issuer.key_set.read_text() == before
    assert '"d"' not in before
    private = next(issuer.key_set.parent.glob("*.pem"))
    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_a_token_of_another_system_is_refused(issuer: Issuer, tmp_path: Path) -> None:
    token = Issuer(tmp_path / "other").sign(bearer_from({**STREET, "ROLES": Role.OFFICER}))
    key = jwt.PyJWKSet.from_dict(json.loads(issuer.key_set.read_text())).keys[0]
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, key, algorithms=["ES256"], audience=AUDIENCE)
