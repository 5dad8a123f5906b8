"""The good events of one crash run, as registry and hazards would announce them, with all that a reader must take:
later versions of areas and enterprises, whole lives of hazards, kinds and fields that nobody knows yet, repetitions.
"""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random
from uuid import UUID

from libs.common.actors import area_code
from libs.common.contracts import hazards, registry
from libs.common.contracts.base import Contract
from libs.common.envelope import Event, new_event

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
PATHS = ("410503", "410503001", "410503001001", "410503001002", "410503002", "410503002001")
_LIFE: tuple[tuple[type[hazards.HazardChanged], str], ...] = (
    (hazards.HazardFound, "reported"),
    (hazards.HazardVerified, "verified"),
    (hazards.HazardOrdered, "ordered"),
    (hazards.HazardRectified, "rectified"),
    (hazards.HazardClosed, "closed"),
)
_MOST_OPEN = 400
_MOST_ENTERPRISES = 3_000


class GoodEvents:
    """One after another, drawn by the dice. `hazards` and `enterprises` hold the last version announced of each."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._numbers = 0
        self._open: list[tuple[UUID, int]] = []
        self._former: list[Event] = []
        self._areas = {path: (self.new_id(), 0) for path in PATHS}
        self.hazards: dict[UUID, int] = {}
        self.enterprises: dict[UUID, int] = {}

    def new_id(self) -> UUID:
        """An id that no other run with another seed has."""
        return UUID(int=self._dice.getrandbits(128), version=4)

    def beginning(self) -> list[Event]:
        """What must be known before anything else makes sense: the areas."""
        return [self.area(path) for path in PATHS]

    def next(self) -> Event:
        """One more."""
        chance = self._dice.random()
        if chance < 0.03 and self._former:
            return self._dice.choice(self._former)  # the very same again
        if chance < 0.04:
            event = self.area(self._dice.choice(PATHS))
        elif chance < 0.34:
            event = self.enterprise()
        elif chance < 0.37:
            event = self._of_tomorrow()
        else:
            event = self.hazard()
        if self._dice.random() < 0.05:
            event = _richer(event)
        if len(self._former) < 200:
            self._former.append(event)
        return event

    def area(self, path: str) -> Event:
        """The next version of an area."""
        id, version = self._areas[path]
        self._areas[path] = id, version + 1
        return self._said(an_area(id, path, version + 1), id, version + 1)

    def enterprise(self) -> Event:
        """An enterprise that is registered, or the next version of one."""
        known = len(self.enterprises) >= _MOST_ENTERPRISES
        id = self._dice.choice(list(self.enterprises)[:200]) if known else self.new_id()
        version = self.enterprises[id] = self.enterprises.get(id, 0) + 1
        return self._said(an_enterprise(id, self._dice.choice(PATHS[1:]), version), id, version)

    def hazard(self) -> Event:
        """The next event in the life of a hazard, or a new one."""
        if not self._open or (len(self._open) < _MOST_OPEN and self._dice.random() < 0.4):
            id, version = self.new_id(), 1
        else:
            id, version = self._open.pop(self._dice.randrange(len(self._open)))
        if version < len(_LIFE):
            self._open.append((id, version + 1))
        self.hazards[id] = version
        self._numbers += 1
        kind, state = _LIFE[version - 1]
        return self._said(a_hazard(kind, id, self._numbers, version, state, self._dice.choice(PATHS)), id, version)

    def _of_tomorrow(self) -> Event:
        """A kind that nobody here knows."""
        if self._dice.random() < 0.5:
            event = self.hazard()
            return replace(event, type="hazard-photographed", schema="hazard-photographed.v1")
        id = self.new_id()
        event = self._said(an_enterprise(id, PATHS[1], 1), id, 1)
        body = '{"inspectedBy": [1, 2], "result": {"score": 4.5}}'
        return replace(event, type="enterprise-praised", schema="enterprise-praised.v3", body=body)

    def _said(self, payload: Contract, key: UUID, version: int) -> Event:
        source = payload.topic.split(".")[0]
        event = new_event(payload, key=key, sequence=version, now=NOW, source=source)
        return replace(event, id=self.new_id(), traceparent=None)


def an_area(id: UUID, path: str, version: int) -> registry.AreaChanged:
    """An area at that version."""
    level = {6: "district", 9: "street", 12: "community"}[len(path)]
    return registry.AreaChanged(
        id=id,
        version=version,
        code=area_code(path),
        path=path,
        name=f"第{version}版{path}",
        level=level,
        valid_from=date(2026, 1, 1),
    )


def an_enterprise(id: UUID, path: str, version: int) -> registry.EnterpriseState:
    """An enterprise at that version."""
    kind = registry.EnterpriseRegistered if version == 1 else registry.EnterpriseChanged
    return kind(
        id=id,
        version=version,
        name=f"永槐便民店 {str(id)[:8]}",
        area_code=area_code(path),
        area_path=path,
        risk_level="yellow",
        status="active",
    )


def a_hazard(
    kind: type[hazards.HazardChanged], id: UUID, number: int, version: int, state: str, path: str
) -> hazards.HazardChanged:
    """A hazard at that version."""
    return kind(
        hazard_id=id,
        number=f"HZ-410503-2026-{number:06d}",
        version=version,
        state=state,
        level="general",
        category="electrical",
        source="patrol",
        area_code=area_code(path),
        area_path=path,
        place="二号车间配电箱",
        handling="ordered",
        occurred_at=NOW,
    )


def _richer(event: Event) -> Event:
    """The same event as a later, additive version of its sender would write it."""
    body = {**json.loads(event.body), "weather": "阴", "witnesses": [{"age": 41}, None], "ratio": 0.25}
    return replace(event, body=json.dumps(body, ensure_ascii=False), _parsed={})
