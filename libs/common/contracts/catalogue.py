"""Every public promise under its name and version, with names and versions that cannot clash."""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType, ModuleType

from libs.common.contracts.base import Contract

_NAME = re.compile(r"^[a-z]+(-[a-z]+)+$")
_TOPIC = re.compile(r"^[a-z]+\.[a-z]+(-[a-z]+)*$")

Catalogue = Mapping[tuple[str, int], type[Contract]]


class BadCatalogue(Exception):
    """Two promises clash, or a version is missing: raised when the contracts are imported, so that nothing starts."""


def contracts_in(module: ModuleType) -> Iterator[type[Contract]]:
    """The contracts that the module defines; bases without a name of their own are none."""
    for value in vars(module).values():
        ours = isinstance(value, type) and issubclass(value, Contract) and value.__module__ == module.__name__
        if ours and "event_type" in vars(value):
            yield value


def catalogue(contracts: Iterable[type[Contract]]) -> Catalogue:
    """The contracts by (type, version).

    Raises BadCatalogue for a name or topic of another shape, a version that two classes claim, versions that do not
    run 1, 2, 3 …, and a type that moves to another topic.
    """
    found: dict[tuple[str, int], type[Contract]] = {}
    for contract in contracts:
        spot = (contract.event_type, contract.schema_version)
        if not _NAME.match(contract.event_type) or not _TOPIC.match(contract.topic):
            raise BadCatalogue(f"{contract.__name__}: {contract.event_type!r} on {contract.topic!r} is no name of ours")
        if spot in found:
            raise BadCatalogue(f"{contract.schema_id()} is claimed by {found[spot].__name__} and {contract.__name__}")
        found[spot] = contract
    for (name, version), contract in found.items():
        if version < 1 or (version > 1 and (name, version - 1) not in found):
            raise BadCatalogue(f"{contract.schema_id()} has no version before it")
        if contract.topic != found[name, 1].topic:
            raise BadCatalogue(f"{contract.schema_id()} is on another topic than its first version")
    return MappingProxyType(dict(sorted(found.items())))
