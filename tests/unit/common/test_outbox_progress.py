"""How far a shard is published, and up to where ids are settled: nothing below either may still appear."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from libs.common.db import Database
from libs.common.relay_leases import HeldShard
from libs.common.settled import Settled
from tests.support.waiting import until

SERVER = datetime(2026, 11, 20, tzinfo=UTC)
OTHER = SERVER + timedelta(seconds=1)
LIMIT = 3


class NoDatabase:
    """Asked by nobody: these tests say themselves what a look has seen."""


async def known(settled: Settled, server: datetime = SERVER) -> int:
    settled._look_at = float("inf")
    return await settled.upto(server)


def nothing_seen() -> Settled:
    return Settled(cast(Database, NoDatabase()))


async def test_without_writers_all_that_is_visible_is_settled() -> None:
    settled = nothing_seen()
    settled.learn(SERVER, 40, frozenset())
    assert await known(settled) == 40


async def test_a_writer_holds_up_only_what_was_visible_when_it_was_seen() -> None:
    settled = nothing_seen()
    settled.learn(SERVER, 40, frozenset({"slow", "quick"}))
    assert await known(settled) == 0
    settled.learn(SERVER, 50, frozenset({"slow", "next"}))
    assert await known(settled) == 0
    settled.learn(SERVER, 60, frozenset({"next"}))  # the slow one has ended: what was visible at first is settled
    assert await known(settled) == 40
    settled.learn(SERVER, 70, frozenset({"another"}))  # and now what was visible when only `next` was writing
    assert await known(settled) == 60


async def test_what_another_server_said_means_nothing() -> None:
    settled = nothing_seen()
    settled.learn(SERVER, 40, frozenset())
    assert await known(settled, OTHER) == 0
    settled.learn(OTHER, 30, frozenset({"slow"}))
    assert (await known(settled, OTHER), await known(settled, SERVER)) == (0, 0)


class SlowDatabase:
    """Answers a look when it is told to; it remembers how many were under way at the same time."""

    def __init__(self) -> None:
        self.answer = asyncio.Event()
        self.asked = self.at_once = self.most_at_once = 0

    async def alone(self, _: str) -> list[dict[str, object]]:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.answer.wait()
        self.at_once -= 1
        return [{"server": SERVER, "top": 10 * self.asked, "writers": []}]


async def test_looks_follow_one_another_so_that_none_is_learnt_after_a_later_one() -> None:
    """Two lanes ask at once: an answer that came late, with writers long gone, would settle what is still open."""
    database = SlowDatabase()
    settled = Settled(cast(Database, database))
    first = asyncio.create_task(settled.upto(SERVER))
    await until(lambda: database.asked == 1)
    settled._look_at = 0.0  # time for another look
    second = asyncio.create_task(settled.upto(SERVER))
    for _ in range(5):
        await asyncio.sleep(0)
    database.answer.set()
    assert list(await asyncio.gather(first, second)) == [10, 10]
    assert database.most_at_once == 1


def held(upto: int = 0, *beyond: int) -> HeldShard:
    return HeldShard(0, 1, SERVER, upto, set(beyond))


def test_what_may_still_appear_keeps_the_floor_down() -> None:
    shard = held(10)
    shard.published([12, 20], 15, LIMIT)
    assert (shard.published_to, shard.beyond) == (15, {20})
    shard.published([14], 15, LIMIT)  # a late one, below what is published
    shard.published([], 30, LIMIT)
    assert (shard.published_to, shard.beyond) == (30, set())


def test_a_full_batch_says_nothing_about_what_follows_it() -> None:
    shard = held(0)
    shard.published([2, 4, 6], 100, LIMIT)
    assert (shard.published_to, shard.beyond) == (6, set())


def test_the_floor_never_falls() -> None:
    shard = held(50, 60)
    shard.published([], 40, LIMIT)
    assert (shard.published_to, shard.beyond_text()) == (50, "{60}")


@given(st.lists(st.sets(st.integers(1, 40), max_size=6), max_size=8))
def test_nothing_counts_as_published_that_was_not(commits: list[set[int]]) -> None:
    """Ids become visible in any order; every pass reads the lowest that it does not know, and settles what is final."""
    late = [sorted(ids - set().union(*commits[:nr])) for nr, ids in enumerate(commits)]
    shard, visible, sent = held(), set[int](), set[int]()
    for nr, ids in enumerate(late):
        visible.update(ids)
        to_come = {id for later in late[nr + 1 :] for id in later}
        settled = min([*to_come, 41]) - 1
        unread = sorted(id for id in visible if id > shard.published_to and id not in shard.beyond)[:LIMIT]
        sent.update(unread)
        shard.published(unread, settled, LIMIT)
        assert {id for id in visible if id <= shard.published_to} | (shard.beyond & visible) == sent
    while unread := sorted(id for id in visible if id > shard.published_to and id not in shard.beyond)[:LIMIT]:
        sent.update(unread)
        shard.published(unread, 40, LIMIT)
    assert sent == visible
