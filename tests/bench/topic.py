"""A topic filled with the bench's events before anybody reads it."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.shape import Item

_FILL = 5_000


async def fill(kafka: Mapping[str, Any], topic: str, items: Sequence[Item]) -> None:
    """Produce the items, each to its partition, in order of time; `kafka` is what a client needs to connect."""
    producer: Any = AIOKafkaProducer(**kafka, linger_ms=0, max_batch_size=4_000_000, max_request_size=4_100_000)
    await producer.start()
    try:
        for begin in range(0, len(items), _FILL):
            part = sorted(items[begin : begin + _FILL], key=attrgetter("partition"))  # stable: in order of time
            for partition, group in groupby(part, key=attrgetter("partition")):
                batch = producer.create_batch()
                for item in group:
                    if batch.append(key=item.key, value=item.value, timestamp=None) is None:
                        raise RuntimeError("a batch is too small")
                await producer.send_batch(batch, topic, partition=partition)
        await producer.flush()
    finally:
        await producer.stop()
