"""One partition of the roll-up under Faust: partials in, its own fenced topic out."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from streams.clock import running_s, wall_ms
from streams.engine.faust.log import FencedLog
from streams.engine.faust.runner import Runner
from streams.engine.frontier import KEY, decode
from streams.engine.journal import FENCE
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
INTERVALS_TOPIC = "kpi.intervals"
"""Outputs for this topic appear once: it has an owner too."""


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
        self._log = FencedLog(driver.config, driver.publisher, driver.config.topic(LOG_TOPIC), tp.partition)
        intervals = driver.config.topic(INTERVALS_TOPIC)
        self._intervals = FencedLog(driver.config, driver.publisher, intervals, tp.partition)
        self._epoch = -1
        self._log_end = self._intervals_end = 0
        self._next_offset = 0
        self._target = 0
        self._busy_since: float | None = None

    async def start(self) -> None:
        """Read the own topic, fence it, then read the partials from their beginning."""
        async with self._log as log:
            end = await log.end()
            await self._restore(log, 0, end)
            self._epoch = await log.append([(FENCE, None)])
            await self._restore(log, end, self._epoch)
        self._log_end = self._epoch + 1
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
        async with self._intervals as log:
            fence = await log.append([(FENCE, None)])
            async for records in log.read(self.rollup.closed_from, fence):
                self.rollup.already_closed(record.key for record in records if record.key and record.key[0])
        self.rollup.already_closed(())
        self._intervals_end = fence + 1

    async def _restore(self, log: FencedLog, start: int, end: int) -> None:
        async for records in log.read(start, end):
            for record in records:
                if record.key and record.key[0]:
                    self.rollup.restore(record.key, record.value)
            await asyncio.sleep(0)

    async def _publish(self) -> None:
        outputs = self.rollup.due(self._driver.config.timeline.wall(wall_ms()))
        if not outputs and not self.rollup.unmarked:
            return
        self._busy_since = running_s()
        await self._driver.permission()
        logged = [(one.key or b"", one.value) for one in outputs if one.topic == LOG_TOPIC]
        closed = [(one.key or b"", one.value) for one in outputs if one.topic == INTERVALS_TOPIC]
        deliveries = await self._driver.publisher.publish(
            one for one in outputs if one.topic not in {LOG_TOPIC, INTERVALS_TOPIC}
        )
        if logged:
            await self._log.append(logged, self._log_end)
            self._log_end += len(logged)
        if closed:
            await self._intervals.append(closed, self._intervals_end)
            self._intervals_end += len(closed)
        if self.rollup.unmarked:
            deliveries += await self._driver.publisher.publish([self.rollup.marked(self._intervals_end)])
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
