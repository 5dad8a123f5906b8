"""Bearer tokens: verified against the issuer's keys with one pinned algorithm, and turned into an actor."""

import asyncio
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jwt
from jwt import PyJWK, PyJWKSet

from libs.common.actors import USUAL_ROLES, Actor, Role, Tier, scope_of
from libs.common.clock import Clock
from libs.common.errors import Busy, Unauthenticated
from libs.common.settings import ServiceSettings

_FRESH = timedelta(minutes=5)  # a key that the issuer has withdrawn is trusted no longer than this
_AGAIN = timedelta(seconds=30)  # after an unknown key was asked for in vain
_RETRY = timedelta(seconds=2)  # while there is no key at all
_LEEWAY = 5.0  # seconds that the issuer's clock may differ from ours
_REMEMBERED = 10_000
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class TokenVerifier:
    """Verifies tokens of one issuer. Keys are read again every five minutes, and when a token names an unknown one."""

    def __init__(self, settings: ServiceSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._document: Any = None
        self._keys: dict[str, PyJWK] = {}
        self._stale_at = _LONG_AGO
        self._again_at = _LONG_AGO
        self._reading = asyncio.Lock()
        self._known: dict[str, tuple[Actor, float]] = {}

    async def verify(self, token: str) -> Actor:
        """The actor that the token speaks for. Raises Unauthenticated, without saying which check failed.

        Raises Busy while the keys of the issuer have never been read.
        """
        now = self._clock.now()
        if now >= self._stale_at:
            await self._renew(now)
        known = self._known.get(token)
        if known is not None:
            if now.timestamp() < known[1]:
                return known[0]
            del self._known[token]
            raise Unauthenticated
        claims = await self._claims(token, now)
        try:
            actor = actor_of(claims)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise Unauthenticated from error
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[token] = (actor, claims["exp"] + _LEEWAY)
        return actor

    async def _claims(self, token: str, now: datetime) -> dict[str, Any]:
        try:
            key = await self._key(str(jwt.get_unverified_header(token).get("kid", "")), now)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[self._settings.auth_algorithm],
                audience=self._settings.auth_audience,
                issuer=self._settings.auth_issuer,
                options={
                    "require": ["exp", "iat", "iss", "aud", "sub"],
                    "verify_exp": False,  # the library asks the machine's clock; ours is below
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise Unauthenticated from error
        if not _in_time(claims, now.timestamp()):
            raise Unauthenticated
        return claims

    async def _key(self, kid: str, now: datetime) -> PyJWK:
        if kid not in self._keys and now >= self._again_at:
            await self._renew(now, kid)
        if kid not in self._keys:
            raise Unauthenticated if self._keys else Busy("暂时无法取得签发机构的公钥，请稍后重试")
        return self._keys[kid]

    async def _renew(self, now: datetime, kid: str | None = None) -> None:
        async with self._reading:
            if kid in self._keys if kid is not None else now < self._stale_at:
                return  # someone else has read them meanwhile
            document = await self._read()
            if document is not None and document != self._document:
                self._document = document
                self._keys = {key.key_id: key for key in PyJWKSet.from_dict(document).keys if key.key_id}
                self._known.clear()  # what a withdrawn key has signed is worth nothing now
            self._again_at = now + (_AGAIN if self._keys else _RETRY)
            self._stale_at = self._again_at if document is None else now + _FRESH

    async def _read(self) -> dict[str, Any] | None:
        """The issuer's key set; None when it cannot be had now, and the former one stays."""
        source = self._settings.auth_jwks
        try:
            if source.startswith(("http://", "https://")):
                async with httpx.AsyncClient(timeout=5) as client:
                    document = (await client.get(source)).raise_for_status().json()
            else:
                document = json.loads(await asyncio.to_thread(Path(source).read_text))
            PyJWKSet.from_dict(document)
        except (httpx.HTTPError, OSError, ValueError, TypeError, AttributeError, jwt.PyJWTError):
            return None
        return dict(document)


def _in_time(claims: Mapping[str, Any], now: float) -> bool:
    exp, iat, nbf = claims["exp"], claims["iat"], claims.get("nbf", 0)
    if not all(isinstance(at, int | float) and math.isfinite(at) for at in (exp, iat, nbf)):
        return False
    return bool(nbf - _LEEWAY <= now < exp + _LEEWAY)


def _ours(names: Any) -> frozenset[Role]:
    """The roles among the names; an issuer that serves other systems as well names roles of theirs, worth nothing here.

    Raises ValueError unless it is a list of names.
    """
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("roles")
    return frozenset(role for role in Role if role.value in names)


def actor_of(claims: Mapping[str, Any]) -> Actor:
    """The actor in verified claims.

    Raises ValueError or KeyError when they name no tier, place or enterprise of ours.
    """
    tier = Tier(claims["tier"])
    roles = _ours(claims["roles"]) if "roles" in claims else USUAL_ROLES[tier]
    if Role.SYSTEM in roles and tier is not Tier.SYSTEM:
        raise ValueError("roles")
    scope = scope_of(tier, claims.get("area"), UUID(claims["enterprise"]) if tier is Tier.ENTERPRISE else None)
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 200:
        raise ValueError("sub")
    name = claims.get("name")
    return Actor(id=subject, tier=tier, roles=roles, scope=scope, name=name if isinstance(name, str) else None)
