"""Redis away: Kafka's output goes on, the metrics say it, and an empty Redis is filled again."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.runs import differences, kpi_records, redis_records
from deploy.local.redis import EmbeddedRedis
from tests.conftest import KafkaServer
from tests.kafka.house import House, event, get, metric, port
from tests.kafka.lab import until

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]
CONFIG = {"sla_policies": [{"name": "all", "targets": {"first_response": 600, "resolution": 3600}}]}
P = "sigap:{acme}:"


@pytest.fixture
async def house(kafka: KafkaServer, redis_server: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[House]:
    house = await House(kafka.bootstrap, tmp_path, redis=redis_server.url, config=CONFIG).open()
    yield house
    await house.close()


async def counted(house: House, messages: int) -> bool:
    """Whether Kafka's record of the tenant knows of so many customer messages."""
    wanted = ("acme", "tenant", "1h")
    found = [each for each in await kpi_records(house.environment) if tuple(map(each.get, KEY)) == wanted]
    return bool(found) and found[0]["metrics"]["messages_in"] == messages


KEY = ("tenant", "scope", "window")


async def alike(house: House) -> bool:
    """Whether Redis has the KPI records of Kafka, all of them."""
    return not differences(await kpi_records(house.environment), await redis_records(house.environment))


async def alerts_alike(house: House) -> bool:
    """Whether Redis has every alert of Kafka, those of a conversation in their order."""
    async with house.redis() as redis:
        entries: list[Any] = await redis.xrange(P + "alerts")
    held = [json.loads(fields["alert"]) for _, fields in entries]
    instants = defaultdict(list)
    for alert in held:
        instants[alert["conversation_id"]].append(alert["at"])
    ids = sorted(alert["alert_id"] for alert, _ in await house.alerts())
    return sorted(alert["alert_id"] for alert in held) == ids and all(
        each == sorted(each) for each in instants.values()
    )


async def lists(house: House) -> tuple[set[str], set[str]]:
    async with house.redis() as redis:
        return set(await redis.zrange(P + "waiting:tenant", 0, -1)), set(await redis.zrange(P + "sla:due", 0, -1))


async def test_kafka_goes_on_and_an_empty_redis_is_filled_again(house: House, redis_server: EmbeddedRedis) -> None:
    health = port()
    worker = await house.worker("--health-port", str(health)).wait_ready()
    before = [event("customer", f"before{number}", channel="email") for number in range(20)]
    await house.send(*before, *(event("reply", f"before{number}") for number in range(10)))
    await until(lambda: alerts_alike(house), "the alerts", 10)
    await until(lambda: counted(house, 20), "the records", 10)
    await until(lambda: alike(house), "the same in Redis", 10)
    assert await metric(health, "sigap_redis_connected") == 1

    redis_server.stop(hard=True)
    await house.send(*(event("customer", f"during{number}") for number in range(15)))
    await house.send(*(event("resolved", f"before{number}") for number in range(15)))
    await until(lambda: counted(house, 35), "Kafka goes on", 10)

    async def said() -> bool:
        connected = await metric(health, "sigap_redis_connected")
        return connected == 0 and (await metric(health, "sigap_redis_behind_seconds") or 0) > 1

    await until(said, "the metrics say it", 10)
    assert (await metric(health, "sigap_redis_pending") or 0) > 0
    assert (await get(health, "/readyz"))[0] == 200
    assert (await get(health, "/livez"))[0] == 200

    redis_server.start()

    async def caught_up() -> bool:
        return await metric(health, "sigap_redis_connected") == 1 and await metric(health, "sigap_redis_pending") == 0

    await until(caught_up, "Redis is back", 15)
    await until(lambda: alike(house), "the records of Kafka", 10)
    waiting = {f"before{number}" for number in range(15, 20)} | {f"during{number}" for number in range(15)}
    due = {f"{each}|{name}" for each in waiting for name in ("first_response", "resolution")}

    async def listed() -> bool:
        return await lists(house) == (waiting, due)

    await until(listed, "who waits and what is due", 10)
    await until(lambda: alerts_alike(house), "every alert, in order", 10)
    assert await metric(health, "sigap_redis_resyncs_total") == 1
    assert await worker.terminate() == 0


async def test_a_worker_ends_in_order_while_redis_is_away(house: House, redis_server: EmbeddedRedis) -> None:
    worker = await house.worker().wait_ready()
    redis_server.stop(hard=True)
    await house.send(*(event("customer", f"c{number}") for number in range(8)))
    await house.send(*(event("reply", f"c{number}") for number in range(8)))

    async def alerted() -> bool:
        return len(await house.alerts()) == 8

    await until(alerted, "the alerts", 10)
    worker.process.terminate()
    assert await worker.ended(15) == 0
    redis_server.start()
    await house.worker().wait_ready()
    await until(lambda: alerts_alike(house), "the alerts that the first could not write", 10)
    await until(lambda: alike(house), "the records", 10)
