"""The only place that reads the wall clock, and the clocks of partitions, which never go back."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import NamedTuple


def wall_ms() -> int:
    """Milliseconds since the Unix epoch, UTC."""
    return time.time_ns() // 1_000_000


def running_s() -> float:
    """Seconds that go on while the process, or the whole machine, is asleep; for deadlines and leases."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux: CLOCK_MONOTONIC stands still while the machine sleeps
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Mode(StrEnum):
    """What drives a partition's clock."""

    WALL = "wall"
    EVENT = "event"  # the greatest `at` alone: replay
    SCALED = "scaled"  # a wall clock that started at an event and runs faster or slower: demo


class Timeline(NamedTuple):
    """The mode of a run and, in `SCALED`, how its wall clock follows from the real one."""

    mode: Mode = Mode.WALL
    origin_at: int = 0
    origin_wall: int = 0
    speed: float = 1.0

    def wall(self, real_ms: int) -> int:
        """The run's wall clock at the real instant `real_ms`.

        >>> Timeline(Mode.SCALED, origin_at=1_000, origin_wall=50_000, speed=10).wall(50_250)
        3500
        """
        if self.mode is not Mode.SCALED:
            return real_ms
        return self.origin_at + int((real_ms - self.origin_wall) * self.speed)

    @property
    def event_time(self) -> bool:
        """Whether broker timestamps say nothing about the instants of this run."""
        return self.mode is not Mode.WALL


class PartitionClock:
    """One partition's clock, in ms: the wall clock while caught up, else how far its records have come.

    `final` is true once an instant given to `stop` has been reached; the clock stands still from there on.
    """

    def __init__(self, mode: Mode = Mode.WALL) -> None:
        self.mode = mode
        self.now = 0
        self.greatest_at = 0
        self.greatest_timestamp = 0
        self.stop_at: int | None = None

    @property
    def final(self) -> bool:
        """Whether this is the last instant of a run."""
        return self.stop_at is not None and self.now >= self.stop_at

    def restore(self, now: int, greatest_timestamp: int, stop_at: int | None) -> None:
        """Go on where a former owner of the partition stood."""
        self.greatest_timestamp = max(self.greatest_timestamp, greatest_timestamp)
        if stop_at is not None:
            self.stop(stop_at)
        self._move(now)

    def observe(self, greatest_at: int, greatest_timestamp: int) -> None:
        """Note what has been folded: the greatest `at`, the greatest broker timestamp."""
        self.greatest_at = max(self.greatest_at, greatest_at)
        self.greatest_timestamp = max(self.greatest_timestamp, greatest_timestamp)

    def stop(self, instant: int) -> None:
        """Stand still at `instant`, for good. An instant already passed stops the clock where it is."""
        self.stop_at = max(instant, self.now)

    def advance(self, wall: int, *, caught_up: bool) -> int:
        """Move to what is known now and return it. `wall` is the run's wall clock (see `Timeline`)."""
        if self.mode is Mode.EVENT:
            # No record comes after the stop, so nothing holds the clock back from it.
            self._move(self.greatest_at if self.stop_at is None else self.stop_at)
        elif caught_up:
            self._move(wall)
        elif self.mode is Mode.SCALED:
            self._move(self.greatest_at)
        else:
            self._move(min(self.greatest_at, self.greatest_timestamp))
        return self.now

    def _move(self, instant: int) -> None:
        if self.stop_at is not None:
            instant = min(instant, self.stop_at)
        self.now = max(self.now, instant)
