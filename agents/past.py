"""What topics hold: up to their present end, or what is of late, for a Redis that has lost it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.settings import Environment

_TIMEOUT_MS = 1_000


async def to_the_end(consumer: AIOKafkaConsumer, places: Iterable[TopicPartition]) -> dict[TopicPartition, list[Any]]:
    """Every record from where a consumer stands up to the present end of some partitions."""
    ends = await consumer.end_offsets(list(places))
    found: dict[TopicPartition, list[Any]] = {place: [] for place in ends}
    while any([await consumer.position(place) < end for place, end in ends.items()]):
        for place, records in (await consumer.getmany(timeout_ms=_TIMEOUT_MS)).items():
            found[place] += [each for each in records if each.offset < ends[place]]
    return found


async def recent(
    environment: Environment,
    topic: str,
    wanted: Collection[int] | None,
    of: int,
    *,
    depth: int | None,
    since: int | None,
) -> list[bytes]:
    """The values in every partition that is `wanted` modulo `of` (None: in all), in the order of arrival.

    Of each partition at most the last `depth` records, and those that the broker got from `since` (ms) on.
    Raises aiokafka.errors.KafkaError while no broker answers.
    """
    consumer = AIOKafkaConsumer(
        topic, **environment.kafka_kwargs(), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        everywhere = consumer.assignment()
        places = [place for place in everywhere if wanted is None or place.partition % of in wanted]
        consumer.pause(*everywhere.difference(places))
        first, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        if depth is not None:
            first = {place: max(offset, ends[place] - depth) for place, offset in first.items()}
        if since is not None:
            for place, found_at in (await consumer.offsets_for_times(dict.fromkeys(places, since))).items():
                first[place] = max(first[place], ends[place] if found_at is None else found_at.offset)
        for place in places:
            consumer.seek(place, first[place])
        found = chain.from_iterable((await to_the_end(consumer, places)).values())
        return [each.value for each in sorted(found, key=lambda each: each.timestamp) if each.value is not None]
    finally:
        await consumer.stop()
