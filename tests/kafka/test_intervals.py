"""Interval records: each once, whoever closes it, with an idle partition and across kill -9."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiokafka.partitioner import murmur2

from agents.runs import interval_records, read_all, tick
from streams.clock import wall_ms
from tests.conftest import KafkaServer
from tests.kafka.house import TENANT, Event, House, event
from tests.kafka.lab import until

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]
QUARTER = 900_000
SPEED = 600
"""A quarter of an hour takes 1.5 s."""
PARTITIONS = 2


def names(count: int) -> list[str]:
    """Conversations that all live in partition 0."""
    found = (f"c{number}" for number in range(100 * count))
    return [each for each in found if (murmur2(f"{TENANT}/{each}".encode()) & 0x7FFFFFFF) % PARTITIONS == 0][:count]


async def test_each_closed_interval_once_across_kills_and_beside_an_idle_partition(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    began, wall = 1_750_000_000_000 // QUARTER * QUARTER, wall_ms()
    config = {"lateness_s": 60}
    house = House(kafka.bootstrap, tmp_path, config=config, SIGAP_CLOCK=f"scaled:{began}:{wall}:{SPEED}")
    await house.open(partitions=PARTITIONS)

    def now() -> int:
        return began + (wall_ms() - wall) * SPEED

    sent: list[Event] = []

    async def send(*kinds: tuple[str, str]) -> None:
        some = [event(kind, conversation, now(), event_id=f"{len(sent)}-{kind}") for kind, conversation in kinds]
        sent.extend(some)
        await house.send(*some)

    async def closed(count: int) -> None:
        await until(lambda: counted(count), f"{count} interval records of the tenant", 60)

    async def counted(count: int) -> bool:
        return len([each for each in await interval_records(house.environment) if each["scope"] == "tenant"]) >= count

    one, two, three = names(3)
    try:
        worker = await house.worker(SIGAP_TICKS="1").wait_ready()
        await send(("customer", one), ("customer", two))
        await closed(1)
        worker.kill()
        await send(("reply", one), ("customer", three))
        worker = await house.worker(SIGAP_TICKS="1").wait_ready()
        await closed(2)
        worker.kill()
        worker = await house.worker(SIGAP_TICKS="1").wait_ready()
        await send(("resolved", two))
        await closed(3)
        instant = now() + 4 * QUARTER
        await tick(house.producer, house.topic("events"), instant)
        await worker.wait_said("final")
        expected = (await house.replayed(instant)).intervals
        found = await interval_records(house.environment)
        keys = Counter((each["scope"], each["window_start_at"]) for each in found)
        assert [key for key, count in keys.items() if count > 1] == []
        assert settled(found) == settled(expected)
        assert len(expected) > 10
    finally:
        await house.close()


def settled(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda each: (each["tenant"], each["scope"], each["window_start_at"]))


async def test_what_the_topic_holds_is_keyed_by_scope_and_start(kafka: KafkaServer, tmp_path: Path) -> None:
    house = House(kafka.bootstrap, tmp_path, SIGAP_CLOCK="event", SIGAP_TICKS="1")
    await house.open(partitions=1)
    try:
        worker = await house.worker().wait_ready()
        start = 1_750_000_000_000 // QUARTER * QUARTER
        values = [event("customer", "c", start + 1_000), event("reply", "c", start + 61_000)]
        await house.send(*values)
        await tick(house.producer, house.topic("events"), start + 3 * QUARTER)
        await worker.wait_said("final")
        records = [each for each in await read_all(house.environment, house.topic("kpi.intervals")) if each.value]
        assert {each.key for each in records} >= {f"{TENANT}/tenant/{start}".encode()}
        replayed = await house.replayed(start + 3 * QUARTER)
        assert settled(await interval_records(house.environment)) == settled(replayed.intervals)
    finally:
        await house.close()
