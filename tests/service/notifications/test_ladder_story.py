"""Stories of one night: who is woken, who answers, and what happens when nobody does."""

from datetime import timedelta

from libs.common.contracts import hazards as said
from services.notifications.store import deliveries
from tests.service.notifications.conftest import COMMUNITY, GRID, STREET, Hazard, World, person


async def test_nobody_answers_so_the_community_and_then_the_street_is_woken(world: World) -> None:
    grid, community, street = [await world.give_phone(name) for name in ("网格员", "社区", "街道")]
    await world.give_post(GRID, "网格员", role="grid_worker")
    await world.give_post(COMMUNITY, "社区")
    await world.give_post(STREET, "街道", role="duty_staff")

    hazard = Hazard()
    await world.hear_hazard(hazard, said.HazardFound)
    await world.deliver()
    message = grid.take().message
    assert message["number"] == hazard.number
    assert message["kind"] == "found"
    assert (message["rung"], message["tier"]) == (1, "grid")

    await world.later(minutes=14)
    await world.later(minutes=1)
    assert community.take().message["rung"] == 2
    await world.later(minutes=30)
    assert street.take().message["tier"] == "street"

    alert = await world.street.alert(hazard)
    assert (alert["state"], alert["rung"], alert["tier"]) == ("open", 3, "street")
    assert [(a["tier"], a["outcome"], a["status"]) for a in alert["attempts"]] == [
        ("grid", "delivered", 200),
        ("community", "delivered", 200),
        ("street", "delivered", 200),
    ]
    assert await world.announced(alert) == ["alert-opened", "alert-climbed", "alert-climbed"]

    await world.later(hours=2)  # the leader in charge is not known: nobody is left
    alert = await world.street.alert(hazard)
    assert alert["state"] == "exhausted"
    assert (await world.announced(alert))[-1] == "alert-exhausted"


async def test_whoever_answers_stops_the_ladder_and_calls_back_what_was_not_sent(world: World) -> None:
    grid = await world.give_phone("网格员")
    await world.give_phone("社区")
    await world.give_post(GRID, "网格员", role="grid_worker")
    await world.give_post(COMMUNITY, "社区")
    grid.will("500")

    hazard = Hazard()
    await world.hear_hazard(hazard, said.HazardFound)
    await world.deliver()
    grid.take()
    alert = await world.community.alert(hazard)
    answer = await world.community.post(f"/v1/alerts/{alert['id']}/acknowledgements", {"note": "已派人到场"})
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["note"]) == ("acknowledged", "已派人到场")

    await world.later(hours=5)
    alert = await world.community.alert(hazard)
    assert [delivery["state"] for delivery in alert["deliveries"]] == ["cancelled"]
    assert await world.announced(alert) == ["alert-opened", "alert-acknowledged"]
    assert await world.value("SELECT count(*) FROM timers") == 0


async def test_the_empty_roster_climbs_at_once_and_at_the_end_everybody_can_see_it(world: World) -> None:
    hazard = Hazard()
    await world.hear_hazard(hazard, said.HazardFound)
    alert = await world.street.alert(hazard)
    assert (alert["state"], alert["rung"], alert["deliveries"]) == ("exhausted", 0, [])
    assert await world.announced(alert) == ["alert-opened", "alert-exhausted"]

    street = await world.give_phone("街道")
    answer = await world.street.post(
        "/v1/duty-shifts",
        {
            "areaCode": STREET,
            "personId": str(person("街道")),
            "role": "duty_staff",
            "startsAt": "2026-09-24T20:00:00+08:00",
            "endsAt": "2026-09-25T08:00:00+08:00",
        },
    )
    assert answer.status_code == 201, answer.text
    await world.climb()
    await world.deliver()
    assert street.take().message["tier"] == "street"
    assert (await world.street.alert(hazard))["state"] == "open"


async def test_those_on_duty_are_woken_and_those_off_duty_sleep(world: World) -> None:
    night = await world.give_phone("值班员")
    await world.give_phone("站长")
    await world.give_post(STREET, "站长", role="station_head")
    body = {"areaCode": STREET, "personId": str(person("值班员")), "startsAt": "2026-01-01T00:00:00+08:00"}
    hours = {"weekdays": [4], "dayFrom": "18:00", "dayTo": "08:00", "role": "duty_staff"}
    assert (await world.street.post("/v1/duty-shifts", body | hours)).status_code == 201
    await world.hear_hazard(Hazard(), said.HazardFound)
    await world.deliver()
    assert night.take().message["tier"] == "street"


async def test_a_missed_deadline_is_told_to_the_enterprise_and_the_grid_and_each_escalation_anew(world: World) -> None:
    head, grid = await world.give_phone("厂长"), await world.give_phone("网格员")
    community, street = await world.give_phone("社区"), await world.give_phone("街道")
    await world.give_post(GRID, "网格员", role="grid_worker")
    await world.give_post(COMMUNITY, "社区")
    await world.give_post(STREET, "街道", role="duty_staff")
    hazard = Hazard(fields=Hazard().fields | {"state": "ordered", "due_at": world.clock.now()})

    overdue = {"overdue_since": world.clock.now()}
    await world.hear_hazard(hazard, said.DeadlineMissed, **overdue)
    await world.deliver()
    assert head.take().message["tier"] == "enterprise"
    assert "2026年9月24日 22:00" in grid.take().message["text"]
    alert = await world.enterprise.alert(hazard)
    answer = await world.enterprise.post(f"/v1/alerts/{alert['id']}/acknowledgements")
    assert answer.json()["state"] == "acknowledged"
    await world.later(days=1)

    await world.hear_hazard(hazard, said.HazardEscalated, escalation_rung=1, escalation_tier="community")
    await world.deliver()
    assert community.take().message["tier"] == "community"
    await world.hear_hazard(hazard, said.HazardEscalated, escalation_rung=2, escalation_tier="street")
    await world.deliver()
    assert street.take().message["tier"] == "street"
    assert await world.street.alerts(hazard) == {"overdue": "open"}

    await world.hear_hazard(hazard, said.HazardEscalated, escalation_rung=3, escalation_tier="department")
    alert = await world.street.alert(hazard)
    assert alert["state"] == "exhausted", "the department has nobody: that must be seen, although the street was told"

    await world.hear_hazard(hazard, said.HazardRectified, state="rectified", overdue_since=None)
    assert (await world.street.alerts(hazard))["overdue"] == "closed"


async def test_a_case_that_is_over_wakes_nobody_any_more(world: World) -> None:
    await world.give_phone("网格员")
    await world.give_post(GRID, "网格员", role="grid_worker")
    hazard = Hazard()
    found = hazard.tells(said.HazardFound, world.clock.now())
    await world.hear(found, hazard.tells(said.HazardRejected, world.clock.now(), state="void"))
    await world.later(days=3)
    alert = await world.street.alert(hazard)
    assert (alert["state"], alert["closedReason"]) == ("closed", "hazard_void")
    assert [delivery["state"] for delivery in alert["deliveries"]] == ["cancelled"]
    assert await world.announced(alert) == ["alert-opened", "alert-closed"]
    answer = await world.street.post(f"/v1/alerts/{alert['id']}/acknowledgements")
    assert (answer.status_code, answer.json()["code"]) == (409, "alert_closed")


async def test_the_whole_life_of_a_hazard_opens_and_ends_its_cases(world: World) -> None:
    hazard, due = Hazard(), world.clock.now()
    steps: list[tuple[type[said.HazardChanged], dict[str, object], set[str]]] = [
        (said.HazardFound, {}, {"found"}),
        (said.VerificationOverdue, {}, {"verification_overdue"}),
        (said.HazardVerified, {"state": "verified"}, {"verified"}),
        (said.DispatchOverdue, {}, {"dispatch_overdue"}),
        (said.HazardOrdered, {"state": "ordered", "due_at": due, "round": 1}, {"ordered"}),
        (said.DeadlineApproaching, {}, {"ordered", "approaching"}),
        (said.DeadlineMissed, {"overdue_since": due}, {"overdue"}),
        (said.HazardRectified, {"state": "rectified", "overdue_since": None}, {"rectified"}),
        (said.ReinspectionOverdue, {}, {"reinspection_overdue"}),
        (said.ReinspectionFailed, {"state": "ordered", "round": 2}, {"reinspection_failed"}),
        (said.HazardClosed, {"state": "closed"}, set()),
        (said.HazardReopened, {"state": "verified"}, {"reopened"}),
    ]
    for contract, changes, expected in steps:
        await world.hear_hazard(hazard, contract, **changes)
        live = {kind for kind, state in (await world.street.alerts(hazard)).items() if state != "closed"}
        assert live == expected, contract.__name__


async def test_a_second_round_is_a_case_of_its_own(world: World) -> None:
    hazard, due = Hazard(), world.clock.now()
    for round_, later in ((1, 0), (2, 5)):
        when = due + timedelta(days=later)
        await world.hear_hazard(
            hazard, said.HazardOrdered, state="ordered", due_at=when, round=round_, overdue_since=None
        )
        await world.hear_hazard(hazard, said.DeadlineMissed, overdue_since=when)
        await world.hear_hazard(hazard, said.HazardRectified, state="rectified", overdue_since=None)
    kinds = await world.rows("SELECT kind, count(*) AS n FROM alerts GROUP BY kind ORDER BY kind")
    assert [(row["kind"], row["n"]) for row in kinds] == [("ordered", 2), ("overdue", 2), ("rectified", 2)]


async def test_a_policy_that_changes_leaves_the_running_case_alone(world: World) -> None:
    community, street = await world.give_phone("社区"), await world.give_phone("街道")
    await world.give_post(COMMUNITY, "社区")
    await world.give_post(STREET, "街道", role="duty_staff")
    await world.ladder("found", ("community", "PT3S"), ("street", "PT1H"), code=COMMUNITY)
    hazard = Hazard()
    await world.hear_hazard(hazard, said.HazardFound)
    await world.deliver()
    community.take()
    world.clock.advance(seconds=1)
    await world.ladder("found", ("leader", "P30D"), code=COMMUNITY)
    await world.later(seconds=2)
    assert street.take().message["rung"] == 2
    await world.later(hours=1)
    assert [rung["tier"] for rung in (await world.street.alert(hazard))["rungs"]] == ["community", "street"]

    await world.hear_hazard(Hazard(number="HZ-410503-2026-000124"), said.HazardFound)
    assert await world.value("SELECT count(*) FROM alerts WHERE rungs->0->>'tier' = 'leader'") == 1


async def test_a_major_hazard_has_another_ladder_and_is_told_in_chinese(world: World) -> None:
    grid, community = await world.give_phone("网格员"), await world.give_phone("社区")
    await world.give_post(GRID, "网格员", role="grid_worker")
    await world.give_post(COMMUNITY, "社区")
    hazard = Hazard(fields=Hazard().fields | {"level": None, "suggested_level": "major", "simulated": True})
    act_by = world.clock.now() + timedelta(hours=2)
    await world.hear_hazard(hazard, said.HazardFound, act_by=act_by)
    await world.deliver()
    text = grid.take().message["text"]
    assert text == (
        "【演练】【隐患待核实】编号 HZ-410503-2026-000123，重大隐患，"
        "地点：彰北街道北关社区北关第1网格 彰北彩印厂 二层东侧楼梯间。"
        "请网格人员尽快核实，核实期限：2026年9月25日 00:00。"
    )
    assert community.take().message["text"] == text.replace("请网格", "请社区")


async def test_a_restart_in_the_middle_of_the_night_goes_on_where_it_was(world: World) -> None:
    await world.give_phone("网格员")
    community = await world.give_phone("社区")
    await world.give_post(GRID, "网格员", role="grid_worker")
    await world.give_post(COMMUNITY, "社区")
    hazard = Hazard()
    await world.hear_hazard(hazard, said.HazardFound)
    async with world.db.transaction() as tx:  # a process claimed the message and died before it could send it
        assert len(await deliveries.claim(tx, 10, world.settings.lease, world.clock.now())) == 1
    assert await world.deliver() == 0
    world.clock.advance(minutes=15)
    assert await world.climb() == 1
    assert await world.deliver() == 2
    grid = world.phones.phone("网格员").take()
    assert community.take().message["rung"] == 2
    alert = await world.street.alert(hazard)
    assert [a["outcome"] for a in alert["attempts"] if a["deliveryId"] == grid.delivery_id] == [None, "delivered"]
