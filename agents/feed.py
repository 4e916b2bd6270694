"""From the worker's state to Redis: who waits, what is due, alerts, and everything once more when it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from itertools import groupby
from weakref import WeakKeyDictionary

import msgspec
from prometheus_client import Histogram

from agents.sinks.pending import AlertItem, SeriesItem
from agents.sinks.redis import RedisSink, Waiting
from streams.clock import wall_ms
from streams.engine.ports import Output, Record
from tables.movement import Movement
from tables.rollup import Rollup
from tables.shard import Shard

EVERY_S = 0.2
_BY_THE_CLOCK = ("imminent", "breached")
"""States that come at their instant, whatever comes in; the others come with events, which may be late themselves."""
_DELAYS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_SERIES = {"kpi.minutes": "trend", "kpi.intervals": "intervals"}
Past = Callable[[str, Collection[int] | None], Awaitable[Sequence[bytes]]]
"""What partitions (None: all) of a topic hold of late, by the topic's logical name: JSON, in the order of arrival."""


class _Alert(msgspec.Struct):
    tenant: str
    alert_id: str
    state: str
    at: int


class _Kpi(msgspec.Struct):
    tenant: str
    scope: str
    window: str
    window_start_at: int
    seq: int


_alert = msgspec.json.Decoder(_Alert).decode
_kpi = msgspec.json.Decoder(_Kpi).decode


class Feed:
    """What this worker owns, and what of it Redis has been told."""

    def __init__(
        self, url: str | None, past: Past, *, clock: Callable[[], int] = wall_ms, durable: bool = True
    ) -> None:
        self.shards: dict[int, Shard] = {}
        self.rollups: dict[int, Rollup] = {}
        self.sink: RedisSink | None = None
        if url is not None:
            past_of = (self.restore_alerts, self.restore_series)
            self.sink = RedisSink(url, resync=self.resync, past=past_of, clock=clock, durable=durable)
        self._told: WeakKeyDictionary[Shard | Rollup, int] = WeakKeyDictionary()
        """The epoch of each shard and roll-up whose whole state was sent; every rebalance makes new ones."""
        self._past = past
        self._clock = clock
        self.alert_delay = Histogram(
            "sigap_alert_delay_seconds",
            "from the instant of a warning or breach to its delivery to Kafka",
            buckets=_DELAYS_S,
            registry=None,
        )

    def keep(self, shards: Collection[int], rollups: Collection[int]) -> None:
        """Let go of all partitions but these: another worker has them now."""
        self.shards = {each: shard for each, shard in self.shards.items() if each in shards}
        self.rollups = {each: rollup for each, rollup in self.rollups.items() if each in rollups}

    async def run(self) -> None:
        """Send what has changed, until cancelled."""
        if self.sink is not None:
            self.sink.start()
        while True:
            await asyncio.sleep(EVERY_S)
            self.send()

    def send(self) -> None:
        """Send what has changed since the last call; all of it for a new owner. Raises `SinkFailed`."""
        sink = self.sink
        if sink is None:
            for shard in self.shards.values():
                shard.moved.clear()  # nobody asks who has moved, and they would be kept for ever
            return
        sink.raise_failure()
        for partition, shard in self.shards.items():
            if shard.epoch < 0:
                continue
            if self._told.get(shard) != shard.epoch:
                self._told[shard] = shard.epoch
                shard.movements()
                self._take_over(sink, partition, shard)
            elif moved := shard.movements():
                sink.waiting(_waiting(partition, shard.epoch, each) for each in moved)
        for partition, rollup in self.rollups.items():
            if rollup.epoch >= 0 and self._told.get(rollup) != rollup.epoch:
                self._told[rollup] = rollup.epoch
                sink.kpi(rollup.latest())
                sink.restore(partition)

    def resync(self) -> None:
        """Redis holds nothing any more: send everything at the next turn, the past before it."""
        self._told.clear()
        if self.sink is not None:
            for partition in self.rollups:
                self.sink.restore(partition)

    async def restore_alerts(self, partitions: Collection[int]) -> None:
        """Send what the topic of alerts holds, all of it by the owner of the first partition: one stream, one order."""
        assert self.sink is not None  # noqa: S101 - it is who asks
        if 0 in partitions:
            self.sink.past_alerts(map(_alert_item, await self._past("alerts", None)))

    async def restore_series(self, partitions: Collection[int]) -> None:
        """Send the minutes and intervals that their topics hold in some partitions."""
        assert self.sink is not None  # noqa: S101 - it is who asks
        for topic in _SERIES:
            self.sink.series(_series(topic, await self._past(topic, partitions)))

    def published(self, outputs: Sequence[Output]) -> None:
        """Results that Kafka has taken: KPI records go on to Redis, of alerts it is noted how late they are."""
        values: dict[str, list[bytes]] = {}
        for each in outputs:
            if each.value is not None:
                values.setdefault(each.topic, []).append(each.value)
        for alert in map(_alert, values.get("alerts", ())):
            if alert.state in _BY_THE_CLOCK:
                self.alert_delay.observe(max(0, self._clock() - alert.at) / 1000)
        if self.sink is None:
            return
        kpis = [(_kpi(value), value) for value in values.get("kpi", ())]
        self.sink.kpi((r.tenant, r.scope, r.window, r.seq, value) for r, value in kpis)
        for topic in _SERIES.keys() & values.keys():
            self.sink.series(_series(topic, values[topic]))

    async def alerts(self, _partition: int, records: Sequence[Record]) -> int:
        """Alerts from their topic; returns once Redis has them, so that the offset waits for it."""
        if self.sink is None:
            return 0
        self.queue_alerts([record.value for record in records if record.value is not None])
        while self.sink.alerts_pending:  # noqa: ASYNC110 - a queue, not an event
            await asyncio.sleep(0.02)
        return 0

    def queue_alerts(self, values: Sequence[bytes]) -> None:
        """Alerts as JSON, in order; Redis gets them when it can."""
        if self.sink is not None:
            self.sink.alerts(map(_alert_item, values))

    def _take_over(self, sink: RedisSink, partition: int, shard: Shard) -> None:
        standing = sorted(shard.standing(), key=lambda each: each.tenant)
        members = {
            tenant: [_waiting(partition, shard.epoch, each) for each in group]
            for tenant, group in groupby(standing, key=lambda each: each.tenant)
        }
        for tenant in {*members, *(key.decode().partition("/")[0] for key in shard.histories)}:
            sink.takeover(tenant, partition, shard.epoch, members.get(tenant, []))


def _alert_item(value: bytes) -> AlertItem:
    alert = _alert(value)
    return alert.tenant, alert.alert_id, value


def _series(topic: str, values: Iterable[bytes]) -> Iterable[SeriesItem]:
    name = _SERIES[topic]
    for value in values:
        r = _kpi(value)
        yield r.tenant, f"{name}:{r.scope}", r.window_start_at, r.seq, value


def _waiting(partition: int, epoch: int, movement: Movement) -> Waiting:
    tenant, conversation_id, since, scopes, deadlines, policies = movement
    return Waiting(tenant, partition, epoch, conversation_id, since, scopes, deadlines, policies)
