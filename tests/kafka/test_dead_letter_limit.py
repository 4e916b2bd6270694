"""A bad deployment stops a worker before it has rejected a day's traffic; after the mend no number is missing."""

from pathlib import Path

import pytest

from agents.dlq.letter import Letter
from agents.runs import read_all, tick
from streams.clock import wall_ms
from tests.conftest import KafkaServer
from tests.kafka.house import House, event
from tests.kafka.lab import until

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]
RUN = "40"
SPEED = 30
AHEAD_MS = 1_200_000
"""40 s of the wall clock: until the worker has been started three times."""


async def letters(house: House, topic: str) -> int:
    found = [Letter.of(each.headers, each.timestamp) for each in await read_all(house.environment, house.topic("dlq"))]
    return sum(each.topic == house.topic(topic) for each in found)


async def test_a_producer_whose_clock_is_wrong_stops_the_worker_and_loses_nothing(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    started = wall_ms()
    clock = f"scaled:{started - 7_200_000}:{started}:{SPEED}"
    house = await House(kafka.bootstrap, tmp_path, SIGAP_CLOCK=clock, SIGAP_TICKS="1").open(partitions=1)

    def now() -> int:
        return house.environment.timeline.wall(wall_ms())

    try:
        first = await house.worker(SIGAP_DLQ_RUN=RUN).wait_ready()
        at = now()
        await house.send(*(event("customer", f"good{number}", at) for number in range(50)))
        early = [
            event(kind, f"early{number}", at + AHEAD_MS + 20_000 * place)
            for number in range(60)
            for place, kind in enumerate(("customer", "reply", "resolved"))
        ]
        await house.send(*early)
        assert await first.ended() == 1
        last = first.text.strip().splitlines()[-1]
        assert last.startswith(
            f"sigap: {house.topic('events')}-0 TooManyDeadLetters: {RUN} records in a row were refused"
        )
        assert "future" in last
        assert await letters(house, "events") < 180

        # Started again it stops again, and rejects no more: the chunk is not passed.
        before = await letters(house, "events")
        assert await house.worker(SIGAP_DLQ_RUN=RUN).ended() == 1
        assert await letters(house, "events") == before

        await house.worker(SIGAP_DLQ_RUN="0").wait_ready()

        async def all_there() -> bool:
            return await letters(house, "events") == len(early)

        await until(all_there, "a dead letter of every record", 20)
        await until(lambda: now() > early[-1]["at"], "the time of the early events", 60)
        replay = house.command("dlq", "replay")
        assert await replay.ended() == 0, replay.text
        instant = now() + 60_000
        await tick(house.producer, house.topic("events"), instant)
        await house.workers[-1].wait_said("final")
        result = await house.replayed(instant)
        assert any(each["metrics"].get("messages_in") == 50 + 60 for each in result.kpi)
        assert await house.kpi_differences(result.kpi) == []
    finally:
        await house.close()


async def test_raw_payloads_too(kafka: KafkaServer, tmp_path: Path) -> None:
    house = await House(kafka.bootstrap, tmp_path).open(partitions=1)
    try:
        worker = await house.worker(SIGAP_DLQ_RUN=RUN).wait_ready()
        for _ in range(60):
            await house.producer.send(house.topic("raw.whatsapp"), b"\xffgarbage", b"k")
        await house.producer.flush()
        assert await worker.ended() == 1
        last = worker.text.strip().splitlines()[-1]
        assert last.startswith(f"sigap: TooManyDeadLetters: {RUN} records in a row were refused")
        assert await letters(house, "raw.whatsapp") < int(RUN)
    finally:
        await house.close()
