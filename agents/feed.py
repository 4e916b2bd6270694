"""From the worker's state to Redis: who waits, what is due, alerts, and everything once more when it is asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby

import msgspec

from agents.sinks.redis import RedisSink, Waiting
from streams.clock import wall_ms
from streams.engine.ports import Output, Record
from tables.rollup import Rollup
from tables.shard import Movement, Shard

EVERY_S = 0.2
ALERTS_KEPT = 10_000


class _Alert(msgspec.Struct):
    tenant: str
    alert_id: str


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

    def __init__(self, url: str | None, *, clock: Callable[[], int] = wall_ms, durable: bool = True) -> None:
        self.shards: dict[int, Shard] = {}
        self.rollups: dict[int, Rollup] = {}
        self.sink = None if url is None else RedisSink(url, resync=self.resync, clock=clock, durable=durable)
        self._told: dict[object, int] = {}
        """The epoch of each shard and roll-up whose whole state was sent."""
        self._alerts: deque[tuple[str, str, bytes]] = deque(maxlen=ALERTS_KEPT)

    async def run(self) -> None:
        """Send what has changed, until cancelled."""
        if self.sink is None:
            return
        self.sink.start()
        while True:
            await asyncio.sleep(EVERY_S)
            self.send()

    def send(self) -> None:
        """Send what has changed since the last call; all of it for a new owner."""
        sink = self.sink
        if sink is None:
            return
        for partition, shard in self.shards.items():
            if shard.epoch < 0:
                continue
            if self._told.get(shard) != shard.epoch:
                self._told[shard] = shard.epoch
                shard.movements()
                self._take_over(sink, partition, shard)
            elif moved := shard.movements():
                sink.waiting(_waiting(partition, shard.epoch, each) for each in moved)
        for rollup in self.rollups.values():
            if rollup.epoch >= 0 and self._told.get(rollup) != rollup.epoch:
                self._told[rollup] = rollup.epoch
                sink.kpi(rollup.latest())

    def resync(self) -> None:
        """Redis holds nothing any more: send everything at the next turn."""
        self._told.clear()
        if self.sink is not None:
            self.sink.all_alerts(self._alerts)

    def published(self, outputs: Sequence[Output]) -> None:
        """KPI records that Kafka has taken."""
        if self.sink is None:
            return
        records = [
            (_kpi(each.value), each.topic, each.value)
            for each in outputs
            if each.topic in {"kpi", "kpi.minutes"} and each.value is not None
        ]
        self.sink.kpi((r.tenant, r.scope, r.window, r.seq, value) for r, topic, value in records if topic == "kpi")
        self.sink.minutes(
            (r.tenant, r.scope, r.window_start_at, r.seq, value)
            for r, topic, value in records
            if topic == "kpi.minutes"
        )

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
        found = [(alert.tenant, alert.alert_id, value) for value in values for alert in (_alert(value),)]
        self._alerts.extend(found)
        if self.sink is not None:
            self.sink.alerts(found)

    def _take_over(self, sink: RedisSink, partition: int, shard: Shard) -> None:
        standing = sorted(shard.standing(), key=lambda each: each.tenant)
        members = {
            tenant: [_waiting(partition, shard.epoch, each) for each in group]
            for tenant, group in groupby(standing, key=lambda each: each.tenant)
        }
        for tenant in {*members, *(key.decode().partition("/")[0] for key in shard.histories)}:
            sink.takeover(tenant, partition, shard.epoch, members.get(tenant, []))


def _waiting(partition: int, epoch: int, movement: Movement) -> Waiting:
    tenant, conversation_id, since, scopes, deadlines = movement
    return Waiting(tenant, partition, epoch, conversation_id, since, scopes, deadlines)
