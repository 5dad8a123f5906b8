"""Messages over real HTTP to phones that fail in every way: one effect, a constant id, every attempt on record."""

import asyncio
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import pytest

from libs.common.contracts import hazards as said
from libs.common.errors import DatabaseUnavailable
from services.notifications.domain.audience import Channel
from services.notifications.settings import NotificationsSettings
from services.notifications.store import deliveries
from services.notifications.worker import create_door
from tests.service.notifications.conftest import COMMUNITY, DISTRICT, GRID, STREET, Hazard, World, person
from tests.support.phones import Phone


async def one_message(world: World, **contact: Any) -> tuple[Hazard, Phone]:
    """A hazard whose alert has one message, to the grid worker, not sent yet."""
    phone = await world.give_phone("网格员", **contact)
    await world.give_post(GRID, "网格员", role="grid_worker")
    hazard = Hazard()
    await world.hear_hazard(hazard, said.HazardFound)
    return hazard, phone


async def keep_sending(world: World, turns: int = 10) -> None:
    """Sends whatever is due, with hours in between."""
    for _ in range(turns):
        await world.deliver()
        world.clock.advance(minutes=11)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ("500", 500, "status"),
        ("404", 404, "status"),
        ("301", 301, "redirect"),
        ("silent", None, "timeout"),
        ("reset", None, "broken"),
        ("garbage", None, "broken"),
    ],
)
async def test_a_phone_that_fails_is_called_again_under_the_same_id(
    world: World, answer: str, status: int | None, error: str
) -> None:
    hazard, phone = await one_message(world)
    if answer == "silent":
        world.lose_patience()
    phone.will(answer, answer)
    await keep_sending(world)
    calls = phone.take_all()
    assert len(calls) == 3
    assert len({call.delivery_id for call in calls}) == 1
    assert len({call.body for call in calls}) == 1
    alert = await world.street.alert(hazard)
    assert [(a["number"], a["outcome"], a["status"], a["error"]) for a in alert["attempts"]] == [
        (1, "failed", status, error),
        (2, "failed", status, error),
        (3, "delivered", 200, None),
    ]
    assert all(a["latencyMs"] is not None and a["startedAt"] for a in alert["attempts"])
    assert [d["state"] for d in alert["deliveries"]] == ["delivered"]


@pytest.mark.parametrize("answer", ["slow_body", "huge_body"])
async def test_the_answer_is_not_waited_for_beyond_its_status(world: World, answer: str) -> None:
    hazard, phone = await one_message(world)
    phone.will(answer)
    await asyncio.wait_for(world.deliver(), 5)
    phone.take()
    assert (await world.street.alert(hazard))["deliveries"][0]["state"] == "delivered"


async def test_a_redirect_to_this_machine_is_never_followed(world: World) -> None:
    hazard, phone = await one_message(world)
    inner = world.phones.phone("inner")
    phone.will(f"redirect {inner.url}")
    await world.deliver()
    phone.take()
    assert not inner.calls
    assert (await world.street.alert(hazard))["attempts"][0]["error"] == "redirect"


async def test_a_phone_that_never_works_is_given_up_and_does_not_hold_up_the_ladder(world: World) -> None:
    hazard, phone = await one_message(world)
    community = await world.give_phone("社区")
    await world.give_post(COMMUNITY, "社区")
    phone.will(*["500"] * 5)
    for _ in range(5):
        await world.later(minutes=15)
    assert len(phone.take_all()) == 5
    assert community.take().message["rung"] == 2
    listed = (await world.street.get("/v1/deliveries", state="dead")).json()["items"]
    assert [(d["tier"], d["attempts"]) for d in listed] == [("grid", 5)]
    await world.later(days=1)
    assert not phone.calls, "what was given up is not sent by itself"

    address = f"/v1/deliveries/{listed[0]['id']}"
    assert (await world.street.post(f"{address}/retries")).status_code == 428
    assert (await world.street.post(f"{address}/retries", If_Match='"1"')).status_code == 412
    version = (await world.street.get(address)).headers["ETag"]
    again = await world.street.post(f"{address}/retries", If_Match=version)
    assert (again.status_code, again.json()["state"]) == (200, "pending"), again.text
    await world.deliver()
    assert phone.take().delivery_id == listed[0]["id"]
    refused = await world.street.post(f"{address}/retries", If_Match=(await world.street.get(address)).headers["ETag"])
    assert (refused.status_code, refused.json()["code"]) == (409, "delivery_not_dead")
    assert (await world.street.alert(hazard))["attempts"][-1]["number"] == 6


async def test_waits_grow_between_attempts(world: World) -> None:
    _, phone = await one_message(world)
    phone.will(*["500"] * 3)
    await world.deliver()
    waits = []
    for _ in range(3):
        due = await world.value("SELECT next_at FROM deliveries WHERE state = 'pending'")
        waits.append((due - world.clock.now()).total_seconds())
        world.clock.move_to(due - timedelta(milliseconds=1))
        assert await world.deliver() == 0
        world.clock.advance(milliseconds=1)
        assert await world.deliver() == 1
    assert len(phone.take_all()) == 4
    assert 2 <= waits[0] < waits[1] < waits[2] <= 9.7


async def test_a_crash_after_sending_sends_the_same_message_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hazard, phone = await one_message(world)
    with monkeypatch.context() as patched:

        async def away(*_: Any) -> None:
            raise DatabaseUnavailable

        patched.setattr(deliveries, "record", away)
        with pytest.raises(DatabaseUnavailable):
            await world.deliver()
    assert await world.deliver() == 0, "the lease holds"
    world.clock.advance(minutes=1)
    assert await world.deliver() == 1
    first, second = phone.take(), phone.take()
    assert (first.delivery_id, first.body) == (second.delivery_id, second.body)
    assert [a["outcome"] for a in (await world.street.alert(hazard))["attempts"]] == [None, "delivered"]


async def test_two_replicas_never_send_the_same_message_at_once(world: World) -> None:
    for name in ("甲", "乙", "丙"):
        await world.give_phone(name)
    await world.give_post(GRID, "甲", "乙", "丙", role="grid_worker")
    await world.hear(
        *(Hazard(number=f"HZ-410503-2026-{n:06d}").tells(said.HazardFound, world.clock.now()) for n in range(40))
    )
    sent = await asyncio.gather(*(world.deliver() for _ in range(3)))
    assert sum(sent) == 120
    ids = [call.delivery_id for name in ("甲", "乙", "丙") for call in world.phones.phone(name).take_all()]
    assert len(ids) == len(set(ids)) == 120


async def test_no_transaction_is_open_while_a_phone_does_not_answer(world: World) -> None:
    _, phone = await one_message(world)
    phone.will("silent")
    world.lose_patience()
    sending = asyncio.ensure_future(world.deliver())
    while not phone.calls:
        await asyncio.wait({sending}, timeout=0.01)
    idle = await world.value(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
    )
    assert idle == 0
    await sending
    phone.take()


async def test_the_signature_is_over_the_bytes_that_are_sent(world: World) -> None:
    secret = "sixteen-characters-at-least"
    _, phone = await one_message(world, secret=secret)
    await world.deliver()
    call = phone.take()
    expected = "sha256=" + hmac.new(secret.encode(), call.body, hashlib.sha256).hexdigest()
    assert call.headers["x-signature"] == expected
    assert call.headers["content-type"].startswith("application/json")
    shown = (await world.caller_of_district().get("/v1/contacts")).text
    assert secret not in shown


async def test_an_address_that_becomes_forbidden_is_not_called(world: World) -> None:
    hazard, _ = await one_message(world)
    closed = world.settings.model_copy(update={"webhook_allowed_networks": ""})
    door = create_door(closed, world.db, world.clock)
    await door.sweep()
    await door.close()
    assert (await world.street.alert(hazard))["attempts"][0]["error"] == "forbidden_address"


async def test_a_name_that_leads_to_this_machine_is_judged_by_its_address(world: World) -> None:
    phone = world.phones.phone("local")
    body = {"personId": str(person("网格员")), "areaCode": DISTRICT, "channel": "webhook"}
    address = phone.url.replace("127.0.0.1", "localhost")
    assert (await world.caller_of_district().post("/v1/contacts", body | {"address": address})).status_code == 201
    await world.give_post(GRID, "网格员", role="grid_worker")
    await world.hear_hazard(Hazard(), said.HazardFound)
    elsewhere = world.settings.model_copy(update={"webhook_allowed_networks": "10.0.0.0/8"})
    door = create_door(elsewhere, world.db, world.clock)
    await door.sweep()
    await door.close()
    assert not phone.calls
    await keep_sending(world, 1)
    world.clock.advance(minutes=11)
    await world.deliver()
    call = phone.take()
    assert call.headers["host"].startswith("localhost:")


async def test_a_contact_that_is_removed_is_not_called(world: World) -> None:
    hazard, _ = await one_message(world)
    contact = (await world.caller_of_district().get("/v1/contacts")).json()["items"][0]
    removed = await world.caller_of_district().delete(f"/v1/contacts/{contact['id']}", If_Match='"1"')
    assert removed.status_code == 204
    await world.deliver()
    delivery = (await world.street.alert(hazard))["deliveries"][0]
    assert (delivery["state"], delivery["address"]) == ("cancelled", None)


async def test_the_log_is_a_channel_too(world: World, caplog: pytest.LogCaptureFixture) -> None:
    body = {"personId": str(person("街道")), "areaCode": STREET, "channel": Channel.LOG, "address": "值班室"}
    assert (await world.street.post("/v1/contacts", body)).status_code == 201
    await world.give_post(STREET, "街道", role="duty_staff")
    hazard = Hazard()
    await world.hear_hazard(hazard, said.HazardFound)
    with caplog.at_level("INFO", logger="services.notifications.channels.log"):
        await world.deliver()
    assert any(hazard.number in record.getMessage() for record in caplog.records)
    assert (await world.street.alert(hazard))["attempts"][0]["outcome"] == "delivered"


async def test_the_loop_sends_by_itself_and_ends_when_it_is_told_to(world: World) -> None:
    _, phone = await one_message(world)
    second = await world.give_phone("社区")
    await world.give_post(COMMUNITY, "社区")
    phone.will("silent")
    world.lose_patience()
    door = create_door(world.settings, world.db, world.clock)
    stop = asyncio.Event()
    running = asyncio.ensure_future(door.run(stop))
    while not phone.calls:
        await asyncio.wait({running}, timeout=0.01)
    stop.set()
    await asyncio.wait_for(running, 5)
    await door.close()
    phone.take()
    assert not second.calls
    assert await world.value("SELECT outcome FROM attempts") == "failed"


def test_addresses_are_read_from_the_settings() -> None:
    settings = NotificationsSettings(
        webhook_allowed_networks="10.0.0.0/8, 127.0.0.1/32", webhook_allowed_hosts="A.b, .c"
    )
    assert [str(network) for network in settings.allowed_networks] == ["10.0.0.0/8", "127.0.0.1/32"]
    assert settings.allowed_hosts == {"a.b", ".c"}
    with pytest.raises(ValueError, match="webhook_allowed_networks"):
        NotificationsSettings(webhook_allowed_networks="10.0.0.1/8")
