"""One partition of the roll-up under Faust: partials in, its own fenced topic out."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from streams.clock import running_s, wall_ms
from streams.engine.faust.log import FencedLog
from streams.engine.faust.runner import Runner
from streams.engine.frontier import KEY, decode
from streams.engine.owner import OWNED, Append, Follow, Owner, Publish, Read, Settle, Step
from streams.engine.ports import Record

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from faust.types import TP

    from streams.engine.faust.driver import Driver
    from streams.engine.faust.producer import Delivery
    from streams.engine.faust.transport import Chunk
    from streams.engine.ports import Output, Rollup

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class RollupRunner(Runner):
    """Runs a roll-up from an assignment to the loss of it."""

    MAX_QUEUED = 8

    def __init__(self, driver: Driver, tp: TP, rollup: Rollup) -> None:
        super().__init__(driver, tp)
        self.rollup = rollup
        self._owner = Owner(rollup)
        self._logs = {
            topic: FencedLog(driver.config, driver.publisher, driver.config.topic(topic), tp.partition)
            for topic in OWNED
        }
        self._sent: list[Delivery] = []
        self._next_offset = 0
        self._busy_since: float | None = None

    async def start(self) -> None:
        """Take over, then publish what is due, again and again."""
        await self._carry_out(self._owner.take_over())
        self.ready = True
        self._driver.on_ready()
        while not self._lost:
            outputs = await self._carry_out(self._owner.publish(self._driver.config.timeline.wall(wall_ms())))
            self._busy_since = None
            self._driver.on_published(outputs)
            await asyncio.sleep(self._driver.config.due_s)

    async def _carry_out(self, steps: Generator[Step, Any, _T]) -> _T:
        answer = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                result: _T = end.value
                return result
            answer = await self._do(step)

    async def _do(self, step: Step) -> Any:
        match step:
            case Read():
                return await self._read(step)
            case Append():
                await self._permission()
                return await self._logs[step.topic].append(step.records)
            case Publish():
                await self._permission()
                self._sent += await self._driver.publisher.publish(step.outputs)
            case Settle():
                sent, self._sent = self._sent, []
                for one in sent:
                    await one.future
            case Follow():
                await self._follow()
        return None

    async def _permission(self) -> None:
        if self.ready:
            self._busy_since = self._busy_since or running_s()
        await self._driver.permission()

    async def _read(self, step: Read) -> int:
        async with self._logs[step.topic] as log:
            end = await log.end() if step.end is None else step.end
            async for records in log.read(step.start, end):
                step.take(records)
                await asyncio.sleep(0)
        return end

    async def _follow(self) -> None:
        first, target = await self._driver.patient(
            lambda: self._driver.consumer.bounds(self.tp), f"the bounds of {self.tp}"
        )
        self._next_offset = first
        await self.seek(first)
        while self._next_offset < target and not self._lost:  # noqa: ASYNC110 - a position, not an event
            await asyncio.sleep(self._driver.config.due_s)

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
    def oldest_s(self) -> float:
        """Age of the publication not yet delivered."""
        return 0.0 if self._busy_since is None else running_s() - self._busy_since
