"""What one scope holds in one source partition: its minute panes, the sums of past quarter-hours, and its gauges."""

from __future__ import annotations

from heapq import heappop
from math import inf
from zlib import crc32

from tables import gauges
from tables.days import QUARTER
from tables.partials import TURNS
from tables.scopes import has_days, has_trend
from tables.tally import ACTIVE_MINUTE, HANDLED_MINUTE, Tally, add_up


def place_of(tenant: str, scope: str) -> int:
    """By which a scope's partition of the roll-up, and its turn, are chosen."""
    return crc32(f"{tenant}/{scope}".encode())


class Scope:
    """What one scope of one tenant holds in this partition."""

    __slots__ = (
        "by_day",
        "corrections",
        "dirty",
        "dirty_corrections",
        "dirty_quarters",
        "gauges",
        "heap",
        "minutes",
        "name",
        "open",
        "pane",
        "place",
        "restless",
        "sealed",
        "snapshot",
        "tenant",
        "trend",
        "turn",
        "waiting",
    )

    def __init__(self, tenant: str, name: str) -> None:
        self.tenant = tenant
        self.name = name
        self.place = place_of(tenant, name)
        self.turn = (self.place >> 16) % TURNS
        self.trend = has_trend(name)
        self.by_day = has_days(name)
        self.open = -1
        """The minute of `pane`: of those to be told of, the one booked last."""
        self.pane: Tally = {}
        self.minutes: dict[int, Tally] = {}
        self.sealed: dict[int, Tally] = {}
        """Sums of past quarter-hours, by the minute they begin at."""
        self.corrections: dict[int, Tally] = {}
        """What was added to quarter-hours, by the minute they begin at, after they were let go of."""
        self.dirty_corrections: set[int] = set()
        self.dirty: set[int] = set()
        self.dirty_quarters: set[int] = set()
        self.gauges: Tally = {}
        self.restless = False
        """Whether the gauges have changed since they were last sent."""
        self.snapshot: Tally | None = None
        """The gauges at the last quarter-hour at which they had changed."""
        self.waiting: dict[bytes, int] = {}
        self.heap: list[tuple[int, bytes]] = []

    @property
    def oldest_dirty(self) -> float:
        """The first minute of which there is something to tell."""
        return min((*self.dirty, *self.dirty_quarters), default=inf)

    def gauges_now(self) -> Tally:
        """The gauges, with the oldest wait."""
        oldest = self.oldest_waiting()
        return {**self.gauges, gauges.OLDEST_WAITING: oldest} if oldest else dict(self.gauges)

    def oldest_waiting(self) -> int:
        """The smallest `waiting_since` in ms, 0 when none waits."""
        heap, waiting = self.heap, self.waiting
        if len(heap) > 2 * len(waiting) + 64:
            heap[:] = sorted((since, key) for key, since in waiting.items())
        while heap and waiting.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else 0

    def quarter(self, quarter: int) -> Tally:
        """The sum of a quarter-hour that is to be told, from its minutes if one of them has changed since."""
        total = self.sealed.get(quarter)
        if total is None:
            total = self.sealed[quarter] = {}
            for minute in range(quarter, quarter + QUARTER):
                add_up(total, self.minutes.get(minute, {}))
            total.pop(ACTIVE_MINUTE, None)  # of one minute alone
            total.pop(HANDLED_MINUTE, None)
        return total

    def discard(self, oldest: int, oldest_sealed: int) -> None:
        """Let go of minute panes before `oldest` and of quarter-hours before `oldest_sealed`.

        What nobody was told of yet stays, with the minutes that it is made of: intervals want it.
        """
        dirty, quarters = self.dirty, self.dirty_quarters
        for minute in [m for m in self.minutes if m < oldest and m not in dirty and m - m % QUARTER not in quarters]:
            del self.minutes[minute]
        for quarter in [q for q in self.sealed if q < oldest_sealed and q not in quarters]:
            del self.sealed[quarter]
