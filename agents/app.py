"""The composition root: one worker, from its environment to a running Faust application."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
from collections.abc import Callable, Collection, Sequence
from functools import partial

import structlog

from agents.feed import Feed
from agents.health import Health
from agents.ingest import Ingest
from agents.past import recent
from agents.settings import Environment
from agents.tasks import end
from agents.topics import Created, create
from streams.clock import wall_ms
from streams.engine.faust.app import make_app, run
from streams.engine.faust.config import EngineConfig
from streams.engine.faust.driver import Driver
from streams.engine.faust.producer import Publisher
from streams.engine.ports import Output
from streams.limit import DeadLetterLimit
from tables.rollup import Rollup
from tables.settings import Settings, SettingsError
from tables.shard import Shard

log = structlog.get_logger(__name__)
_WATCH_S = 0.1
_ALERTS_KEPT = 10_000
_SERIES_KEPT_MS = 26 * 3_600_000
"""Redis holds minutes and intervals of a day; what closes late comes some time after it."""


class Worker:
    """One worker of the group: events in, KPI records and alerts out to Kafka and, where it is given, Redis."""

    def __init__(self, environment: Environment, *, health: tuple[str, int] | None = None) -> None:
        """`health`: the host and port of /livez, /readyz and /metrics; None: they are not served."""
        self.environment = environment
        self.settings = Settings.load(environment.config)
        timeline = environment.timeline
        self.feed = Feed(environment.redis, self._past, clock=lambda: timeline.wall(wall_ms()))
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
        self._limit = partial(DeadLetterLimit, environment.dlq_share, environment.dlq_run)
        self.ingest = Ingest(
            self.settings, environment.customer_key, self._publish, self.config.topic, limit=self._limit
        )
        self._publisher: Publisher | None = None
        self._partitions = 1
        self._health = health

    async def run(self, on_ready: Callable[[], object], on_final: Callable[[], object] = lambda: None) -> None:
        """Run until SIGTERM or SIGINT.

        `on_ready` is called once the partitions are recovered, `on_final` once every record of the last instant of a
        run with an end is out.
        """
        stop = _told_to_stop()
        made = await self._topics(stop)
        if made is None:
            return
        self._partitions = made.partitions
        driver = Driver(
            self.config,
            self._shards(made.partitions),
            rollups=self._rollups(made.partitions),
            on_assigned=self.feed.keep,
            on_published=self.feed.published,
            sinks={"alerts": self.feed.alerts} if self.feed.sink is not None else {},
            feeds=self.ingest.handlers(),
        )
        self._publisher = driver.publisher
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.reload)
        async with contextlib.AsyncExitStack() as stack:
            if self._health is not None:
                await stack.enter_async_context(Health(driver, self.feed, self._health, self.ingest.counts))
            beside = [
                asyncio.create_task(driver.guard(each)) for each in (self.feed.run(), self._watch(driver, on_final))
            ]
            try:
                await run(driver, make_app(self.config, driver), stop=stop, on_ready=on_ready)
            finally:
                await end(*beside)
                if self.feed.sink is not None:
                    self.feed.send()
                    await self.feed.sink.stop()

    def reload(self) -> None:
        """Read the settings file again; one that cannot be used changes nothing."""
        try:
            settings = Settings.load(self.environment.config)
        except SettingsError as error:
            log.error("settings_refused", problems=error.problems)  # noqa: TRY400 - the problems say it all
            return
        self.settings = settings
        self.ingest.reload(settings)
        for shard in self.feed.shards.values():
            shard.reload(settings)
        for rollup in self.feed.rollups.values():
            rollup.reload(settings)
        log.info("settings_reloaded", tenants=sorted(settings.tenants))

    async def _publish(self, outputs: Sequence[Output]) -> None:
        assert self._publisher is not None  # noqa: S101 - records come only from a running driver
        for each in await self._publisher.publish(outputs):
            await each.future

    async def _past(self, topic: str, partitions: Collection[int] | None) -> Sequence[bytes]:
        depth, since = (_ALERTS_KEPT, None) if topic == "alerts" else (None, wall_ms() - _SERIES_KEPT_MS)
        name = self.config.topic(topic)
        return await recent(self.environment, name, partitions, self._partitions, depth=depth, since=since)

    async def _topics(self, stop: asyncio.Event) -> Created | None:
        """The topics, once brokers are there; None if told to stop before."""
        told = asyncio.create_task(stop.wait())
        work = asyncio.create_task(
            create(self.environment, lambda line: log.warning("topics", detail=line), patience_s=math.inf)
        )
        await asyncio.wait({told, work}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if work.done():
            return work.result()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return None

    async def _watch(self, driver: Driver, on_final: Callable[[], object]) -> None:
        """Say once that the last instant has been published everywhere."""
        sink = self.feed.sink
        while True:
            await asyncio.sleep(_WATCH_S)
            rollups = [self.feed.rollups[each] for each in driver.status().rollups]
            if rollups and all(each.final_published for each in rollups) and not driver.status().oldest_s:
                self.feed.send()
                if sink is None or not sink.pending:
                    on_final()
                    return

    def _shards(self, partitions: int) -> Callable[[int], Shard]:
        timeline = self.config.timeline
        topic = self.config.topic("events")

        def new(partition: int) -> Shard:
            shard = Shard(partition, partitions, self.settings, lambda: timeline.wall(wall_ms()), topic, self._limit())
            self.feed.shards[partition] = shard
            return shard

        return new

    def _rollups(self, partitions: int) -> Callable[[int], Rollup]:
        def new(partition: int) -> Rollup:
            rollup = Rollup(partition, partitions, self.settings)
            self.feed.rollups[partition] = rollup
            return rollup

        return new


def _told_to_stop() -> asyncio.Event:
    """Set by SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
