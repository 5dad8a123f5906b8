"""Figures and lists of the three tiers; counters folded or not are exact, and a recount agrees."""

from typing import Any

from libs.common.actors import Tier
from services.hazards.api.schemas.views import CommunityViewOut, EnterpriseViewOut, StreetViewOut
from services.hazards.store import counters
from tests.service.hazards.hazard_world import (
    COMMUNITY,
    DISTRICT,
    GRID,
    ORDER,
    OTHER_COMMUNITY,
    OTHER_GRID,
    STREET,
    World,
)


async def fold(world: World) -> int:
    async with world.db.transaction() as tx:
        return await counters.fold(tx)


async def some_hazards(world: World) -> dict[str, dict[str, Any]]:
    """Overdue, ordered, verified, reported, rectified, closed: one each, most in the community."""
    officer, made = world.street(), {}
    works, mill = world.enterprises["彩印厂"], world.enterprises["面粉厂"]
    for name, due in (("late", 0), ("later", 1), ("open", 5), ("done", 5), ("closed", 5)):
        hazard = await officer.report(works if name != "later" else mill, category="fire")
        hazard = await officer.move(hazard, "verifications", {"level": "general"})
        due_at = world.clock.now().replace(microsecond=0)
        body = ORDER | {"dueAt": due_at.replace(day=due_at.day + due).isoformat()}
        made[name] = await officer.move(hazard, "orders", body)
    made["done"] = await world.enterprise().move(made["done"], "rectifications")
    made["closed"] = await world.enterprise().move(made["closed"], "rectifications")
    made["closed"] = await officer.move(made["closed"], "reinspections", {"result": "pass"})
    made["new"] = await world.community().report(areaCode=OTHER_GRID, place="东门", source="patrol")
    made["major"] = await officer.report(mill, category="fire")
    made["major"] = await officer.move(made["major"], "verifications", {"level": "major", "basis": "GB 35181-2025 6.1"})
    world.clock.advance(days=2)
    await world.sweep()
    return made


async def test_the_street_sees_totals_by_community_overdue_first_by_level_and_the_trend(world: World) -> None:
    made = await some_hazards(world)
    street = world.street()
    for _ in range(2):  # before and after folding
        view = (await street.get(f"/v1/views/street/{STREET}")).json()
        assert (view["name"], view["areaCode"]) == ("彰北街道", STREET)
        StreetViewOut.model_validate(view)
        totals = view["totals"]
        assert (totals["found"], totals["open"], totals["overdue"], totals["closed"]) == (7, 6, 2, 1)
        assert (totals["fixedOnSpot"], totals["ordered"], totals["preHandled"]) == (0, 5, 2)
        levels = {level["level"]: (level["open"], level["overdue"]) for level in totals["byLevel"]}
        assert levels == {"general": (4, 2), "major": (1, 0), "unset": (1, 0)}
        communities = {c["areaCode"]: c["totals"] for c in view["communities"]}
        assert communities[COMMUNITY]["found"] == 5
        assert communities[OTHER_COMMUNITY]["found"] == 2
        assert communities[COMMUNITY]["overdue"] == communities[OTHER_COMMUNITY]["overdue"] == 1
        assert [h["number"] for h in view["hazards"]] == [made[n]["number"] for n in ("late", "later", "open")]
        assert len(view["trend"]) == 30
        assert [day["found"] for day in view["trend"][-3:]] == [7, 0, 0]
        assert sum(day["closed"] for day in view["trend"]) == 1
        assert sum(day["missed"] for day in view["trend"]) == 2
        assert await world.differing() == 0
        await fold(world)
    assert await world.value("SELECT count(*) FROM counter_deltas") == 0
    district = (await world.caller(Tier.DISTRICT, DISTRICT).get(f"/v1/views/street/{DISTRICT}")).json()
    assert district["totals"]["found"] == 7


async def test_the_community_sees_what_to_verify_to_assign_to_reinspect_and_overdue_by_grid(world: World) -> None:
    made = await some_hazards(world)
    view = (await world.community().get(f"/v1/views/community/{COMMUNITY}")).json()
    CommunityViewOut.model_validate(view)
    assert [h["number"] for h in view["toVerify"]] == [made["new"]["number"]]
    assert [h["number"] for h in view["toReinspect"]] == [made["done"]["number"]]
    assert view["toAssign"] == []
    assert [h["number"] for h in view["overdue"]] == [made["late"]["number"]]
    grids = [(grid["areaCode"], grid["totals"]["overdue"]) for grid in view["overdueByGrid"]]
    assert grids == [(GRID, 1), (OTHER_GRID, 0)]
    other = world.caller(Tier.COMMUNITY, OTHER_COMMUNITY)
    view = (await other.get(f"/v1/views/community/{OTHER_COMMUNITY}")).json()
    assert [h["number"] for h in view["toAssign"]] == [made["major"]["number"]]


async def test_the_enterprise_sees_what_to_fix_by_when(world: World) -> None:
    made = await some_hazards(world)
    view = (await world.enterprise().get(f"/v1/views/enterprise/{world.enterprises['彩印厂']}")).json()
    EnterpriseViewOut.model_validate(view)
    assert view["name"] == "彩印厂"
    assert [h["number"] for h in view["toFix"]] == [made["late"]["number"], made["open"]["number"]]
    assert [h["number"] for h in view["others"]] == [made["done"]["number"]]
    assert (view["totals"]["found"], view["totals"]["overdue"]) == (4, 1)
    assert view["toFix"][0]["allowedMoves"] == ["submit"]


async def test_filters_of_the_ledger(world: World) -> None:
    made = await some_hazards(world)
    street = world.street()

    async def numbers(**query: Any) -> set[str]:
        return {item["number"] for item in (await street.get("/v1/hazards", **query)).json()["items"]}

    def of(*names: str) -> set[str]:
        return {made[name]["number"] for name in names}

    assert await numbers(overdue=True) == of("late", "later")
    assert await numbers(state="ordered") == of("late", "later", "open")
    assert await numbers(level="major") == of("major")
    assert await numbers(areaCode=OTHER_COMMUNITY) == of("later", "major")
    mill = str(world.enterprises["面粉厂"])
    assert await numbers(enterpriseId=mill, state="verified") == of("major")
    assert await numbers(enterpriseId=mill, areaCode=COMMUNITY) == set()
    pages = [await street.get("/v1/hazards", enterpriseId=mill, limit=1, total=True)]
    pages.append(await street.get("/v1/hazards", enterpriseId=mill, limit=1, cursor=pages[0].json()["nextCursor"]))
    assert [page.json()["total"] for page in pages] == [2, None]
    assert pages[1].json()["nextCursor"] is None


async def test_a_recount_finds_a_figure_that_is_wrong(world: World) -> None:
    await some_hazards(world)
    await fold(world)
    assert await world.differing() == 0
    await world.rows("UPDATE counters SET value = value + 1 WHERE metric = 'found'")
    assert (
        await world.differing() == 3 + 2 + 1 + 1
    )  # two grids and a community, two communities, a street, the district
