"""Each tier sees and moves its own: what is outside the scope does not exist."""

from uuid import uuid4

import pytest

from libs.common.actors import Role, Tier
from tests.service.hazards.hazard_world import (
    COMMUNITY,
    DISTRICT,
    FAR_COMMUNITY,
    GRID,
    ORDER,
    OTHER_COMMUNITY,
    OTHER_STREET,
    STREET,
    Caller,
    World,
)


async def test_a_hazard_outside_the_scope_does_not_exist(world: World) -> None:
    hazard = await world.street().report(world.enterprises["彩印厂"])
    missing = {"id": str(uuid4()), "version": 1}
    strangers = [
        world.caller(Tier.STREET, OTHER_STREET),
        world.caller(Tier.COMMUNITY, OTHER_COMMUNITY),
        world.caller(Tier.ENTERPRISE, OTHER_COMMUNITY, enterprise=world.enterprises["面粉厂"]),
        world.caller(Tier.ENTERPRISE, COMMUNITY, enterprise=uuid4()),
    ]
    for stranger in strangers:
        for found in (hazard, missing):
            answer = await stranger.get(f"/v1/hazards/{found['id']}")
            assert (answer.status_code, answer.json()["code"]) == (404, "hazard_not_found")
            answer = await stranger.get(f"/v1/hazards/{found['id']}/log")
            assert answer.status_code == 404
            body = {"level": "general", "category": "fire"}
            answer = await stranger.post(f"/v1/hazards/{found['id']}/verifications", body, version=1)
            assert (answer.status_code, answer.json()["code"]) == (404, "hazard_not_found")
        assert (await stranger.get("/v1/hazards")).json()["items"] == []
    assert await world.value("SELECT max(version) FROM hazards") == 1


@pytest.mark.parametrize(
    ("tier", "code", "count"),
    [
        (Tier.DISTRICT, DISTRICT, 3),
        (Tier.STREET, STREET, 2),
        (Tier.STREET, OTHER_STREET, 1),
        (Tier.COMMUNITY, COMMUNITY, 1),
        (Tier.COMMUNITY, GRID, 1),
        (Tier.COMMUNITY, OTHER_COMMUNITY, 1),
    ],
)
async def test_a_list_holds_what_is_below(world: World, tier: Tier, code: str, count: int) -> None:
    district = world.caller(Tier.DISTRICT, DISTRICT)
    for enterprise in world.enterprises.values():
        await district.report(enterprise)
    caller = world.caller(tier, code)
    page = (await caller.get("/v1/hazards", total=True)).json()
    assert (len(page["items"]), page["total"]) == (count, count)
    filtered = (await caller.get("/v1/hazards", areaCode=FAR_COMMUNITY)).json()["items"]
    assert len(filtered) == (1 if code in (DISTRICT, OTHER_STREET) else 0)
    above = (await caller.get("/v1/hazards", areaCode=DISTRICT)).json()["items"]
    assert len(above) == count


async def test_an_enterprise_sees_only_its_own(world: World) -> None:
    officer = world.street()
    for name in ("彩印厂", "面粉厂"):
        await officer.report(world.enterprises[name])
    works = world.enterprise()
    items = (await works.get("/v1/hazards")).json()["items"]
    assert [item["enterpriseName"] for item in items] == ["彩印厂"]
    assert (await works.get("/v1/hazards", enterpriseId=world.enterprises["面粉厂"])).json()["items"] == []
    assert (await works.get(f"/v1/views/enterprise/{world.enterprises['彩印厂']}")).status_code == 200
    assert (await works.get(f"/v1/views/enterprise/{world.enterprises['面粉厂']}")).status_code == 404
    for view in (f"street/{STREET}", f"community/{COMMUNITY}", f"community/{GRID}"):
        assert (await works.get(f"/v1/views/{view}")).status_code == 404


async def test_views_stop_at_the_border(world: World) -> None:
    community = world.community()
    assert (await community.get(f"/v1/views/community/{COMMUNITY}")).status_code == 200
    assert (await community.get(f"/v1/views/community/{GRID}")).status_code == 200
    for view in (f"community/{OTHER_COMMUNITY}", f"street/{STREET}", "community/410503001099", "street/999999999000"):
        answer = await community.get(f"/v1/views/{view}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    street = world.street()
    assert (await street.get(f"/v1/views/street/{STREET}")).status_code == 200
    assert (await street.get(f"/v1/views/street/{OTHER_STREET}")).status_code == 404
    assert (await street.get(f"/v1/views/community/{STREET}")).status_code == 404
    assert (await street.get(f"/v1/views/enterprise/{world.enterprises['远方厂']}")).status_code == 404


async def test_reports_go_where_the_caller_may_report(world: World) -> None:
    enterprise = world.enterprise()
    own = {"enterpriseId": str(world.enterprises["彩印厂"]), "description": "自查", "source": "self_inspection"}
    assert (await enterprise.post("/v1/hazards", own)).status_code == 201
    for wrong, code in (
        ({"source": "inspection"}, "source_not_allowed"),
        ({"enterpriseId": str(world.enterprises["面粉厂"])}, "unknown_enterprise"),
        ({"enterpriseId": str(uuid4())}, "unknown_enterprise"),
    ):
        answer = await enterprise.post("/v1/hazards", own | wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    community = world.community()
    place = {"areaCode": GRID, "place": "东门", "description": "线头裸露", "source": "patrol"}
    assert (await community.post("/v1/hazards", place)).status_code == 201
    for code_outside in (OTHER_COMMUNITY, STREET, "410503001001099"):
        answer = await community.post("/v1/hazards", place | {"areaCode": code_outside})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_area")
    answer = await enterprise.post("/v1/hazards", place | {"source": "self_inspection"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_area")
    assert await world.value("SELECT count(*) FROM hazards") == 2


async def test_no_token_no_answer(world: World) -> None:
    for token in ("", "nonsense", "a.b.c"):
        stranger = Caller(world.client, token)
        assert (await stranger.get("/v1/hazards")).status_code == 401
        answer = await stranger.post("/v1/hazards", {"anything": 1})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_roles_decide_who_moves(world: World) -> None:
    officer = world.street()
    hazard = await officer.report(world.enterprises["彩印厂"])
    duty, leader = world.street(Role.DUTY_STAFF), world.street(Role.LEADER)
    for caller in (duty, leader, world.enterprise()):
        body = {"level": "general", "category": "fire"}
        answer = await caller.post(f"/v1/hazards/{hazard['id']}/verifications", body, version=1)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_role")
        assert (await caller.see(hazard))["allowedMoves"] == []
    grid = world.community(Role.GRID_WORKER)
    assert (await grid.see(hazard))["allowedMoves"] == ["verify", "reject", "fix_on_the_spot"]
    major = {"level": "major", "category": "fire", "basis": "GB 35181-2025 第6.1条"}
    answer = await grid.post(f"/v1/hazards/{hazard['id']}/verifications", major, version=1)
    assert (answer.status_code, answer.json()["code"]) == (403, "level_needs_officer")
    hazard = await officer.move(hazard, "verifications", major)
    assert hazard["basis"]["clause"] == "第6.1条"
    answer = await world.community().post(f"/v1/hazards/{hazard['id']}/assignments", ORDER, version=2)
    assert (answer.status_code, answer.json()["code"]) == (403, "level_needs_officer")


async def test_the_person_who_fixed_it_does_not_reinspect(world: World) -> None:
    zhang = world.community(sub="zhang")
    place = {"areaCode": GRID, "place": "东门", "description": "线头裸露", "source": "patrol", "category": "electrical"}
    answer = await zhang.post("/v1/hazards", place)
    hazard = await zhang.move(answer.json(), "verifications", {"level": "general"})
    hazard = await zhang.move(hazard, "assignments", ORDER)
    hazard = await zhang.move(hazard, "rectifications")
    assert hazard["allowedMoves"] == []
    answer = await zhang.post(
        f"/v1/hazards/{hazard['id']}/reinspections", {"result": "pass"}, version=hazard["version"]
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "same_person")
    hazard = await world.community(sub="li").move(hazard, "reinspections", {"result": "pass"})
    assert hazard["state"] == "closed"


async def test_who_complained_is_not_named_to_the_enterprise(world: World) -> None:
    officer, works = world.street(), world.enterprise()
    hazard = await officer.report(world.enterprises["彩印厂"], source="public")
    assert (await officer.see(hazard))["reportedBy"] is not None
    assert (await works.see(hazard))["reportedBy"] is None
    log = (await works.get(f"/v1/hazards/{hazard['id']}/log")).json()["items"]
    assert (log[0]["actorId"], log[0]["actorName"]) == (None, None)
