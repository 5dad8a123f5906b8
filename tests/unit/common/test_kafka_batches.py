"""Keys go where Kafka's own clients put them."""

import random
from uuid import uuid4

import pytest
from aiokafka.partitioner import murmur2 as reference

from libs.common.bus.kafka_batches import murmur2, partition_of


def test_the_hash_is_that_of_kafka() -> None:
    dice = random.Random(4)
    for length in range(70):
        for _ in range(20):
            data = dice.randbytes(length)
            assert murmur2(data) == reference(data), data


@pytest.mark.parametrize("count", [1, 8, 12])
def test_all_partitions_are_used(count: int) -> None:
    partitions = list(range(count))
    assert {partition_of(str(uuid4()).encode(), partitions) for _ in range(1000)} == set(partitions)
