"""One source partition under Faust: a core, its changelog, and the tasks that carry out its commands."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from streams.clock import Mode, running_s, wall_ms
from streams.engine.commands import Append, Command, Crash, MarkDone, Publish, Read, Ready, Seek
from streams.engine.core import Core
from streams.engine.faust.log import FencedLog
from streams.engine.faust.runner import Runner, Standstill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from faust.types import TP

    from streams.engine.faust.driver import Driver
    from streams.engine.faust.producer import Delivery
    from streams.engine.faust.transport import Chunk
    from streams.engine.ports import Output

_log = logging.getLogger(__name__)
_FRESH_MS = 2_000
_VIEWING = 32
"""Batches of partials on their way; beyond, what changes waits."""


class PartitionStatus(NamedTuple):
    """How a source partition fares."""

    ready: bool
    lag_ms: int
    behind: int
    """Source records not folded yet."""
    oldest_s: float
    """Age of the oldest append or publication not yet delivered: grows when brokers are away."""
    stalled_s: float
    """Since records were there to fold and none was."""
    recovered: float
    """Which part of the changelog has been read, 0 to 1."""


class PartitionRunner(Runner):
    """Runs a core from an assignment to the loss of it."""

    def __init__(self, driver: Driver, tp: TP, generation: int, parked: Core | None, new: Callable[[], Core]) -> None:
        super().__init__(driver, tp)
        self.core = parked or new()
        self._generation = generation
        self._parked = parked is not None
        self._new = new
        self._log = FencedLog(driver.config, driver.publisher, driver.changelog, tp.partition)
        self._reads: asyncio.Queue[Read | None] = asyncio.Queue()
        self._outgoing: asyncio.Queue[Append | Publish] = asyncio.Queue()
        self._pending: deque[Chunk] = deque()
        self._since: dict[int, float] = {}
        self._viewing: deque[Delivery] = deque()
        self._caught_up = False
        self._standstill = Standstill()
        self._recovered = 0.0

    # --- recovery ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Recover and begin."""
        consumer = self._driver.consumer
        source = await self._driver.patient(lambda: consumer.first_wanted(self.tp), f"where {self.tp} goes on")
        self.spawn(self._write())
        async with self._log as log:
            end = await log.end()
            if self._parked and self.core.reusable(end, source):
                self._recovered = 1.0
                self.execute(self.core.resumed())
                return
            if self._parked:
                self.core = self._new()
            began, count = running_s(), 0
            self.execute(self.core.assigned(end, source))
            while (read := await self._reads.get()) is not None:
                async for records in log.read(read.start, read.end):
                    count += len(records)
                    self.core.restored(records)
                    self._recovered = records[-1].offset / read.end if records else self._recovered
                    await asyncio.sleep(0)
                self.execute(self.core.recovered())
        self._recovered = 1.0
        _log.info("%s-%d recovered %d records in %.2f s", *self.tp, count, running_s() - began)

    # --- what comes in -----------------------------------------------------------------------------

    def accept(self, chunk: Chunk) -> None:
        """A chunk, through the agent."""
        if self.stale(chunk):
            return
        self._pending.append(chunk)
        self._pump()

    def _pump(self) -> None:
        while self._pending and self.core.accepts:
            chunk = self._pending.popleft()
            self._handed -= 1
            self.execute(self.core.fetched(chunk.start, chunk.records, chunk.next_offset))

    def tick(self) -> None:
        """Let the clock go on as far as the broker's last answer says that nothing is missing."""
        progress = self._driver.consumer.progress(self.tp)
        if not self.ready or self._lost or progress is None:
            return
        more = self.core.next_offset < progress.end
        self._caught_up = not more and not self._handed
        self._standstill.note(self.core.next_offset, more=more, now=running_s())
        wall = self._driver.config.timeline.wall(self._driver.frontier.instant(progress.asked_ms))
        self.execute(self.core.tick(wall, caught_up=self._caught_up))

    def views(self, turn: int) -> Sequence[Output]:
        """What changed and has its turn, unless too much is still on its way."""
        if not self.ready or self._lost or not self.core.clock.now or not self._driver.may_write:
            return ()
        viewing = self._viewing
        while viewing and viewing[0].future.done():
            viewing.popleft().future.result()
        return self.core.views(self.lag_ms, turn) if len(viewing) <= _VIEWING else ()

    async def publish(self, views: Sequence[Output]) -> None:
        """Publish what `views` has given."""
        self._viewing += await self._driver.publisher.publish(views)

    @property
    def lag_ms(self) -> int:
        """How far the clock is behind: 0 while caught up and the broker answers."""
        progress = self._driver.consumer.progress(self.tp)
        if self.core.clock.final:
            return 0
        if progress is not None and self._caught_up and wall_ms() - progress.asked_ms < _FRESH_MS:
            behind = progress.asked_ms - self._driver.frontier.instant(progress.asked_ms)
            return behind if behind > _FRESH_MS else 0
        timeline = self._driver.config.timeline
        reached = self.core.clock.greatest_timestamp if timeline.mode is Mode.EVENT else self.core.clock.now
        return max(1, timeline.wall(wall_ms()) - reached)

    # --- commands ----------------------------------------------------------------------------------

    def execute(self, commands: Iterable[Command]) -> None:
        """Carry out what the core says, in order; what takes time goes to the tasks."""
        for command in commands:
            match command:
                case Append() | Publish():
                    self._since[command.seq] = running_s()
                    self._outgoing.put_nowait(command)
                case MarkDone():
                    self._driver.consumer.mark_done(self.tp, command.next_offset, self._generation)
                case Seek():
                    self._fetching = False
                    self._pending.clear()
                    self.spawn(self.seek(command.offset))
                case Read():
                    self._reads.put_nowait(command)
                case Ready():
                    self.ready = True
                    self._reads.put_nowait(None)
                    self._driver.on_ready()
                case Crash():
                    self._driver.fatal(f"{self.tp.topic}-{self.tp.partition} {command.reason}")

    async def _write(self) -> None:
        while True:
            command = await self._outgoing.get()
            await self._driver.permission()
            if isinstance(command, Append):
                self.spawn(self._settle(command, await self._log.send(command.records)))
            else:
                self.spawn(self._settle(command, await self._driver.publisher.publish(command.outputs)))

    async def _settle(self, command: Append | Publish, deliveries: list[Delivery]) -> None:
        results = [await one.future for one in deliveries]
        if self._lost:
            return
        self._since.pop(command.seq, None)
        if isinstance(command, Publish):
            self._driver.on_published(command.outputs)
            self.execute(self.core.published(command.seq))
        elif len(results) != 1:
            self._driver.fatal(f"{self.tp.topic}-{self.tp.partition} a batch was split: it exceeds the producer's")
        else:
            self.execute(self.core.delivered(command.seq, results[0].offset))
        self._pump()

    # --- the end -----------------------------------------------------------------------------------

    async def drain(self, patience_s: float) -> Core | None:
        """Take nothing more and complete what is in flight; the core, if it is complete and may be used again."""
        deadline = running_s() + patience_s
        self._fetching = False
        self._pending.clear()
        self.execute(self.core.revoked())
        while self.ready and self.core.in_flight and self._driver.may_write and running_s() < deadline:  # noqa: ASYNC110 - rare and short
            await asyncio.sleep(0.002)
        complete = self.ready and not self.core.in_flight
        self._end()
        if not complete and self.ready:
            _log.warning("%s-%d goes with %d chunks in flight", *self.tp, self.core.in_flight)
        return self.core if complete else None

    @property
    def status(self) -> PartitionStatus:
        """For liveness and metrics."""
        now, progress = running_s(), self._driver.consumer.progress(self.tp)
        return PartitionStatus(
            ready=self.ready,
            lag_ms=self.lag_ms,
            behind=0 if progress is None else max(0, progress.end - self.core.next_offset),
            oldest_s=now - min(self._since.values(), default=now),
            stalled_s=self._standstill.seconds(now),
            recovered=self._recovered,
        )
