"""One partition of a topic whose records go to a handler, at least once: committed after the handler returns."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from streams.clock import running_s
from streams.engine.faust.runner import Runner, Standstill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faust.types import TP

    from streams.engine.faust.driver import Driver
    from streams.engine.faust.transport import Chunk
    from streams.engine.ports import Record

Handler = Callable[[int, "Sequence[Record]"], Awaitable[int]]
"""Is given the partition and records in offset order, and retries what may be retried: an exception ends the process.

Its answer is the greatest `at` (ms) of the events that it has made of them, 0 without any.
"""


class SinkStatus(NamedTuple):
    """How a partition fares whose records go to a handler."""

    ready: bool
    behind: int
    """Records not handled yet."""
    stalled_s: float
    """Since records were there to handle and none was."""


class SinkRunner(Runner):
    """Runs a handler from an assignment to the loss of it."""

    def __init__(
        self,
        driver: Driver,
        tp: TP,
        generation: int,
        handler: Handler,
    ) -> None:
        super().__init__(driver, tp)
        self._generation = generation
        self._handler = handler
        self._pending: deque[Chunk] = deque()
        self._arrived = asyncio.Event()
        self._busy = False
        self._next_offset = 0
        self._standstill = Standstill()
        self._reached = 0
        self._greatest_at = 0

    async def start(self) -> None:
        """Go on at the commit."""
        consumer = self._driver.consumer
        self._next_offset = await self._driver.patient(
            lambda: consumer.first_wanted(self.tp), f"where {self.tp} goes on"
        )
        await self.seek(self._next_offset)
        self.ready = True
        self._driver.on_ready()
        while not self._lost:
            await self._arrived.wait()
            self._arrived.clear()
            while self._pending and not self._lost:
                await self._handle(self._pending.popleft())

    async def _handle(self, chunk: Chunk) -> None:
        if self.stale(chunk):
            return
        self._handed -= 1
        if self.jumps(chunk, self._next_offset):
            await self.seek(self._next_offset)
            return
        records = [record for record in chunk.records if record.offset >= self._next_offset]
        self._busy = True
        if records:
            self._greatest_at = max(self._greatest_at, await self._handler(self.tp.partition, records))
            self._reached = max(self._reached, min(self._greatest_at, records[-1].timestamp))
        self._busy = False
        self._next_offset = max(self._next_offset, chunk.next_offset)
        self._driver.consumer.mark_done(self.tp, self._next_offset, self._generation)

    def accept(self, chunk: Chunk) -> None:
        """A chunk, through the agent."""
        if not self.stale(chunk):
            self._pending.append(chunk)
            self._arrived.set()

    @property
    def reached(self) -> int:
        """How far a clock may go by what has been handled, in ms; 0: not known.

        Up to now once all has been handled; before that as for the events themselves while they lag: the smaller of
        the greatest `at` and the broker's timestamp.
        """
        progress = self._driver.consumer.progress(self.tp)
        idle = self.ready and not (self._busy or self._pending or self._handed)
        if idle and progress is not None and self._next_offset >= progress.end:
            self._reached = max(self._reached, progress.asked_ms)
        return self._reached

    @property
    def _behind(self) -> int:
        progress = self._driver.consumer.progress(self.tp)
        return 0 if progress is None else max(0, progress.end - self._next_offset)

    def tick(self) -> None:
        """Note whether it goes on."""
        if self.ready and not self._lost:
            self._standstill.note(self._next_offset, more=self._behind > 0, now=running_s())

    @property
    def status(self) -> SinkStatus:
        """For liveness and metrics."""
        return SinkStatus(self.ready, self._behind, self._standstill.seconds(running_s()))

    async def drain(self, patience_s: float) -> None:
        """Let the handler return, and end."""
        deadline = running_s() + patience_s
        self._lost = True
        self._fetching = False
        while self._busy and running_s() < deadline:  # noqa: ASYNC110 - rare and short
            await asyncio.sleep(0.002)
        self._end()
