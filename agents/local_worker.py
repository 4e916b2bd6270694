"""The worker where no Kafka can be had: the same core, shard and roll-up over an in-process log. Nothing is durable."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from agents.feed import Feed
from streams.clock import PartitionClock, Timeline, wall_ms
from streams.engine.core import TICK_HEADER, Core
from streams.engine.local import LocalBroker, LocalWorker
from streams.engine.owner import PARTIALS_TOPIC
from streams.engine.ports import Output, Record
from tables.rollup import Rollup
from tables.settings import Settings
from tables.shard import Shard

STEP_S = 0.1
Keyed = tuple[bytes | None, bytes]


class InProcess:
    """One source partition in this process; KPI records and alerts go to Redis."""

    def __init__(self, settings: Settings, redis_url: str, timeline: Timeline) -> None:
        self._timeline = timeline
        self.feed = Feed(redis_url, self._past, clock=self._now, durable=False)
        self.broker = LocalBroker()
        shard = Shard(0, 1, settings, self._now, "sigap.events")
        self.rollup = Rollup(0, 1, settings)
        self.feed.shards[0], self.feed.rollups[0] = shard, self.rollup
        clock = PartitionClock(timeline.mode)
        self._worker = LocalWorker(self.broker, Core(shard, clock, event_time=timeline.event_time, ticks=True))
        self._worker.run()
        self.rollup.recovered(0)
        self._offset = 0

    def _now(self) -> int:
        return self._timeline.wall(wall_ms())

    async def _past(self, topic: str, _partitions: Collection[int] | None) -> Sequence[bytes]:
        return [each.value for each in self.broker.published[topic] if each.value is not None]

    def take(self, key: bytes | None, value: bytes) -> None:
        """Put an event into the log."""
        self.broker.source.add(key, value, wall_ms())

    def stop_at(self, instant: int) -> None:
        """Let the clock stand still at an instant (ms)."""
        self.broker.source.add(None, b"", wall_ms(), ((TICK_HEADER, str(instant).encode()),))

    async def run(self) -> None:
        """Fold, tick and publish until the last instant has been published."""
        if self.feed.sink is not None:
            self.feed.sink.start()
        while not self.rollup.final_published:
            self.step()
            await asyncio.sleep(STEP_S)

    def step(self) -> None:
        """One turn."""
        now = self._now()
        self._worker.run()
        self._worker.tick(now)
        self._worker.run()
        self._worker.views()
        partials = self.broker.published.pop(PARTIALS_TOPIC, [])
        self.rollup.apply([Record(each.key, each.value, 0, now) for each in partials], now)
        outputs = self.rollup.due(now)
        for each in outputs:
            self.broker.published[each.topic].append(each)
        self.feed.published(outputs)
        self.feed.send()
        self._alerts()

    def _alerts(self) -> None:
        alerts: list[Output] = self.broker.published["alerts"]
        self.feed.queue_alerts([each.value for each in alerts[self._offset :] if each.value is not None])
        self._offset = len(alerts)
