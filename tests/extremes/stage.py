"""What every extreme needs: servers, a worker, a steady hand, and figures from outside the worker."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agents.commands.load import cpu_s
from deploy.local.kafka import EmbeddedKafka
from deploy.local.redis import EmbeddedRedis
from tests.bench.live import rss_kb
from tests.kafka.house import House, metric, port

PARTITIONS = 4
_PACE_S = 0.01
_LOOK_S = 0.5

Item = tuple[bytes, bytes]
"""Key and value of a record of `sigap.events`."""


class Stage:
    """A house with one worker."""

    def __init__(self, house: House, health: int) -> None:
        self.house = house
        self.health = health
        self.worker = house.worker("--health-port", str(health))

    @property
    def pid(self) -> int:
        """The worker's."""
        return self.worker.process.pid

    def cpu_s(self) -> float:
        """CPU seconds that the worker has used."""
        return cpu_s(self.pid)

    def rss_mb(self) -> float:
        """The worker's resident memory."""
        return round(rss_kb(self.pid) / 1024)

    def open_files(self) -> int:
        """Files and connections that the worker has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    async def send(self, make: Callable[[], Item], rate: float, seconds: float) -> int:
        """Send events at a rate; how many. All of them are acknowledged when it returns."""
        producer, topic = self.house.producer, self.house.topic("events")
        began, sent = time.monotonic(), 0
        last: asyncio.Future[Any] | None = None
        while (passed := time.monotonic() - began) < seconds:
            for _ in range(int(passed * rate) - sent):
                key, value = make()
                last = await producer.send(topic, value, key)
                sent += 1
            await asyncio.sleep(_PACE_S)
        await producer.flush()
        if last is not None:
            await last
        return sent

    async def behind(self) -> float:
        """Records not folded yet."""
        return await metric(self.health, "sigap_partition_behind_records") or 0.0

    async def caught_up(self, patience_s: float) -> float:
        """Wait until nothing is left to fold; the seconds it took."""
        began = time.monotonic()
        while await self.behind():
            if time.monotonic() - began > patience_s:
                raise AssertionError(f"{await self.behind():.0f} records are not folded after {patience_s:.0f} s")
            await asyncio.sleep(_LOOK_S)
        return time.monotonic() - began

    async def differences(self) -> list[str]:
        """End the run; where the KPI records of Kafka and Redis differ from the replay of what was sent."""
        result = await self.house.replayed(await self.house.finish())
        return await self.house.kpi_differences(result.kpi)


@asynccontextmanager
async def stage(config: dict[str, Any] | None = None, **environ: str) -> AsyncIterator[Stage]:
    """A stage with a worker that is ready."""
    with (
        tempfile.TemporaryDirectory(prefix="sigap-extremes-") as folder,
        EmbeddedKafka() as kafka,
        EmbeddedRedis() as redis,
    ):
        house = House(kafka.bootstrap, Path(folder), redis=redis.url, config=config, SIGAP_TICKS="1", **environ)
        await house.open(PARTITIONS)
        try:
            found = Stage(house, port())
            await found.worker.wait_ready()
            yield found
        finally:
            await house.close()
