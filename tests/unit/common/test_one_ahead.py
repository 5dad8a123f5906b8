"""Pieces of work for a thread: results in order, the next worked out while one is used."""

import threading
from collections.abc import Callable
from functools import partial

import pytest

from libs.common.threads import one_ahead


async def test_results_come_in_order_and_nothing_of_nothing() -> None:
    work = [partial(pow, 2, nr) for nr in range(5)]
    assert [result async for result in one_ahead(work)] == [1, 2, 4, 8, 16]
    assert [result async for result in one_ahead(work[:0])] == []


async def test_the_next_piece_is_done_while_the_caller_is_busy_and_no_further_one() -> None:
    done = [threading.Event() for _ in range(3)]
    ahead = one_ahead([event.set for event in done])
    await anext(ahead)
    assert done[1].wait(5), "nobody waited for the event loop, and yet the second was not begun"
    assert not done[2].is_set()
    await ahead.aclose()
    assert not done[2].is_set()


async def test_work_leaves_the_thread_of_the_event_loop_alone() -> None:
    here = threading.get_ident()
    assert [who async for who in one_ahead([threading.get_ident] * 2) if who == here] == []


async def test_a_piece_that_fails_says_so_when_its_turn_has_come() -> None:
    def broken() -> int:
        raise ValueError("broken")

    work: list[Callable[[], int]] = [lambda: 1, broken, lambda: 3]
    ahead = one_ahead(work)
    assert await anext(ahead) == 1
    with pytest.raises(ValueError, match="broken"):
        await anext(ahead)
