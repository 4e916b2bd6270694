"""Interval records: which quarter-hours of which scopes are to be closed, and the gauges as they were at their ends.

An interval closes when the least clock of the source partitions has passed its end plus the tenant's lateness; its
record exists if the scope has a sample in it, or if its gauges differ from those at the quarter-hour before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tables import gauges
from tables.days import QUARTER_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tables.partials import Snapshot
    from tables.tally import Tally

WINDOW = "interval"
"""What stands for the window in an interval record."""


class Mark(NamedTuple):
    """How far intervals have been closed, as it is kept in the topic of the partials."""

    watermark: int
    """The least clock, in ms: what closes before it is out."""
    offset: int
    """Where the roll-up's partition of the intervals ended then."""


encode_mark = msgspec.msgpack.Encoder().encode
decode_mark = msgspec.msgpack.Decoder(Mark).decode


class Past:
    """The gauges of one scope at quarter-hours, by source partition."""

    __slots__ = ("_by_partition",)

    def __init__(self) -> None:
        self._by_partition: dict[int, list[Snapshot]] = {}

    def put(self, partition: int, snapshot: Snapshot) -> bool:
        """Take a snapshot over; False if a newer one of that instant is known."""
        held = self._by_partition.setdefault(partition, [])
        place = len(held)
        while place and held[place - 1].at >= snapshot.at:
            place -= 1
        if place < len(held) and held[place].at == snapshot.at:
            if (held[place].epoch, held[place].seq) >= (snapshot.epoch, snapshot.seq):
                return False
            held[place] = snapshot
        else:
            held.insert(place, snapshot)
        return True

    def newest(self, partition: int) -> Snapshot | None:
        """The last snapshot of a partition."""
        held = self._by_partition.get(partition)
        return held[-1] if held else None

    def at(self, instant: int) -> Tally:
        """The gauges over all partitions at a quarter-hour (ms)."""
        return add_up(_at(held, instant) for held in self._by_partition.values())

    def forget(self, before: int) -> None:
        """Nobody will ask for an instant before this one (ms)."""
        for held in self._by_partition.values():
            while len(held) > 1 and held[1].at <= before:
                del held[0]


def _at(held: list[Snapshot], instant: int) -> Tally:
    for snapshot in reversed(held):
        if snapshot.at <= instant:
            return snapshot.tally
    # Before all that is known: what the first one says was there.
    return held[0].was or {}


def add_up(tallies: Iterable[Tally]) -> Tally:
    """Gauges of several partitions as one: counts added, the oldest wait the smallest."""
    total: Tally = {}
    for tally in tallies:
        for each, amount in tally.items():
            if each != gauges.OLDEST_WAITING:
                total[each] = total.get(each, 0) + amount
            elif each not in total or amount < total[each]:
                total[each] = amount
    return {each: amount for each, amount in total.items() if amount}


class Pending:
    """Scopes that may have a record, by the instant at which their interval closes."""

    def __init__(self) -> None:
        self._scopes: dict[tuple[int, int], set[str]] = {}
        self._earliest = 0
        self.watermark = 0
        """Intervals that close before this instant (ms) are closed."""

    def stir(self, start: int, lateness: int, key: str) -> None:
        """Something was said of a scope's interval that begins at `start` (ms), unless it is closed."""
        closes = start + QUARTER_MS + lateness
        if closes < self.watermark:
            return
        if not self._scopes or closes < self._earliest:
            self._earliest = closes
        self._scopes.setdefault((closes, start), set()).add(key)

    def take(self, before: int) -> list[tuple[int, str]]:
        """The (start, scope key) of the intervals that close before an instant (ms), in order; they are closed now."""
        known, self.watermark = self.watermark, max(self.watermark, before)
        if not self._scopes or self._earliest >= before:
            return []
        due = sorted(each for each in self._scopes if each[0] < before)
        taken = [(each, self._scopes.pop(each)) for each in due]
        self._earliest = min((closes for closes, _ in self._scopes), default=0)
        return [(start, key) for (closes, start), keys in taken if closes >= known for key in sorted(keys)]
