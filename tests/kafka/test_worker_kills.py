"""Whatever moment a worker is killed at, KPI records and SLA outcomes are those of a replay of the same events."""

import asyncio
import json
import signal
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from deploy.local.redis import EmbeddedRedis
from streams.clock import wall_ms
from tests.conftest import KafkaServer
from tests.kafka.chatter import CONFIG, chatter
from tests.kafka.house import House
from tests.kafka.lab import Process, until
from tests.outcomes import unexplained

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]
BACKLOG = 6_000
RATE = 60


@pytest.fixture
async def house(kafka: KafkaServer, redis_server: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[House]:
    house = House(kafka.bootstrap, tmp_path, redis=redis_server.url, config=CONFIG, SIGAP_TICKS="1")
    yield await house.open()
    await house.close()


async def traffic(house: House, seed: int, stop: asyncio.Event) -> None:
    """The last ten minutes at once, then live until told to stop."""
    events = chatter(seed)
    now = wall_ms()
    await house.send(*(next(events) | {"at": now - 600_000 + number * 100} for number in range(BACKLOG)))
    while not stop.is_set():
        await asyncio.sleep(0.1)
        await house.send(*(next(events) | {"at": wall_ms()} for _ in range(RATE // 10)))


def killed(moment: Random, number: int) -> tuple[str, float]:
    """How the kill of that number happens: at a point of the engine, or so long after the worker is up."""
    if number % 2:
        point = ("delivered", "published", "done", "kpi")[number // 2 % 4]
        return f"{point}:{moment.randint(6, 40)}", 0.0
    return "", moment.uniform(0.0, 2.5)


async def kill(worker: Process, plan: str, delay: float, *, recovering: bool) -> None:
    """Kill it, or wait until it has done so by itself."""
    if plan:
        assert await worker.ended() == -signal.SIGKILL, worker.text[-3000:]
        return
    if recovering:
        await until(lambda: "generation" in worker.text, "the assignment")
        delay /= 5
    else:
        await worker.wait_ready()
    await asyncio.sleep(delay)
    worker.kill()


@pytest.mark.parametrize(("seed", "others", "kills"), [(1, 0, 8), (2, 1, 4)], ids=["alone", "beside another"])
async def test_killed_at_any_moment(house: House, seed: int, others: int, kills: int) -> None:
    moment, stop = Random(seed), asyncio.Event()
    sending = asyncio.create_task(traffic(house, seed, stop))
    stay = [house.worker(SIGAP_INSTANCE_ID=f"stays{number}") for number in range(others)]
    for number in range(kills):
        plan, delay = killed(moment, number)
        worker = house.worker(SIGAP_INSTANCE_ID="dies", **({"TEST_CRASH": plan} if plan else {}))
        await kill(worker, plan, delay, recovering=number % 4 == 2)
    last = await house.worker(SIGAP_INSTANCE_ID="dies").wait_ready()
    for worker in stay:
        assert worker.process.poll() is None, worker.text[-3000:]
    stop.set()
    await sending
    instant = await house.finish()
    assert last.process.poll() is None
    expected = await house.replayed(instant)
    assert len(expected.alerts) > 1_000
    assert await house.kpi_differences(expected.kpi) == []
    assert unexplained(expected.alerts, await house.alerts(), await reached(house)) == []


async def reached(house: House) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """By conversation: when each event happened, and when the broker had it."""
    found = defaultdict(list)
    for record in await house.events():
        body = json.loads(record.value)
        found[body["tenant"], body["conversation_id"]].append((body["at"], record.timestamp))
    return found
