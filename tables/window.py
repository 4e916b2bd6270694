"""A window: counts and sketches that add up, and maxima."""

from __future__ import annotations

from tables.sketch import quantiles
from tables.tally import ACTIVE_LAST, BUCKETS, DURATIONS, MAXIMA, Tally

RANKS = (0.5, 0.9, 0.95)
_IN_BUCKET = (1 << BUCKETS) - 1

Parts = tuple[list[tuple[int, int]], list[tuple[int, int, int]]]
"""A tally to be added to several windows: (code, amount) of its counts, (kind, bucket, amount) of its sketches."""


def parts(tally: Tally) -> Parts:
    """A tally without its maxima, taken apart.

    >>> parts({1: 2, 9 << 12 | 700: 1})
    ([(1, 2)], [(9, 700, 1)])
    """
    counts: list[tuple[int, int]] = []
    buckets: list[tuple[int, int, int]] = []
    for each, amount in tally.items():
        if each > _IN_BUCKET:
            buckets.append((each >> BUCKETS, each & _IN_BUCKET, amount))
        elif each not in MAXIMA:
            counts.append((each, amount))
    return counts, buckets


class Window:
    """One window of one scope: counts and sketches that add up."""

    __slots__ = ("_kept", "counts", "largest", "moved", "sketches", "touch")

    def __init__(self, touch: int = ACTIVE_LAST) -> None:
        self.counts: Tally = {}
        self.sketches: dict[int, dict[int, int]] = {kind: {} for kind in DURATIONS}
        self.largest: dict[int, int] = {}
        """The maximum in ms of each kind of duration; brought up to date by whoever holds the panes."""
        self.touch = touch - ACTIVE_LAST
        """Which of the distinct counts adds up in this window."""
        self.moved = True
        """Whether it has changed since whoever publishes it set this to False."""
        self._kept: dict[int, list[float]] = {}

    def add(self, tally: Tally, sign: int) -> None:
        """Add a tally, or take it back; its maxima are not looked at."""
        self.change(parts(tally), sign)

    def change(self, parts: Parts, sign: int) -> None:
        """Add what `parts` made of a tally, or take it back."""
        counts, buckets = parts
        held = self.counts
        self.moved = True
        for each, amount in counts:
            value = held.get(each, 0) + sign * amount
            if value:
                held[each] = value
            else:
                held.pop(each, None)
        for kind, each, amount in buckets:
            self._kept.pop(kind, None)
            sketch = self.sketches[kind]
            value = sketch.get(each, 0) + sign * amount
            if value:
                sketch[each] = value
            else:
                sketch.pop(each, None)

    def percentiles(self, kind: int) -> list[float]:
        """The 50th, 90th and 95th percentile in seconds; of at least one sample."""
        kept = self._kept.get(kind)
        if kept is None:
            found = quantiles(self.sketches[kind], RANKS, self.largest.get(kind, 1 << 62))
            kept = self._kept[kind] = [round(each) / 1000 for each in found]
        return kept

    @property
    def empty(self) -> bool:
        """Whether it holds no sample."""
        return not self.counts and not any(self.sketches.values())

    def set_largest(self, kind: int, value: int) -> None:
        """Note the maximum of a kind of duration, in ms."""
        if self.largest.get(kind) != value:
            self.largest[kind] = value
            self.moved = True
            self._kept.pop(kind, None)
