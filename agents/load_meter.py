"""How long an event takes until a KPI record shows it, in Kafka and in Redis.

An agent's record says how many messages are counted; the k-th message sent of that agent is out once a record says k.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from redis.asyncio import Redis

from agents.sinks.layout import prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

WINDOW = "1h"
"""The window whose counts are read: no run is longer."""
_POLL_MS = 200
_UPDATES = 1_000


class _Metrics(msgspec.Struct):
    messages_in: int
    messages_out: int


class _Record(msgspec.Struct):
    metrics: _Metrics


_decode = msgspec.json.Decoder(_Record).decode


class Meter:
    """Messages on their way, by agent, and the latencies of those that came out."""

    def __init__(self, agents: int) -> None:
        self._waiting: list[deque[tuple[int, float]]] = [deque() for _ in range(agents)]
        self._sent = [0] * agents
        self.latencies: list[float] = []
        """Seconds."""

    def sent(self, agent: int, now: float, *, counts: bool) -> None:
        """A message of an agent goes out; `counts` says whether its latency is wanted."""
        self._sent[agent] += 1
        if counts:
            self._waiting[agent].append((self._sent[agent], now))

    def seen(self, agent: int, count: int, now: float) -> None:
        """A record shows `count` messages of an agent."""
        waiting = self._waiting[agent]
        while waiting and waiting[0][0] <= count:
            self.latencies.append(now - waiting.popleft()[1])

    @property
    def missing(self) -> int:
        """Messages that no record has shown yet."""
        return sum(map(len, self._waiting))

    def report(self) -> dict[str, Any]:
        """Latencies in ms."""
        ordered = sorted(self.latencies)
        found = {
            name: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None
            for name, share in (("p50_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99), ("max_ms", 1.0))
        }
        return {"measured": len(ordered), "missing": self.missing, **found}


class KpiReader:
    """Follows the topic `kpi` from its end."""

    def __init__(
        self, meter: Meter, kafka: Mapping[str, Any], partitions: list[TopicPartition], names: list[str]
    ) -> None:
        self._meter = meter
        self._agents = {f"{name}/{WINDOW}".encode(): agent for agent, name in enumerate(names)}
        self._partitions = partitions
        self._consumer: Any = AIOKafkaConsumer(**kafka, group_id=None, enable_auto_commit=False, fetch_max_wait_ms=50)
        self.records = 0

    async def start(self) -> None:
        """Be at the end of every partition."""
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        for partition, end in (await self._consumer.end_offsets(self._partitions)).items():
            self._consumer.seek(partition, end)

    async def run(self) -> None:
        """Read until cancelled."""
        agents, seen = self._agents, self._meter.seen
        while True:
            fetched = await self._consumer.getmany(timeout_ms=_POLL_MS)
            now = time.monotonic()
            for records in fetched.values():
                self.records += len(records)
                for record in records:
                    agent = agents.get(record.key)
                    if agent is not None and record.value is not None:
                        metrics = _decode(record.value).metrics
                        seen(agent, metrics.messages_in + metrics.messages_out, now)

    async def stop(self) -> None:
        """Close."""
        await self._consumer.stop()


class RedisReader:
    """Follows the stream of updates and looks the changed counts up."""

    def __init__(self, meter: Meter, url: str, tenant: str, scopes: list[str]) -> None:
        self._meter = meter
        self._prefix = prefix(tenant)
        self._agents = {f"kpi:{scope}:{WINDOW}".encode(): agent for agent, scope in enumerate(scopes)}
        self._redis: Any = Redis.from_url(url)
        self._last: bytes | str = "$"
        self.updates = 0

    async def start(self) -> None:
        """Be at the end of the stream."""
        newest = await self._redis.xrevrange(f"{self._prefix}updates", count=1)
        self._last = newest[0][0] if newest else "0"

    async def run(self) -> None:
        """Read until cancelled."""
        stream = f"{self._prefix}updates"
        while True:
            answer = await self._redis.xread({stream: self._last}, count=_UPDATES, block=_POLL_MS)
            changed: set[bytes] = set()
            for _, entries in answer or ():
                for place, fields in entries:
                    self._last = place
                    self.updates += len(fields)
                    changed.update(fields.keys() & self._agents.keys())
            if changed:
                await self._look_up(sorted(changed))

    async def _look_up(self, names: list[bytes]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hmget(self._prefix.encode() + name, "messages_in", "messages_out")
        counts = await pipe.execute()
        now = time.monotonic()
        for name, (inbound, outbound) in zip(names, counts, strict=True):
            self._meter.seen(self._agents[name], int(inbound or 0) + int(outbound or 0), now)

    async def stop(self) -> None:
        """Close."""
        await self._redis.aclose()


async def drained(meters: list[Meter], patience_s: float) -> None:
    """Until everything has come out, or `patience_s` has passed."""
    deadline = time.monotonic() + patience_s
    while any(meter.missing for meter in meters) and time.monotonic() < deadline:  # noqa: ASYNC110 - two readers
        await asyncio.sleep(0.05)
