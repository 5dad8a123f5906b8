"""The closed loop over HTTP: each move changes row, log, clocks, figures and outbox together."""

from datetime import timedelta
from typing import Any

from tests.service.hazards.hazard_world import COMMUNITY, GRID, ORDER, World


async def ordered(world: World, **order: Any) -> dict[str, Any]:
    """A general hazard at the printing works, ordered by the street."""
    officer = world.street()
    hazard = await officer.report(world.enterprises["彩印厂"], category="evacuation")
    hazard = await officer.move(hazard, "verifications", {"level": "general", "category": "warehousing"})
    return await officer.move(hazard, "orders", ORDER | order)


async def test_the_whole_loop(world: World) -> None:
    officer, community, enterprise = world.street(), world.community(), world.enterprise()
    hazard = await officer.report(world.enterprises["彩印厂"])
    assert hazard["number"] == "HZ-410503-2026-000001"
    assert (hazard["state"], hazard["version"], hazard["areaCode"]) == ("reported", 1, GRID)

    hazard = await community.move(hazard, "verifications", {"level": "general", "category": "warehousing"})
    hazard = await officer.move(hazard, "orders", ORDER)
    assert (hazard["state"], hazard["round"]) == ("ordered", 1)
    assert hazard["dueAt"] == "2026-10-09T23:59:59+08:00"  # 15 days
    assert hazard["order"]["funds"] == 2000

    for _ in range(16):
        world.clock.advance(days=1)
        await world.sweep()
    hazard = await enterprise.see(hazard)
    assert (hazard["overdueSince"], hazard["overdueDays"]) == ("2026-10-10T00:00:00+08:00", 1)
    world.clock.advance(days=8)
    await world.sweep()
    hazard = await enterprise.see(hazard)
    assert hazard["overdueDays"] == 9
    assert (hazard["escalationRung"], hazard["escalationTier"]) == (3, "leader")

    hazard = await enterprise.move(hazard, "rectifications", {"description": "已清空"})
    assert (hazard["overdueSince"], hazard["overdueDays"]) == (None, 0)
    hazard = await community.move(hazard, "reinspections", {"result": "fail", "reason": "仍有纸箱"})
    assert (hazard["state"], hazard["round"], hazard["escalationRung"]) == ("ordered", 2, 0)
    hazard = await enterprise.move(hazard, "rectifications")
    hazard = await officer.move(hazard, "reinspections", {"result": "pass"})
    assert (hazard["state"], hazard["allowedMoves"]) == ("closed", ["reopen"])

    assert await world.announced(hazard) == [
        "hazard-found",
        "hazard-verified",
        "hazard-ordered",
        "deadline-approaching",
        "deadline-approaching",
        "deadline-approaching",
        "deadline-missed",
        "hazard-escalated",
        "hazard-escalated",
        "hazard-escalated",
        "hazard-rectified",
        "reinspection-failed",
        "hazard-rectified",
        "hazard-closed",
    ]
    assert await world.value("SELECT count(*) FROM timers") == 0
    assert await world.differing() == 0


async def test_the_log_says_who_in_which_role_from_what_to_what_when_why(world: World) -> None:
    officer, community = world.street(), world.community()
    hazard = await officer.report(world.enterprises["彩印厂"])
    await community.move(hazard, "rejections", {"reason": "重复上报"})
    lines = (await officer.get(f"/v1/hazards/{hazard['id']}/log")).json()["items"]
    assert [(line["move"], line["fromState"], line["toState"]) for line in lines] == [
        ("report", None, "reported"),
        ("reject", "reported", "void"),
    ]
    assert lines[1]["role"] == "grid_worker"
    assert lines[1]["actorId"] == f"community:{COMMUNITY}:"
    assert lines[1]["reason"] == "重复上报"
    assert lines[1]["at"] == "2026-09-24T10:00:00+08:00"


async def test_every_version_has_one_line_one_event_and_the_row_is_the_last(world: World) -> None:
    hazard = await ordered(world)
    world.clock.advance(days=40)
    await world.sweep()
    seen = await world.street().see(hazard)
    versions = list(range(1, seen["version"] + 1))
    rows = await world.rows("SELECT version FROM hazard_log ORDER BY version")
    assert [row["version"] for row in rows] == versions
    rows = await world.rows("SELECT sequence, data FROM outbox ORDER BY id")
    assert [row["sequence"] for row in rows] == versions
    assert "通道堆放" not in "".join(row["data"] for row in rows)  # free text stays at home


async def test_a_submission_before_the_deadline_stops_every_clock_but_the_reinspection(world: World) -> None:
    hazard = await ordered(world)
    kinds = await world.rows("SELECT kind FROM timers ORDER BY kind")
    assert [row["kind"] for row in kinds] == ["deadline", "reminder"]
    hazard = await world.enterprise().move(hazard, "rectifications")
    kinds = await world.rows("SELECT kind FROM timers")
    assert [row["kind"] for row in kinds] == ["reinspection"]
    world.clock.advance(days=30)
    await world.sweep()
    assert "deadline-missed" not in await world.announced(hazard)
    assert (await world.announced(hazard))[-1] == "reinspection-overdue"


async def test_nobody_verifies_nobody_assigns(world: World) -> None:
    officer = world.street()
    hazard = await officer.report(world.enterprises["彩印厂"])
    assert hazard["actBy"] == "2026-09-30T23:59:59+08:00"  # three working days; the 25th and the weekend are off
    world.clock.advance(days=20)
    await world.sweep()
    await world.sweep()
    hazard = await officer.see(hazard)
    assert hazard["actOverdueSince"] == "2026-10-01T00:00:00+08:00"
    hazard = await officer.move(hazard, "verifications", {"level": "general", "category": "fire"})
    assert hazard["actOverdueSince"] is None
    world.clock.advance(days=20)
    await world.sweep()
    assert await world.announced(hazard) == [
        "hazard-found",
        "verification-overdue",
        "hazard-verified",
        "dispatch-overdue",
    ]


async def test_at_once_is_a_lawful_deadline(world: World) -> None:
    hazard = await ordered(world, dueAt=world.clock.now().isoformat())
    await world.sweep()
    seen = await world.street().see(hazard)
    assert seen["overdueSince"] == seen["dueAt"]


async def test_rows_that_say_seconds(world: World) -> None:
    administrator = world.street()
    for path, row in (
        ("deadline-policies", {"clock": "deadline", "period": "PT3S"}),
        ("reminder-policies", {"before": ["PT2S"]}),
        (
            "escalation-policies",
            {"steps": [{"tier": "community", "after": "PT1S"}, {"tier": "leader", "after": "PT2S"}]},
        ),
    ):
        body = {"code": "STORY", "areaCode": COMMUNITY, "basis": "演示"} | row
        answer = await administrator.post(f"/v1/{path}", body)
        assert answer.status_code == 201, answer.text
        assert (await administrator.get(answer.headers["Location"])).json()["code"] == "STORY"
    hazard = await ordered(world)
    due = world.clock.now() + timedelta(seconds=3)
    assert hazard["dueAt"].startswith(due.astimezone().isoformat()[:4])
    for _ in range(6):
        world.clock.advance(seconds=1)
        await world.sweep()
    assert (await world.announced(hazard))[3:] == [
        "deadline-approaching",
        "deadline-missed",
        "hazard-escalated",
        "hazard-escalated",
    ]


async def test_policy_in_force_is_frozen_on_the_case(world: World) -> None:
    administrator = world.street()
    before = await ordered(world, dueAt=world.clock.now().isoformat())
    rule = {"code": "NONE", "areaCode": COMMUNITY, "basis": "演示", "steps": []}
    assert (await administrator.post("/v1/escalation-policies", rule)).status_code == 201
    after = await ordered(world, dueAt=world.clock.now().isoformat())
    world.clock.advance(days=10)
    await world.sweep()
    assert (await administrator.see(before))["escalationRung"] == 3
    assert (await administrator.see(after))["escalationRung"] == 0


async def test_a_find_is_fixed_on_the_spot_or_ordered_or_pre_handled(world: World) -> None:
    officer, works = world.street(), world.enterprises["彩印厂"]
    fixed, left, void = [await officer.report(works) for _ in range(3)]
    await officer.move(fixed, "on-spot-fixes", {"reason": "当场清理"})
    await officer.move(void, "rejections")
    hazard = await ordered(world)
    totals = (await officer.get(f"/v1/views/community/{COMMUNITY}")).json()["totals"]
    assert (totals["found"], totals["void"], totals["closed"]) == (3, 1, 1)
    assert (totals["fixedOnSpot"], totals["ordered"], totals["preHandled"]) == (1, 1, 1)
    hazard = await world.enterprise().move(hazard, "rectifications")
    hazard = await officer.move(hazard, "reinspections", {"result": "pass"})
    hazard = await officer.move(hazard, "reopenings", {"reason": "回头看复发"})
    assert hazard["handling"] == "pre_handled"
    totals = (await officer.get(f"/v1/views/community/{COMMUNITY}")).json()["totals"]
    assert totals["found"] == totals["fixedOnSpot"] + totals["ordered"] + totals["preHandled"] == 3
    assert left["handling"] == "pre_handled"
    assert await world.differing() == 0
