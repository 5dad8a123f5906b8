"""The batcher: load decides the size of a batch, the queue is bounded, one caller's fate is not another's."""

import asyncio
from collections.abc import Sequence

import pytest
import uvloop

from libs.common.batcher import Batcher
from libs.common.errors import Busy, Overloaded
from tests.support.waiting import until


class Flushes:
    """A flush that a test holds back and lets go; it remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.finished = 0
        self.at_once = 0
        self.most_at_once = 0

    async def __call__(self, items: Sequence[int]) -> Sequence[int | BaseException]:
        self.batches.append(list(items))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.gate.wait()
        self.at_once -= 1
        self.finished += 1
        return [ValueError(f"bad {item}") if item < 0 else item * 10 for item in items]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_lone_item_is_flushed_at_once() -> None:
    flushes = Flushes()
    batcher = Batcher(flushes, max_wait=60)
    assert await asyncio.wait_for(batcher.submit(1), 1) == 10
    assert flushes.batches == [[1]]


async def test_what_comes_during_a_flush_makes_the_next_batch() -> None:
    flushes = Flushes()
    flushes.gate.clear()
    batcher = Batcher(flushes, parallel=1)
    callers = [asyncio.create_task(batcher.submit(1))]
    await until(lambda: bool(flushes.batches))
    callers += [asyncio.create_task(batcher.submit(n)) for n in range(2, 102)]
    await settle()
    assert len(flushes.batches) == 1
    flushes.gate.set()
    assert await asyncio.gather(*callers) == [n * 10 for n in range(1, 102)]
    assert [len(batch) for batch in flushes.batches] == [1, 100]


async def test_those_just_answered_are_waited_for_so_that_all_go_together_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the first to return is flushed alone, and the others wait for a flush that costs as much as theirs."""
    flushes = Flushes()
    flushes.gate.clear()
    batcher = Batcher(flushes, parallel=1, max_wait=60)
    callers = [asyncio.create_task(batcher.submit(n)) for n in range(32)]
    await until(lambda: bool(flushes.batches))
    began = asyncio.get_running_loop().time()  # as long as this flush takes the next batch may wait
    await until(lambda: asyncio.get_running_loop().time() > began + 0.02)
    flushes.gate.set()
    await asyncio.gather(*callers)
    stopped = asyncio.get_running_loop().time()  # however long the machine takes now, a flush would not be over
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: stopped)
    first = asyncio.create_task(batcher.submit(0))
    await settle()
    assert len(flushes.batches) == 1
    await asyncio.gather(first, *(batcher.submit(n) for n in range(1, 32)))
    assert [len(batch) for batch in flushes.batches] == [32, 32]


async def test_those_who_do_not_come_again_are_not_waited_for_longer_than_a_flush() -> None:
    flushes = Flushes()
    batcher = Batcher(flushes, parallel=1, max_wait=60)
    await asyncio.gather(*(batcher.submit(n) for n in range(32)))
    assert await asyncio.wait_for(batcher.submit(1), 5) == 10


async def test_a_batch_has_a_largest_size() -> None:
    flushes = Flushes()
    batcher = Batcher(flushes, max_items=10, parallel=2)
    answers = await asyncio.gather(*(batcher.submit(n) for n in range(95)))
    assert answers == [n * 10 for n in range(95)]
    assert max(len(batch) for batch in flushes.batches) == 10
    assert len(flushes.batches) == 10
    assert flushes.most_at_once <= 2


async def test_items_left_over_beside_a_running_flush_do_not_wait_for_its_end() -> None:
    flushes = Flushes()
    flushes.gate.clear()
    batcher = Batcher(flushes, max_items=10, parallel=2, max_wait=0.002)
    callers = [asyncio.create_task(batcher.submit(n)) for n in range(13)]
    await until(lambda: len(flushes.batches) == 2)
    assert [len(batch) for batch in flushes.batches] == [10, 3]
    flushes.gate.set()
    await asyncio.gather(*callers)


async def test_order_is_kept() -> None:
    flushes = Flushes()
    batcher = Batcher(flushes, max_items=7, parallel=1)
    await asyncio.gather(*(batcher.submit(n) for n in range(50)))
    assert [n for batch in flushes.batches for n in batch] == list(range(50))


async def test_one_bad_item_fails_alone() -> None:
    batcher = Batcher(Flushes())
    answers = await asyncio.gather(*(batcher.submit(n) for n in (1, -2, 3)), return_exceptions=True)
    assert answers[0] == 10
    assert isinstance(answers[1], ValueError)
    assert str(answers[1]) == "bad -2"
    assert answers[2] == 30


async def test_a_full_queue_says_busy_and_recovers() -> None:
    flushes = Flushes()
    flushes.gate.clear()
    batcher = Batcher(flushes, max_items=1, parallel=1, queue=3)
    taken = [asyncio.create_task(batcher.submit(0))]
    await until(lambda: bool(flushes.batches))
    taken += [asyncio.create_task(batcher.submit(n)) for n in (1, 2, 3)]
    await settle()
    with pytest.raises(Overloaded):
        await batcher.submit(4)
    flushes.gate.set()
    assert await asyncio.gather(*taken) == [0, 10, 20, 30]
    assert await batcher.submit(5) == 50
    assert [4] not in flushes.batches


async def test_a_cancelled_caller_does_not_cancel_the_flush_it_is_part_of() -> None:
    flushes = Flushes()
    flushes.gate.clear()
    batcher = Batcher(flushes)
    leaver, stayer = (asyncio.create_task(batcher.submit(n)) for n in (1, 2))
    await until(lambda: bool(flushes.batches))
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    flushes.gate.set()
    assert await stayer == 20
    assert flushes.finished == 1
    assert flushes.batches == [[1, 2]]


async def test_all_callers_may_leave_and_the_flush_still_ends() -> None:
    flushes = Flushes()
    flushes.gate.clear()
    batcher = Batcher(flushes)
    callers = [asyncio.create_task(batcher.submit(n)) for n in range(3)]
    await until(lambda: bool(flushes.batches))
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    flushes.gate.set()
    await asyncio.wait_for(batcher.drain(), 5)
    assert flushes.finished == 1


async def test_a_flush_that_raises_tells_every_caller_and_the_next_batch_works() -> None:
    calls = 0

    async def flush(items: Sequence[int]) -> Sequence[int | BaseException]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("broken")
        return list(items)

    batcher: Batcher[int, int] = Batcher(flush)
    answers = await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True)
    assert [type(answer) for answer in answers] == [RuntimeError, RuntimeError]
    assert await batcher.submit(3) == 3


async def test_a_flush_that_is_cancelled_leaves_no_caller_waiting() -> None:
    async def flush(_: Sequence[int]) -> Sequence[int | BaseException]:
        raise asyncio.CancelledError

    batcher: Batcher[int, int] = Batcher(flush)
    with pytest.raises(Busy):
        await asyncio.wait_for(batcher.submit(1), 5)


async def test_a_flush_with_too_few_answers_leaves_no_caller_waiting() -> None:
    async def flush(items: Sequence[int]) -> Sequence[int | BaseException]:
        return list(items)[:-1]

    batcher: Batcher[int, int] = Batcher(flush)
    answers = await asyncio.wait_for(
        asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True), timeout=5
    )
    assert all(isinstance(answer, RuntimeError) for answer in answers)


async def test_drain_waits_for_everything() -> None:
    flushes = Flushes()
    batcher = Batcher(flushes, max_items=2, parallel=1)
    callers = [asyncio.create_task(batcher.submit(n)) for n in range(9)]
    await settle()
    await asyncio.wait_for(batcher.drain(), 5)
    assert sum(len(batch) for batch in flushes.batches) == 9
    assert flushes.finished == len(flushes.batches)
    await asyncio.gather(*callers)


def test_items_of_one_round_are_one_batch_on_the_event_loop_of_the_services() -> None:
    flushes = Flushes()

    async def callers() -> list[int]:
        batcher: Batcher[int, int] = Batcher(flushes)
        return list(await asyncio.gather(*(batcher.submit(n) for n in range(3))))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(callers()) == [0, 10, 20]
    assert flushes.batches == [[0, 1, 2]]
