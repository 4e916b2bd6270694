"""Whatever comes in, the worker lives, says what was wrong, and counts what was good."""

import json
from collections import Counter
from pathlib import Path

import pytest

from agents.runs import kpi_records, read_all
from streams.clock import wall_ms
from streams.rejects import MAX_RECORD, REASONS
from tests.conftest import KafkaServer
from tests.kafka.house import Event, House, event, metric, port
from tests.kafka.lab import until

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]
GREATEST = 3_500_000


def but(**more: object) -> bytes:
    return json.dumps(event("customer", "bad") | more).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in event("customer", "bad").items() if key != name}).encode()


BAD = {
    "not_json": [b"{", b"", b"\xff\xfe", b"NaN"],
    "missing_field": [without("event_id"), without("tenant"), without("conversation_id")],
    "wrong_type": [b"[]", but(at="now"), but(private="no")],
    "unknown_type": [but(type="mystery")],
    "unknown_version": [but(v=2)],
    "bad_value": [but(at=-1), but(type="survey", survey="csat", score=6), but(author="robot"), but(tenant="A B")],
    "future": [but(at=wall_ms() + 3_600_000)],
    "too_large": [b" " * (MAX_RECORD + 1), but(customer_id="x" * GREATEST)],
}


async def test_every_reason(kafka: KafkaServer, tmp_path: Path) -> None:
    assert BAD.keys() == REASONS.keys()
    house = await House(kafka.bootstrap, tmp_path).open(partitions=2)
    health = port()
    try:
        worker = await house.worker("--health-port", str(health)).wait_ready()
        sent: dict[tuple[str, int, int], str] = {}
        good = 0
        for reason, values in BAD.items():
            for value in values:
                await house.send(event("customer", f"good{good}"))
                good += 1
                took = await house.producer.send_and_wait(house.topic("events"), value, key=b"k%d" % good)
                sent[took.topic, took.partition, took.offset] = reason
        for _ in range(2):
            await house.producer.send_and_wait(house.topic("events"), None, key=b"null")
        await house.send(event("customer", "last"))

        async def all_there() -> bool:
            return len(await read_all(house.environment, house.topic("dlq"))) >= len(sent)

        await until(all_there, "the dead letters", 15)
        found = {}
        for record in await read_all(house.environment, house.topic("dlq")):
            said = {name: text.decode() for name, text in record.headers}
            place = said["source_topic"], int(said["source_partition"]), int(said["source_offset"])
            assert place not in found
            found[place] = said["reason"]
            assert said["detail"]
        assert found == sent

        async def counted() -> bool:
            records = [each for each in await kpi_records(house.environment) if _of_tenant(each)]
            return bool(records) and records[0]["metrics"]["messages_in"] == good + 1

        await until(counted, "the good events", 10)
        for reason, count in Counter(sent.values()).items():
            assert await metric(health, "sigap_records_total", outcome=reason) == count, reason
        assert await metric(health, "sigap_records_total", outcome="empty") == 2
        assert await metric(health, "sigap_records_total", outcome="folded") == good + 1
        assert not any("missing_field" in line for line in worker.text.splitlines() if "Traceback" in line)

        listing = house.command("dlq", "list")
        assert await listing.ended() == 0
        for (topic, partition, offset), reason in sent.items():
            assert any(
                reason in line and f"{topic}/{partition}@{offset} " in line for line in listing.text.splitlines()
            ), reason
        assert f"{len(sent)} shown" in listing.text
        assert "mystery" not in listing.text
        one = house.command("dlq", "list", "--reason", "future")
        assert await one.ended() == 0
        assert "1 shown" in one.text
        assert await worker.terminate() == 0
    finally:
        await house.close()


def _of_tenant(record: Event) -> bool:
    return (record["tenant"], record["scope"], record["window"]) == ("acme", "tenant", "1h")
