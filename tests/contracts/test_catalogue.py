"""Every contract is in the catalogue under a name and version of its own, on a topic that the deployment makes."""

import re
from collections.abc import Sequence
from typing import ClassVar

import pytest

from libs.common.contracts import CONTRACTS, UnknownVersion, check_version, contract_for
from libs.common.contracts.base import Contract
from libs.common.contracts.catalogue import BadCatalogue, catalogue
from libs.common.contracts.hazards import HazardFound
from tests.contracts.documents import topics


def promise(name: str, version: int = 1, topic: str = "tests.things") -> type[Contract]:
    """A contract made on the spot."""

    class Made(Contract):
        event_type: ClassVar[str] = name
        schema_version: ClassVar[int] = version

    Made.topic = topic
    return Made


def test_every_contract_is_listed() -> None:
    named = {c for c in _below(Contract) if "event_type" in vars(c) and c.__module__.startswith("libs.")}
    assert set(CONTRACTS.values()) == named
    assert len(CONTRACTS) > 15


def _below(kind: type[Contract]) -> set[type[Contract]]:
    return {c for direct in kind.__subclasses__() for c in (direct, *_below(direct))}


def test_a_contract_is_found_by_the_schema_that_an_event_names() -> None:
    assert contract_for("hazard-found.v1") is HazardFound
    assert contract_for("hazard-found.v99") is None
    assert contract_for("nonsense") is None


@pytest.mark.parametrize(
    "contracts",
    [
        [promise("thing-made"), promise("thing-made")],
        [promise("thing-made", 2)],
        [promise("thing-made"), promise("thing-made", 3)],
        [promise("thing-made", 0)],
        [promise("ThingMade")],
        [promise("thing")],
        [promise("thing-made", topic="things")],
        [promise("thing-made"), promise("thing-made", 2, topic="tests.others")],
    ],
    ids=["twice", "begins at 2", "gap", "version 0", "camel case", "one word", "topic without service", "moves"],
)
def test_a_bad_catalogue_is_refused(contracts: Sequence[type[Contract]]) -> None:
    with pytest.raises(BadCatalogue):
        catalogue(contracts)


def test_versions_in_a_row_are_fine() -> None:
    assert len(catalogue([promise("thing-made", 2), promise("thing-made"), promise("thing-lost")])) == 3


def test_every_contract_has_a_topic_and_every_topic_a_contract() -> None:
    assert {contract.topic for contract in CONTRACTS.values()} == set(topics())


def test_a_topic_belongs_to_the_service_whose_module_promises_it() -> None:
    for contract in CONTRACTS.values():
        assert contract.topic.split(".")[0] == contract.__module__.rsplit(".", 1)[-1]


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda c: c.schema_id())
def test_payloads_name_no_person_and_carry_no_free_text(contract: type[Contract]) -> None:
    personal = re.compile(r"phone|mobile|idCard|description|person_?name|reporter|e_?mail", re.IGNORECASE)
    assert not [name for name in contract.model_fields if personal.search(name)]


def test_the_check_for_personal_data_would_see_one() -> None:
    class Leaky(Contract):
        reporter_phone: str

    with pytest.raises(AssertionError):
        test_payloads_name_no_person_and_carry_no_free_text(Leaky)


@pytest.mark.parametrize(
    ("event_type", "schema_id"),
    [("hazard-found", "hazard-found.v1"), ("hazard-photographed", "hazard-photographed.v4"), ("nonsense", "nonsense")],
)
def test_a_known_version_and_an_unknown_kind_are_for_the_reader(event_type: str, schema_id: str) -> None:
    check_version(event_type, schema_id)


@pytest.mark.parametrize("schema_id", ["hazard-found.v2", "hazard-closed.v1", "nonsense", ""])
def test_a_known_kind_in_another_version_is_not_read_as_the_one_we_know(schema_id: str) -> None:
    with pytest.raises(UnknownVersion, match="hazard-found"):
        check_version("hazard-found", schema_id)
