"""The composition root: one worker, from its environment to a running Faust application."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable

import structlog

from agents.feed import Feed
from agents.health import Health
from agents.settings import Environment
from agents.topics import create
from streams.clock import wall_ms
from streams.engine.faust.app import make_app, run
from streams.engine.faust.config import EngineConfig
from streams.engine.faust.driver import Driver
from tables.rollup import Rollup
from tables.settings import Settings
from tables.shard import Shard

log = structlog.get_logger(__name__)


class Worker:
    """One worker of the group: events in, KPI records and alerts out to Kafka and, where it is given, Redis."""

    def __init__(self, environment: Environment, *, health_port: int | None = None, durable: bool = True) -> None:
        self.environment = environment
        self.settings = Settings.load(environment.config)
        self.feed = Feed(environment.redis, durable=durable)
        kafka = environment.kafka_kwargs()
        self.config = EngineConfig(
            bootstrap=",".join(kafka.pop("bootstrap_servers")),
            group=environment.topic_prefix,
            prefix=environment.topic_prefix,
            instance_id=environment.instance_id,
            security=kafka,
            timeline=environment.timeline,
            ticks=environment.ticks,
        )
        self._health_port = health_port

    async def run(self, on_ready: Callable[[], object]) -> None:
        """Run until SIGTERM or SIGINT; `on_ready` is called once the partitions are recovered."""
        made = await create(self.environment, lambda line: log.warning("topics", detail=line), patience_s=math.inf)
        driver = Driver(
            self.config,
            self._shards(made.partitions),
            rollups=self._rollups(made.partitions),
            on_published=self.feed.published,
            sinks={"alerts": self.feed.alerts} if self.feed.sink is not None else {},
        )
        async with contextlib.AsyncExitStack() as stack:
            if self._health_port is not None:
                await stack.enter_async_context(Health(driver, self.feed, self._health_port))
            feeding = asyncio.create_task(driver.guard(self.feed.run()))
            try:
                await run(driver, make_app(self.config, driver), on_ready=on_ready)
            finally:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
                if self.feed.sink is not None:
                    self.feed.send()
                    await self.feed.sink.stop()

    def _shards(self, partitions: int) -> Callable[[int], Shard]:
        timeline = self.config.timeline
        topic = self.config.topic("events")

        def new(partition: int) -> Shard:
            shard = Shard(partition, partitions, self.settings, lambda: timeline.wall(wall_ms()), topic)
            self.feed.shards[partition] = shard
            return shard

        return new

    def _rollups(self, partitions: int) -> Callable[[int], Rollup]:
        def new(partition: int) -> Rollup:
            rollup = Rollup(partition, partitions, self.settings)
            self.feed.rollups[partition] = rollup
            return rollup

        return new
