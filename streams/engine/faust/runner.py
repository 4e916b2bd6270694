"""What the runners of one partition share: flow, seeking, tasks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from faust.types import TP

    from streams.engine.core import Core
    from streams.engine.faust.driver import Driver
    from streams.engine.faust.transport import Chunk


class Standstill:
    """Since when there are records to take and none is taken; times in seconds of a clock that only goes on."""

    def __init__(self) -> None:
        self._offset = -1
        self._since = 0.0

    def note(self, offset: int, *, more: bool, now: float) -> None:
        """Everything before `offset` has been taken; whether there is more."""
        if not more or offset != self._offset:
            self._offset, self._since = offset, now

    def seconds(self, now: float) -> float:
        """How long it has lasted; 0 before anything was noted."""
        return now - self._since if self._since else 0.0


class Runner:
    """One partition of one topic, from an assignment to the loss of it."""

    MAX_QUEUED = 4
    """Chunks on their way here; no more are fetched beyond."""

    def __init__(self, driver: Driver, tp: TP) -> None:
        self.tp = tp
        self.ready = False
        self._driver = driver
        self._handed = 0
        self._fetching = False
        self._lost = False
        self._gap: tuple[int, int] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Recover what there is to recover, and begin."""
        raise NotImplementedError

    def accept(self, chunk: Chunk) -> None:
        """A chunk, through the agent."""
        raise NotImplementedError

    def tick(self) -> None:
        """Look at the clock, every few milliseconds."""

    async def drain(self, patience_s: float) -> Core | None:
        """Take nothing more, complete what is on its way, and end."""
        raise NotImplementedError

    @property
    def wants(self) -> bool:
        """Whether more may be fetched."""
        return self._fetching and self._handed < self.MAX_QUEUED

    def handed(self) -> None:
        """A chunk is on its way here."""
        self._handed += 1

    def stale(self, chunk: Chunk) -> bool:
        """Whether a chunk was fetched before the last seek, or for a partition that is lost."""
        return self._lost or chunk.epoch != self._driver.consumer.epoch(self.tp)

    def jumps(self, chunk: Chunk, expected: int) -> bool:
        """Whether a chunk lies ahead of what is expected; the same jump a second time is Kafka's own."""
        gap = (expected, chunk.start)
        if chunk.start <= expected or self._gap == gap:
            return False
        self._gap = gap
        self._fetching = False
        return True

    async def seek(self, offset: int) -> None:
        """Fetch from `offset` on; what was fetched before is stale."""
        if await self._driver.consumer.rewind(self.tp, offset):
            self._handed = 0
            self._fetching = True

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run beside; an exception ends the process."""
        task = asyncio.create_task(self._driver.guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end(self) -> None:
        self._lost = True
        self._fetching = False
        for task in list(self._tasks):
            task.cancel()
