"""Speaks to the three services as any client would: over HTTP, with bearer tokens, patient while one is restarting."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx

from deploy.local.issuer import Bearer, Issuer
from libs.common.actors import USUAL_ROLES, Role, Tier

_PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 0.25
_TRY_AGAIN = {502, 503, 504}
_AWAY = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)


class Refused(Exception):
    """A service answered with a problem."""

    def __init__(self, method: str, path: str, answer: httpx.Response) -> None:
        self.status = answer.status_code
        try:
            self.problem: Mapping[str, Any] = answer.json()
        except ValueError:
            self.problem = {"detail": answer.text[:300]}
        super().__init__(f"{method} {path} → {self.status} {self.problem}")

    @property
    def code(self) -> str:
        """The stable code of the problem."""
        return str(self.problem.get("code", ""))


@dataclass(frozen=True, slots=True)
class Address:
    """Where the three services answer."""

    ports: Mapping[str, int]

    def of(self, service: str) -> str:
        """The base address of a service."""
        return f"http://127.0.0.1:{self.ports[service]}"


class Api:
    """The three services, and the tokens of whoever speaks to them.

    Every call is repeated while a service is away; so each POST carries an Idempotency-Key or may safely come twice.
    """

    def __init__(self, address: Address, issuer_folder: Path) -> None:
        self.address = address
        self._issuer = Issuer(issuer_folder)
        self._client = httpx.Client(timeout=30.0, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def token(
        self,
        tier: Tier,
        area: str | None,
        *,
        person: str,
        enterprise: UUID | None = None,
        roles: tuple[Role, ...] | None = None,
    ) -> str:
        """A token for one person of a tier."""
        held = tuple(sorted(USUAL_ROLES[tier])) if roles is None else roles
        return self._issuer.sign(Bearer(person, tier, area, enterprise, held))

    def get(self, service: str, path: str, token: str, **query: str | int) -> Any:
        """The JSON that a GET answers."""
        return self.request(service, "GET", path, token, params=query).json()

    def knows(self, service: str, path: str, token: str) -> bool:
        """Whether there is something at that path."""
        try:
            self.get(service, path, token)
        except Refused as refused:
            if refused.status != 404:
                raise
            return False
        return True

    def request(self, service: str, method: str, path: str, token: str, **options: Any) -> httpx.Response:
        """The answer to a request, once there is one. Raises Refused for an answer of 400 and above."""
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            answer: httpx.Response | None = None
            try:
                answer = self._client.request(method, self.address.of(service) + path, headers=headers, **options)
            except _AWAY:
                if time.monotonic() > deadline:
                    raise
            if answer is not None and (answer.status_code not in _TRY_AGAIN or time.monotonic() > deadline):
                if answer.status_code >= 400:
                    raise Refused(method, path, answer)
                return answer
            time.sleep(_PAUSE_SECONDS)

    def wait_ready(self) -> None:
        """Wait until all three services are ready."""
        for service in self.address.ports:
            self.request(service, "GET", "/readyz", "")
