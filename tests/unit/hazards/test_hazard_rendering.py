"""What the answers show is what their schemas promise; what is announced is what the facts say."""

import json
from datetime import timedelta

import pytest

from services.hazards.api import rendering
from services.hazards.api.schemas.hazards import HazardOut
from services.hazards.domain.announcements import Announcement
from services.hazards.domain.events import HazardEvent
from services.hazards.domain.facts import Facts
from services.hazards.domain.lifecycle import Move
from services.hazards.domain.moves import Pass, Ring
from services.hazards.operations.outcome import Outcome
from services.hazards.publishing import publish
from tests.unit.hazards.hazard_examples import (
    EVERYONE,
    NOW,
    OFFICER,
    SYSTEM,
    after,
    ordered,
    rectified,
    reported,
    verified,
)

STAGES = {
    "reported": reported(),
    "at a place": reported(at_enterprise=False),
    "verified": verified(),
    "ordered": ordered(),
    "overdue": after(ordered(due_at=NOW), (Ring(Move.MISS_DEADLINE), SYSTEM)),
    "rectified": rectified(),
    "closed": after(rectified(), (Pass(), OFFICER), now=NOW + timedelta(days=1)),
}


@pytest.mark.parametrize("facts", STAGES.values(), ids=STAGES)
def test_a_hazard_is_shown_as_promised(facts: Facts) -> None:
    for actor in EVERYONE:
        document = json.loads(rendering.moved(Outcome(facts, actor)).body)
        promised = HazardOut.model_validate(document)
        assert set(document) == {field.alias for field in HazardOut.model_fields.values()}
        assert promised.model_dump(mode="json", by_alias=True) == document


@pytest.mark.parametrize("facts", STAGES.values(), ids=STAGES)
def test_what_is_announced_is_what_the_facts_say_and_no_free_text(facts: Facts) -> None:
    event = publish([HazardEvent(Announcement.ORDERED, facts, NOW)])[0]
    data = json.loads(event.body)
    assert (event.type, event.key, event.sequence) == ("hazard-ordered", str(facts.id), facts.version)
    assert (data["state"], data["round"], data["version"]) == (facts.state, facts.round, facts.version)
    assert data["areaCode"] == "410503001001001"
    assert (data["dueAt"] is None) == (facts.due_at is None)
    assert facts.description not in event.body
    assert facts.reported_by not in event.body
