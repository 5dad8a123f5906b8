"""What every scene of the story stands on: the services, the book, the people with their tokens, and the telling."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from deploy.local.api import Api, Refused
from deploy.local.story.book import Book
from deploy.local.story.phone import Phone
from deploy.local.story.place import Place
from libs.common.actors import Role, Tier
from libs.common.clock import SHANGHAI

_POLL_SECONDS = 0.25
_PATIENCE_SECONDS = 180.0


@dataclass(slots=True)
class Stage:
    """The services, the book, the phone, and the time at which the story began."""

    api: Api
    book: Book
    phone: Phone
    place: Place | None = None
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def here(self) -> Place:
        """The place, once it has been chosen."""
        assert self.place is not None
        return self.place

    @property
    def began(self) -> datetime:
        """When the story began: what is sent with a time carries this one, so that repeated requests are the same."""
        if self.book.get("began") is None:
            self.book["began"] = datetime.now(SHANGHAI).replace(microsecond=0).isoformat()
        return datetime.fromisoformat(self.book["began"])

    def after(self, **duration: float) -> str:
        """A time after the beginning, as the services read it."""
        return (self.began + timedelta(**duration)).isoformat()

    def person(self, name: str) -> UUID:
        """The id of one of the story's people; a new story has new people."""
        return uuid5(NAMESPACE_URL, f"hazardloop:{self.book['id']}:{name}")

    def token(self, name: str, tier: Tier, area: str | None, *roles: Role, enterprise: str | None = None) -> str:
        """The token of one of the story's people."""
        if name not in self._tokens:
            self._tokens[name] = self.api.token(
                tier,
                area,
                person=str(self.person(name)),
                enterprise=UUID(enterprise) if enterprise else None,
                roles=roles or None,
            )
        return self._tokens[name]

    def post(self, service: str, path: str, token: str, body: Any, key: str, **headers: str) -> dict[str, Any]:
        """POST with the key of this step, so that it has one effect however often it is sent."""
        sent = {"Idempotency-Key": self.book.key(key), **headers}
        answer: dict[str, Any] = self.api.request(service, "POST", path, token, json=body, headers=sent).json()
        return answer

    def patiently(self, what: Callable[[], Any], *codes: str) -> Any:
        """Repeat what a service refuses with one of these codes: its copy of the registry is still catching up."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return what()
            except Refused as refused:
                if refused.status not in (404, 422) or not (codes_of(refused) & set(codes)) or late(deadline):
                    raise
            time.sleep(_POLL_SECONDS)

    def wait(self, what: str, look: Callable[[], Any]) -> Any:
        """Look until something is to be seen, and return it. Raises TimeoutError naming what never came."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not (seen := look()):
            if late(deadline):
                raise TimeoutError(f"{what} did not come within {_PATIENCE_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
        return seen

    def say(self, who: str, text: str) -> None:
        """One line of the story."""
        print(f"  {datetime.now(SHANGHAI):%H:%M:%S}  {who}  {text}", flush=True)


def codes_of(refused: Refused) -> set[str]:
    """All codes of a problem: its own and those of its fields."""
    return {refused.code, *(str(error.get("code")) for error in refused.problem.get("errors") or [])}


def late(deadline: float) -> bool:
    """Whether the deadline has passed."""
    return time.monotonic() > deadline
