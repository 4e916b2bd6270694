"""One partition of the roll-up under Faust: partials in, its own fenced topic out."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from streams.clock import running_s, wall_ms
from streams.engine.faust.log import OwnedLog
from streams.engine.faust.runner import Runner
from streams.engine.frontier import KEY, decode
from streams.engine.ports import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faust.types import TP

    from streams.engine.faust.driver import Driver
    from streams.engine.faust.transport import Chunk
    from streams.engine.ports import Output, Rollup

_log = logging.getLogger(__name__)
LOG_TOPIC = "kpi"
"""Outputs for this topic are the roll-up's own log."""
STATE_TOPIC = "_rollup"
"""Outputs for this topic are its own state: written down before anything that rests on it is told."""
INTERVALS_TOPIC = "kpi.intervals"
"""Outputs for this topic appear once: it has an owner too."""
_OWNED = (STATE_TOPIC, LOG_TOPIC, INTERVALS_TOPIC)


class RollupStatus(NamedTuple):
    """How a roll-up partition fares."""

    ready: bool
    epoch: int
    oldest_s: float
    """Age of the publication not yet delivered."""


class RollupRunner(Runner):
    """Runs a roll-up from an assignment to the loss of it."""

    MAX_QUEUED = 8

    def __init__(self, driver: Driver, tp: TP, rollup: Rollup) -> None:
        super().__init__(driver, tp)
        self.rollup = rollup
        self._logs = {
            topic: OwnedLog(driver.config, driver.publisher, driver.config.topic(topic), tp.partition)
            for topic in _OWNED
        }
        self._epoch = -1
        self._next_offset = 0
        self._target = 0
        self._busy_since: float | None = None

    async def start(self) -> None:
        """Read the own topics, fence them, then read the partials from their beginning."""
        await self._logs[STATE_TOPIC].take_over(
            lambda record: self.rollup.restore_state(record.key or b"", record.value)
        )
        self._epoch = await self._logs[LOG_TOPIC].take_over(
            lambda record: self.rollup.restore(record.key or b"", record.value)
        )
        self.rollup.recovered(self._epoch)
        first, self._target = await self._driver.patient(
            lambda: self._driver.consumer.bounds(self.tp), f"the bounds of {self.tp}"
        )
        self._next_offset = first
        await self.seek(first)
        while self._next_offset < self._target and not self._lost:  # noqa: ASYNC110 - a position, not an event
            await asyncio.sleep(self._driver.config.due_s)
        await self._recall_intervals()
        self.ready = True
        self._driver.on_ready()
        while not self._lost:
            await self._publish()
            await asyncio.sleep(self._driver.config.due_s)

    async def _recall_intervals(self) -> None:
        """Fence the intervals, and find out which of them are out already."""
        found: list[bytes] = []
        await self._logs[INTERVALS_TOPIC].take_over_from(
            self.rollup.closed_from, lambda record: found.append(record.key or b"")
        )
        self.rollup.already_closed(found)

    async def _publish(self) -> None:
        outputs = self.rollup.due(self._driver.config.timeline.wall(wall_ms()))
        if not outputs and not self.rollup.unmarked:
            return
        self._busy_since = running_s()
        await self._driver.permission()
        owned = {topic: [(one.key or b"", one.value) for one in outputs if one.topic == topic] for topic in _OWNED}
        await self._logs[STATE_TOPIC].append(owned[STATE_TOPIC])
        deliveries = await self._driver.publisher.publish(one for one in outputs if one.topic not in _OWNED)
        await self._logs[LOG_TOPIC].append(owned[LOG_TOPIC])
        await self._logs[INTERVALS_TOPIC].append(owned[INTERVALS_TOPIC])
        if self.rollup.unmarked:
            deliveries += await self._driver.publisher.publish([self.rollup.marked(self._logs[INTERVALS_TOPIC].end)])
        for one in deliveries:
            await one.future
        self._busy_since = None
        if self._driver.on_published is not None:
            self._driver.on_published(outputs)

    # --- partials ----------------------------------------------------------------------------------

    def accept(self, chunk: Chunk) -> None:
        """A chunk, through the agent. One that does not continue the last makes the partition seek back."""
        if self.stale(chunk):
            return
        self._handed -= 1
        records: list[Record] = chunk.records
        if self.jumps(chunk, self._next_offset):
            self.spawn(self.seek(self._next_offset))
            return
        if chunk.start < self._next_offset:
            records = [record for record in records if record.offset >= self._next_offset]
        now = wall_ms()
        for record in records:
            if record.key and record.key.startswith(KEY):
                self._driver.frontier.note(decode(record.value or b"\x80"), now)
        self.rollup.apply(
            [record for record in records if not (record.key or b"").startswith(KEY)],
            self._driver.config.timeline.wall(now),
        )
        self._next_offset = max(self._next_offset, chunk.next_offset)

    def offer(self, partials: Sequence[Output]) -> None:
        """Partials of this worker's own, ahead of their way through Kafka."""
        records = [Record(each.key, each.value, 0, 0) for each in partials]
        self.rollup.ahead(records, self._driver.config.timeline.wall(wall_ms()))

    # --- the end -----------------------------------------------------------------------------------

    async def drain(self, patience_s: float) -> None:
        """Let the publication on its way be delivered, and end."""
        deadline = running_s() + patience_s
        self._lost = True
        self._fetching = False
        while self._busy_since is not None and self._driver.may_write and running_s() < deadline:  # noqa: ASYNC110 - rare and short
            await asyncio.sleep(0.002)
        self._end()

    @property
    def status(self) -> RollupStatus:
        """For liveness and metrics."""
        busy = 0.0 if self._busy_since is None else running_s() - self._busy_since
        return RollupStatus(ready=self.ready, epoch=self._epoch, oldest_s=busy)
