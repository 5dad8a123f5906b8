"""What lives in a running service before it is tried: made through its own API from the examples of its document."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from tests.contracts.openapi_rules import Document, Operation, body_of, operations
from tests.support import world
from tests.support.faulty import alternatives
from tests.support.live import PEOPLES_ROLES, Live

# What fields and parameters name must exist in the service that is tried.
NAMED: dict[str, str] = {
    "areaCode": world.GRID,
    "parentCode": world.COMMUNITY,
    "enterpriseId": str(world.ENTERPRISE),
    "personId": str(world.PERSON),
}
_COLLECTIONS = {"enterpriseId": "/v1/enterprises", "personId": "/v1/persons"}
_NOWHERE = {"areaCode": "410599999999"}
_BRACES = re.compile(r"\{(\w+)\}")
COPIES = 3


@dataclass
class Residents:
    """The service's document, and the ids that exist by the path of their collection (`/v1/hazards`)."""

    document: Document
    ids: dict[str, list[str]] = field(default_factory=dict)

    def operations(self) -> list[Operation]:
        return operations(self.document)

    def address(self, operation: Operation, first: str | None = None) -> str:
        """The operation's path with values that exist in its braces; `first` takes the place of the first."""
        path = operation.path
        for name in _BRACES.findall(operation.path):
            value = first if first is not None else self._values(operation, name)[0]
            path, first = path.replace("{" + name + "}", value), None
        return path

    def nowhere(self, operation: Operation) -> str:
        """The path with a first id that is well formed and nobody's."""
        first = _BRACES.findall(operation.path)[0]
        return self.address(operation, _NOWHERE.get(first, str(UUID(int=2**100))))

    def named(self, example: Any) -> Any:
        """The example about things that exist."""
        if isinstance(example, dict):
            return {
                key: self._names()[key] if key in NAMED and value is not None else self.named(value)
                for key, value in example.items()
            }
        return [self.named(item) for item in example] if isinstance(example, list) else example

    def known(self) -> dict[str, list[str]]:
        """Values for schemathesis by parameter: what exists, so that requests come past the first 404."""
        values: dict[str, list[str]] = {"header.If-Match": ['"1"', '"2"', '"3"'], "query.areaCode": [world.STREET]}
        for operation in self.operations():
            for name in _BRACES.findall(operation.path):
                listed = values.setdefault(f"path.{name}", [])
                listed += [value for value in self._values(operation, name) if value not in listed]
        return values | {f"body.{name}": [value] for name, value in self._names().items()}

    def texts(self) -> Iterator[str]:
        """Fields of bodies that take any text."""
        components = self.document["components"]["schemas"]
        for operation in self.operations():
            schema, _ = body_of(operation, self.document) or ({}, None)
            for name, given in schema.get("properties", {}).items():
                free = [k for k in alternatives(given, components) if k.get("type") == "string" and not k["enum"]]
                if name not in NAMED and any("format" not in kind and "pattern" not in kind for kind in free):
                    yield name

    def _names(self) -> dict[str, str]:
        found = {name: self.ids.get(collection, [])[:1] for name, collection in _COLLECTIONS.items()}
        return {name: found[name][0] if found.get(name) else value for name, value in NAMED.items()}

    def _values(self, operation: Operation, name: str) -> list[str]:
        collection = operation.path.split("/{")[0]
        if name in NAMED and not (name in _COLLECTIONS and collection == _COLLECTIONS[name]):
            return [self._names()[name]]
        codes = [
            str(code)
            for parameter in operation.parameters
            if parameter["in"] == "path" and parameter["name"] == name
            for kind in alternatives(parameter["schema"], self.document["components"]["schemas"])
            for code in kind["enum"] or []
        ]
        return codes or self.ids.get(collection) or [str(UUID(int=1))]


def settle(live: Live) -> Residents:
    """Makes a few of everything that can be made, then reads back what exists."""
    token = live.token(roles=PEOPLES_ROLES)
    with httpx.Client(base_url=live.address, headers={"Authorization": f"Bearer {token}"}, timeout=20) as client:
        residents = Residents(client.get("/openapi.json").json())
        for path, sent in _FIRST.get(live.service, ()):
            client.post(path, **sent).raise_for_status()
        for _ in range(COPIES):
            for path, body in _makings(residents):
                client.post(path, json=body)
            asyncio.run(world.let_happen(live.service, live.database_url))
            for operation in residents.operations():
                if operation.method == "get" and "{" not in operation.path:
                    listed = client.get(operation.path, params={"limit": 20}).json().get("items", [])
                    residents.ids[operation.path] = [item.get("id") or item["name"] for item in listed]
    return residents


# What the examples do not make by themselves.
_FIRST: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "registry": [
        *(("/v1/areas", {"json": {"code": code, "name": name}}) for code, name, _, _ in world.AREAS),
        ("/v1/imports/areas", {"files": {"file": ("areas.csv", b"code,name,level,parent\n")}}),
    ],
    "notifications": [
        (
            "/v1/duty-shifts",
            {"json": {"areaCode": area, "personId": str(world.PERSON), "startsAt": "2026-01-01T00:00:00+08:00"}},
        )
        for area in (world.DISTRICT, world.STREET, world.COMMUNITY, world.GRID)
    ],
}


def _makings(residents: Residents) -> Iterator[tuple[str, Any]]:
    for operation in residents.operations():
        if operation.method == "post" and "{" not in operation.path and "201" in operation.statuses:
            found = body_of(operation, residents.document)
            if found is not None:
                yield operation.path, residents.named(found[1])
