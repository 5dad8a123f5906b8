"""How far a Kafka member has come since the last rebalance: the fence around what it may commit."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import TopicPartition

from libs.common.bus.base import Delivered


class Progress:
    """Offsets handed out and committed in the present assignment.

    Kafka itself would let a member move a group back, or commit in the name of a later assignment what it did in an
    earlier one: so only offsets of this assignment count, and only forwards.
    """

    def __init__(self) -> None:
        self._handed_out: dict[TopicPartition, range] = {}
        self._committed: dict[TopicPartition, int] = {}

    def forget(self) -> None:
        """The assignment is over."""
        self._handed_out.clear()
        self._committed.clear()

    def hand_out(self, partition: TopicPartition, first: int, last: int) -> None:
        """Offsets `first` to `last` go to the caller."""
        known = self._handed_out.get(partition)
        self._handed_out[partition] = range(first if known is None else known.start, last + 1)

    def to_commit(self, delivered: Sequence[Delivered]) -> dict[TopicPartition, int]:
        """The next offset to read of each partition, once these are done; without what is lost or done already."""
        done: dict[TopicPartition, int] = {}
        offsets: dict[tuple[str, int], list[int]] = {}
        for item in delivered:
            offsets.setdefault((item.message.topic, item.partition), []).append(item.offset)
        for place, found in offsets.items():
            partition = TopicPartition(*place)
            ours, already = self._handed_out.get(partition, range(0)), self._committed.get(partition, 0)
            last = max((offset for offset in found if offset in ours), default=-1)
            if last >= already:
                done[partition] = last + 1
        return done

    def committed(self, done: dict[TopicPartition, int]) -> None:
        """The broker has confirmed these."""
        self._committed |= done
