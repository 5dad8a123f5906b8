"""The development issuer: one ES256 key pair per system, made at first start, and the tokens signed with it.

Services read its public keys from a file (AUTH_JWKS) and refuse it when ENVIRONMENT=production.
"""

import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from deploy.local.problems import LocalProblem
from libs.common.actors import USUAL_ROLES, Role, Tier, area_path, scope_of
from libs.common.settings import DEVELOPMENT_ISSUER

AUDIENCE = "hazardloop"
ALGORITHM = "ES256"
DEFAULT_HOURS = 12.0
_TIERS = [Tier.DISTRICT, Tier.STREET, Tier.COMMUNITY, Tier.ENTERPRISE]
_PERSON = re.compile(r"[A-Za-z0-9._:@-]{1,100}")


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a token says about its bearer: who, in which tier, over which area or enterprise, with which roles."""

    person: str
    tier: Tier
    area: str | None
    enterprise: UUID | None
    roles: tuple[Role, ...]
    hours: float = DEFAULT_HOURS


class Issuer:
    """Signs tokens with the key pair kept in a folder; the private key is readable by its owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def key_set(self) -> Path:
        """The file with the public keys (JWKS)."""
        return self._folder / "jwks.json"

    def ensure_keys(self) -> None:
        """Make the key pair unless it exists. Safe when several processes come at once."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.key_set.exists():
                self._make_keys()

    def sign(self, bearer: Bearer, now: float | None = None) -> str:
        """A bearer token, valid from now (seconds since 1970) for the bearer's hours."""
        self.ensure_keys()
        issued = int(time.time() if now is None else now)
        claims: dict[str, Any] = {
            "iss": DEVELOPMENT_ISSUER,
            "aud": AUDIENCE,
            "sub": bearer.person,
            "iat": issued,
            "exp": issued + int(bearer.hours * 3600),
            "tier": bearer.tier.value,
            "roles": [role.value for role in bearer.roles],
        }
        if bearer.area is not None:
            claims["area"] = bearer.area
        if bearer.enterprise is not None:
            claims["enterprise"] = str(bearer.enterprise)
        key_id = json.loads(self.key_set.read_text())["keys"][0]["kid"]
        private = self._private_key.read_bytes()
        return jwt.encode(claims, private.decode(), algorithm=ALGORITHM, headers={"kid": key_id})

    @property
    def _private_key(self) -> Path:
        return self._folder / "private.pem"

    def _make_keys(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._private_key.unlink(missing_ok=True)
        with os.fdopen(os.open(self._private_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(pem)
        public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        public |= {"kid": secrets.token_hex(8), "use": "sig", "alg": ALGORITHM}
        fresh = self.key_set.with_suffix(".new")
        fresh.write_text(json.dumps({"keys": [public]}, indent=2) + "\n")
        fresh.rename(self.key_set)  # its presence says that both halves are there


def bearer_from(words: Mapping[str, str]) -> Bearer:
    """The bearer that `make token` describes in TIER, AREA, ENTERPRISE, ROLES, PERSON and HOURS.

    Every call without PERSON is another person. Raises LocalProblem naming the word that is wrong.
    """
    tier = _tier(words.get("TIER", ""))
    area, enterprise = words.get("AREA") or None, _enterprise(words.get("ENTERPRISE", ""))
    if area is not None:
        _check_area(area)
    if tier is Tier.ENTERPRISE and enterprise is None:
        raise LocalProblem("TIER=enterprise needs ENTERPRISE=<id>, the id of one enterprise of the registry.", 2)
    if tier is not Tier.ENTERPRISE and enterprise is not None:
        raise LocalProblem(f"ENTERPRISE goes with TIER=enterprise only, not with TIER={tier}.", 2)
    if tier is not Tier.ENTERPRISE and area is None:
        raise LocalProblem(f"TIER={tier} needs AREA=<code>, a 12- or 15-digit code of areas.csv.", 2)
    try:
        scope_of(tier, area, enterprise)
    except ValueError:
        raise LocalProblem(f"AREA={area} is not a code of the level of TIER={tier}; see areas.csv.", 2) from None
    return Bearer(
        person=_person(words.get("PERSON", ""), tier),
        tier=tier,
        area=area,
        enterprise=enterprise,
        roles=_roles(words.get("ROLES", ""), tier),
        hours=_hours(words.get("HOURS", "")),
    )


def _tier(text: str) -> Tier:
    if text not in _TIERS:
        raise LocalProblem(f"TIER must be one of {', '.join(_TIERS)}.", 2)
    return Tier(text)


def _check_area(text: str) -> None:
    try:
        area_path(text)
    except ValueError:
        raise LocalProblem("AREA must be a code of 12 or 15 digits, as in areas.csv.", 2) from None


def _enterprise(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise LocalProblem("ENTERPRISE must be the id (a UUID) of an enterprise of the registry.", 2) from None


def _roles(text: str, tier: Tier) -> tuple[Role, ...]:
    if not text:
        return tuple(sorted(USUAL_ROLES[tier]))
    grantable: Sequence[str] = [role for role in Role if role is not Role.SYSTEM]
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in grantable]
    if unknown or not names:
        raise LocalProblem(f"ROLES may name {', '.join(grantable)}; not {', '.join(unknown) or 'nothing'}.", 2)
    return tuple(Role(name) for name in dict.fromkeys(names))


def _person(text: str, tier: Tier) -> str:
    if not text:
        return f"{tier}-{secrets.token_hex(6)}"
    if not _PERSON.fullmatch(text):
        raise LocalProblem("PERSON may have letters, digits and . _ : @ - (up to 100).", 2)
    return text


def _hours(text: str) -> float:
    try:
        hours = float(text) if text else DEFAULT_HOURS
    except ValueError:
        hours = 0.0
    if not 0 < hours <= 24 * 366:
        raise LocalProblem("HOURS must be a number above 0, at most a year.", 2)
    return hours
