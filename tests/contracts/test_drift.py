"""What is frozen in the repository is what the code promises; whoever changes a promise sees it here first."""

import json
from functools import cache

import pytest

from tests.contracts.documents import differences, documents, frozen
from tests.contracts.growth import breaches
from tests.contracts.write import broken_promises

HINT = "what the code promises differs from what is frozen; look at it, then `make contracts`:\n"


@cache
def now() -> dict[str, str]:
    return documents()


def test_nothing_drifted() -> None:
    found = list(differences(now(), frozen()))
    assert not found, HINT + "\n".join(found)


def test_drift_is_seen() -> None:
    before = frozen()
    text = before["openapi/hazards.json"]
    assert list(differences({**before, "openapi/hazards.json": text.replace("/v1/hazards", "/v1/dangers", 1)}, before))
    assert list(differences({**before, "openapi/extra.json": "{}"}, before))
    assert list(differences({k: v for k, v in before.items() if k != "asyncapi.yaml"}, before))
    assert not list(differences(before, dict(before)))


def test_documents_come_out_the_same_every_time() -> None:
    again = documents()
    assert again == now()


@pytest.mark.parametrize("name", sorted(n for n in frozen() if n.startswith("schemas/")))
def test_event_schemas_only_grow(name: str) -> None:
    assert breaches(json.loads(frozen()[name]), json.loads(now()[name])) == []


def test_a_promise_is_not_frozen_away() -> None:
    before = frozen()
    name = "schemas/hazard-found.v1.json"
    schema = json.loads(before[name])
    del schema["properties"]["dueAt"]
    assert broken_promises({**before, name: json.dumps(schema)}, before)
    assert broken_promises({k: v for k, v in before.items() if k != name}, before)
    assert not broken_promises(before, before)
