"""Redis away: Kafka's output goes on, the metrics say it, and an empty Redis is filled again."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.runs import differences, kpi_records, read_all, redis_records, tick
from deploy.local.redis import EmbeddedRedis
from streams.clock import wall_ms
from tests.conftest import KafkaServer
from tests.kafka.house import Event, House, event, get, metric, port
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


async def held_alerts(house: House) -> list[Event]:
    async with house.redis() as redis:
        entries: list[Any] = await redis.xrange(P + "alerts")
    return [json.loads(fields["alert"]) for _, fields in entries]


async def alerts_there(house: House) -> bool:
    """Whether Redis has every alert of Kafka, once. Two workers may swap those of one conversation."""
    ids = sorted({alert["alert_id"] for alert, _ in await house.alerts()})  # a killed worker's may come again
    return bool(ids) and sorted(alert["alert_id"] for alert in await held_alerts(house)) == ids


async def alerts_alike(house: House) -> bool:
    """Whether Redis has every alert of Kafka, those of a conversation in their order."""
    instants = defaultdict(list)
    for alert in await held_alerts(house):
        instants[alert["conversation_id"]].append(alert["at"])
    return await alerts_there(house) and all(each == sorted(each) for each in instants.values())


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


async def series_alike(house: House) -> bool:
    """Whether Redis has every minute and every interval of Kafka, each under its start; and at least one of either."""
    for topic, name in (("kpi.minutes", "trend"), ("kpi.intervals", "intervals")):
        newest = {each.key: each.value for each in await read_all(house.environment, house.topic(topic)) if each.value}
        records = [json.loads(each) for each in newest.values()]
        async with house.redis() as redis:
            keys = await redis.keys(f"{P}{name}:*")
            held = {key.removeprefix(P): await redis.zrange(key, 0, -1, withscores=True) for key in keys}
        wanted: dict[str, list[Any]] = defaultdict(list)
        for each in sorted(records, key=lambda record: int(record["window_start_at"])):
            wanted[f"{name}:{each['scope']}"].append((each, each["window_start_at"]))
        found = {key: [(json.loads(value), score) for value, score in rows] for key, rows in held.items()}
        if not wanted or found != wanted:
            return False
    return True


async def test_the_past_is_read_back_by_workers_that_have_not_seen_it(
    kafka: KafkaServer, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    began, speed = wall_ms(), 600  # a quarter of an hour takes 1.5 s
    clock = f"scaled:{began}:{began}:{speed}"
    house = House(
        kafka.bootstrap, tmp_path, redis=redis_server.url, config=CONFIG | {"lateness_s": 60}, SIGAP_CLOCK=clock
    )
    await house.open()
    try:
        workers = [await house.worker(SIGAP_TICKS="1").wait_ready() for _ in range(2)]
        now = began + (wall_ms() - began) * speed
        await house.send(*(event("customer", f"c{number}", now) for number in range(20)))

        async def closed() -> bool:
            return bool(await read_all(house.environment, house.topic("kpi.intervals")))

        await until(closed, "an interval", 30)
        await house.send(*(event("reply", f"c{number}", now + 60_000) for number in range(10)))
        # Whatever the clock would still do: it stands, so that nothing is written but what is read back.
        await tick(house.producer, house.topic("events"), began + (wall_ms() - began + 3_000) * speed)
        for worker in workers:
            await worker.wait_said("final")
        await until(lambda: series_alike(house), "minutes and intervals in Redis", 10)
        await until(lambda: alerts_there(house), "the alerts", 10)
        for worker in workers:
            worker.kill()
        async with house.redis() as redis:
            await redis.flushall()
        for worker in [house.worker(SIGAP_TICKS="1"), house.worker(SIGAP_TICKS="1")]:
            await worker.wait_ready()
        await until(lambda: series_alike(house), "the past in the empty Redis", 20)
        await until(lambda: alerts_there(house), "its alerts", 10)
        await until(lambda: alike(house), "its records", 10)
    finally:
        await house.close()


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
