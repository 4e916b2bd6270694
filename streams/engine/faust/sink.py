"""One partition of a topic whose records go to a handler, at least once: committed after the handler returns."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from streams.clock import running_s

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from faust.types import TP

    from streams.engine.faust.driver import Driver
    from streams.engine.faust.transport import Chunk
    from streams.engine.ports import Record

MAX_QUEUED = 4


class SinkRunner:
    """Runs a handler from an assignment to the loss of it.

    It is given the partition and records in offset order, and retries what may be retried:
    an exception ends the process.
    """

    def __init__(
        self,
        driver: Driver,
        tp: TP,
        generation: int,
        handler: Callable[[int, Sequence[Record]], Awaitable[None]],
    ) -> None:
        self.tp = tp
        self.ready = False
        self._driver = driver
        self._generation = generation
        self._handler = handler
        self._pending: deque[Chunk] = deque()
        self._arrived = asyncio.Event()
        self._handed = 0
        self._fetching = False
        self._lost = False
        self._busy = False
        self._next_offset = 0
        self._gap: tuple[int, int] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Go on at the commit."""
        consumer = self._driver.consumer
        self._next_offset = await self._driver.patient(
            lambda: consumer.first_wanted(self.tp), f"where {self.tp} goes on"
        )
        await self._seek(self._next_offset)
        self.ready = True
        self._driver.on_ready()
        while not self._lost:
            await self._arrived.wait()
            self._arrived.clear()
            while self._pending and not self._lost:
                await self._handle(self._pending.popleft())

    async def _handle(self, chunk: Chunk) -> None:
        if chunk.epoch != self._driver.consumer.epoch(self.tp):
            return
        self._handed -= 1
        if chunk.start > self._next_offset and self._gap != (self._next_offset, chunk.start):
            self._gap = (self._next_offset, chunk.start)
            self._fetching = False
            await self._seek(self._next_offset)
            return
        records = [record for record in chunk.records if record.offset >= self._next_offset]
        self._busy = True
        if records:
            await self._handler(self.tp.partition, records)
        self._busy = False
        self._next_offset = max(self._next_offset, chunk.next_offset)
        self._driver.consumer.mark_done(self.tp, self._next_offset, self._generation)

    async def _seek(self, offset: int) -> None:
        if await self._driver.consumer.rewind(self.tp, offset):
            self._handed = 0
            self._fetching = True

    @property
    def wants(self) -> bool:
        """Whether more may be fetched."""
        return self._fetching and self._handed < MAX_QUEUED

    def handed(self) -> None:
        """A chunk is on its way here."""
        self._handed += 1

    def accept(self, chunk: Chunk) -> None:
        """A chunk, through the agent."""
        if not self._lost and chunk.epoch == self._driver.consumer.epoch(self.tp):
            self._pending.append(chunk)
            self._arrived.set()

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run beside; an exception ends the process."""
        task = asyncio.create_task(self._driver.guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, patience_s: float) -> None:
        """Let the handler return, and end."""
        deadline = running_s() + patience_s
        self._lost = True
        self._fetching = False
        while self._busy and running_s() < deadline:  # noqa: ASYNC110 - rare and short
            await asyncio.sleep(0.002)
        for task in list(self._tasks):
            task.cancel()
