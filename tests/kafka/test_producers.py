"""What producers may do beside writing good events: compress, name headers in bytes, use transactions."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from agents.runs import kpi_records
from tests.conftest import KafkaServer
from tests.kafka.house import House, event, metric, port
from tests.kafka.lab import until

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]


class Latin(str):
    """A header's name as a client that does not care for UTF-8 sends it."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return super().encode("latin-1")


@pytest.fixture
async def house(kafka: KafkaServer, tmp_path: Path) -> AsyncIterator[House]:
    house = await House(kafka.bootstrap, tmp_path).open(partitions=1)
    try:
        yield house
    finally:
        await house.close()


def producing(house: House, **options: Any) -> AIOKafkaProducer:
    return AIOKafkaProducer(bootstrap_servers=house.environ["SIGAP_KAFKA"], **options)


async def write(house: House, producer: AIOKafkaProducer, count: int, headers: Any = None) -> None:
    for each in range(count):
        value = json.dumps(event("customer", f"c{each}")).encode()
        await producer.send(house.topic("events"), value, key=b"acme/c%d" % each, headers=headers)
    await producer.flush()


async def counted(house: House, wanted: int) -> None:
    async def there() -> bool:
        for each in await kpi_records(house.environment):
            if (each["scope"], each["window"]) == ("tenant", "today"):
                return bool(each["metrics"]["messages_in"] == wanted)
        return False

    await until(there, f"{wanted} messages", 20)


async def test_every_codec_and_any_name_of_a_header(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("producer", "message_accumulator"):  # the fast one insists on text
        monkeypatch.setattr(f"aiokafka.producer.{module}.DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
    await house.worker().wait_ready()
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        async with producing(house, compression_type=codec, linger_ms=50) as producer:
            await write(house, producer, 3)
            await write(house, producer, 2, [(Latin("trac\xe9id"), b"1")])
            await write(house, producer, 2, [("traceid", b"1")])
    await counted(house, 35)


async def test_transactions(house: House) -> None:
    """What was taken back does not count; the marks in the log, which are no records, do not hold up the clock."""
    health = port()
    await house.worker("--health-port", str(health)).wait_ready()
    async with producing(house, transactional_id="intake") as producer:
        for commits in (True, False, True, False):
            await producer.begin_transaction()
            await write(house, producer, 5)
            await (producer.commit_transaction() if commits else producer.abort_transaction())
    await counted(house, 10)
    await asyncio.sleep(3)
    assert await metric(health, "sigap_partition_behind_records") == 0
    assert (await metric(health, "sigap_partition_lag_seconds") or 0.0) < 2
    await house.send(event("customer", "last"))
    await counted(house, 11)
