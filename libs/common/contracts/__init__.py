"""The public promises of the services: event payloads by name and version, all in one catalogue."""

from libs.common.contracts import hazards, notifications, registry
from libs.common.contracts.base import Contract
from libs.common.contracts.catalogue import Catalogue, catalogue, contracts_in

CONTRACTS: Catalogue = catalogue(c for module in (registry, hazards, notifications) for c in contracts_in(module))

_BY_SCHEMA = {contract.schema_id(): contract for contract in CONTRACTS.values()}


def contract_for(schema_id: str) -> type[Contract] | None:
    """The contract behind the `ce_dataschema` of an event, such as `hazard-found.v1`; None for one we do not know."""
    return _BY_SCHEMA.get(schema_id)


class UnknownVersion(ValueError):
    """A kind of event that we know, in a version that we do not: read as the one we know it might be misunderstood."""


def check_version(event_type: str, schema_id: str) -> None:
    """Raises UnknownVersion. A kind of event that is not known at all is its reader's affair."""
    if (event_type, 1) in CONTRACTS and getattr(contract_for(schema_id), "event_type", None) != event_type:
        raise UnknownVersion(f"{event_type} is not known as {schema_id}")
