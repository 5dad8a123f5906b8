"""A time written with an offset that no place on earth has is still an instant."""

import pytest

from tests.service.notifications.conftest import DISTRICT, World, person


@pytest.mark.parametrize("offset", ["-17:36", "+23:59", "-23:59", "+08:00", "Z"])
async def test_any_offset_of_rfc_3339_is_taken(world: World, offset: str) -> None:
    shift = {"areaCode": DISTRICT, "personId": str(person("甲")), "startsAt": f"8040-11-21T06:42:27.964{offset}"}
    answer = await world.caller_of_district().post("/v1/duty-shifts", shift)
    assert answer.status_code == 201, answer.text
    assert answer.json()["startsAt"].endswith("+08:00")
