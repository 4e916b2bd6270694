"""A window: counts, sketches and distinct ids that add up, and maxima."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tables import subjects
from tables.distinct import BITS, Distinct
from tables.facts import BUSINESS, CALENDAR, DURATIONS
from tables.sketch import Ranks, quantiles
from tables.tally import (
    ACTIVE_LAST,
    ACTIVE_MARKS,
    BUCKETS,
    COUNT,
    CUSTOMERS,
    HANDLED_MARKS,
    MAX,
    MAXIMA,
    SUM,
    TOPICS,
    Tally,
    code,
)

RANKS = (0.5, 0.9, 0.95)
_IN_BUCKET = (1 << BUCKETS) - 1
_FIRST_MARK = 1 << BITS
_HASH = _FIRST_MARK - 1
_OF_CODE, _OF_KIND, _OF_CLASS = subjects.OF_CODE.get, subjects.OF_KIND.get, subjects.OF_CLASS.get
"""What a newer version may have told is about nothing that this one reads."""

_COUNTS, _SUMS, _MAXIMA = (
    {
        (kind, way): (code(kind, part), code(kind + (way or CALENDAR), part))
        for kind in DURATIONS
        for way in (0, BUSINESS)
    }
    for part in (COUNT, SUM, MAX)
)
"""The codes of a duration in calendar or business time: that of both times at once, and that of one."""

Sketch = dict[int, int]
_EMPTY: Sketch = {}


class Parts(NamedTuple):
    """A tally to be added to several windows."""

    counts: list[tuple[int, int]]
    """(code, amount)"""
    buckets: list[tuple[int, int, int]]
    """(kind, bucket, amount)"""
    marks: list[tuple[int, int, int]]
    """(class, hash, amount)"""
    about: int
    """The subjects of all of it."""


def parts(tally: Tally) -> Parts:
    """A tally without its maxima, taken apart.

    >>> parts({1: 2, 9 << 12 | 700: 1, 1 << 30 | 5: 3})
    Parts(counts=[(1, 2)], buckets=[(9, 700, 1)], marks=[(1, 5, 3)], about=2177)
    """
    counts, buckets, marks = [], [], []
    about = 0
    for each, amount in tally.items():
        if each >= _FIRST_MARK:
            marks.append((each >> BITS, each & _HASH, amount))
            about |= _OF_CLASS(each >> BITS, 0)
        elif each > _IN_BUCKET:
            buckets.append((each >> BUCKETS, each & _IN_BUCKET, amount))
            about |= _OF_KIND(each >> BUCKETS, 0)
        elif each not in MAXIMA:
            counts.append((each, amount))
            about |= _OF_CODE(each, 0)
    return Parts(counts, buckets, marks, about)


class Window:
    """One window of one scope: counts and sketches that add up."""

    __slots__ = ("_ranks", "_touch", "counts", "distinct", "largest", "moved", "occupancy", "sketches")

    def __init__(self, touch: int | None = ACTIVE_LAST) -> None:
        self.counts: Tally = {}
        self.sketches: dict[int, Sketch] = {}
        self.distinct: dict[int, Distinct] = {CUSTOMERS: Distinct()}
        self.largest: Tally = {}
        """The maxima; brought up to date by whoever holds the panes."""
        self.occupancy = (0, 0)
        """Agent-minutes occupied and online, and online; counted by whoever knows the agents."""
        self.moved = subjects.EVERYTHING
        """The subjects that have changed since whoever publishes it set this to 0."""
        self._touch = None if touch is None else touch - ACTIVE_LAST
        """Which of the counts of conversations touched adds up in this window; None: only their hashes do."""
        if touch is None:
            self.distinct |= {ACTIVE_MARKS: Distinct(), HANDLED_MARKS: Distinct(), TOPICS: Distinct()}
        self._ranks: dict[int, Ranks] = {}
        """What follows the percentiles of a kind that has been asked for."""

    def add(self, tally: Tally, sign: int) -> None:
        """Add a tally, or take it back; its maxima are not looked at."""
        self.change(parts(tally), sign)

    def change(self, parts: Parts, sign: int) -> None:
        """Add what `parts` made of a tally, or take it back."""
        counts, buckets, marks, about = parts
        held = self.counts
        self.moved |= about
        for each, amount in counts:
            value = held.get(each, 0) + sign * amount
            if value:
                held[each] = value
            else:
                held.pop(each, None)
        for kind, each, amount in buckets:
            sketch = self.sketches.get(kind)
            if sketch is None:
                sketch = self.sketches[kind] = {}
            value = sketch.get(each, 0) + sign * amount
            if value:
                sketch[each] = value
            else:
                sketch.pop(each, None)
            if kind in self._ranks:
                self._ranks[kind].change(each, sign * amount)
        for class_, each, amount in marks:
            distinct = self.distinct.get(class_)
            if distinct is not None:
                distinct.add(each, sign * amount)

    # -- reading --------------------------------------------------------------------------------------

    def sketch(self, kind: int) -> Mapping[int, int]:
        """The counts of a kind by bucket, or by score."""
        return self.sketches.get(kind, _EMPTY)

    def duration(self, kind: int, way: int) -> tuple[int, int]:
        """Count and sum (ms) of a duration in calendar time, or with `way` BUSINESS in business time."""
        get, (count, count_apart), (total, total_apart) = self.counts.get, _COUNTS[kind, way], _SUMS[kind, way]
        return get(count, 0) + get(count_apart, 0), get(total, 0) + get(total_apart, 0)

    def percentiles(self, kind: int, way: int) -> list[float]:
        """The 50th, 90th and 95th percentile in seconds; of at least one sample."""
        same, apart = self.sketch(kind), self.sketch(kind + (way or CALENDAR))
        if way and not apart:
            return self.percentiles(kind, 0)
        largest = self.maximum(kind, way) or 1 << 62
        if apart or kind not in self.sketches:
            both = {each: same.get(each, 0) + apart.get(each, 0) for each in same.keys() | apart.keys()}
            found = quantiles(both, RANKS, largest)
        else:
            ranks = self._ranks.get(kind)
            if ranks is None:
                ranks = self._ranks[kind] = Ranks(same, RANKS)
            found = ranks.read(largest)
        return [round(each) / 1000 for each in found]

    def maximum(self, kind: int, way: int) -> int:
        """The greatest of a kind, in ms; 0 without any."""
        get, (both, apart) = self.largest.get, _MAXIMA[kind, way]
        return max(get(both, 0), get(apart, 0))

    def set_occupancy(self, occupancy: tuple[int, int]) -> None:
        """Note agent-minutes occupied and online, and online."""
        if occupancy != self.occupancy:
            self.occupancy = occupancy
            self.moved |= subjects.OCCUPANCY

    def touched(self, counted: int, marks: int) -> int:
        """Distinct conversations: of the counts that begin with the code `counted`, or of the hashes of a class."""
        return self.distinct[marks].estimate() if self._touch is None else self.counts.get(counted + self._touch, 0)

    @property
    def empty(self) -> bool:
        """Whether it holds no sample."""
        return not self.counts and not any(self.sketches.values())

    def raise_largest(self, pane: Tally) -> None:
        """The maxima of a pane that the window holds have become these; none was greater before."""
        for each, value in pane.items():
            if value > self.largest.get(each, -1):
                self.largest[each] = value
                self.moved |= subjects.OF_CODE[each]

    def set_largest(self, panes: Iterable[Tally]) -> None:
        """Look the maxima up in the panes that the window holds."""
        largest: Tally = {}
        for pane in panes:
            for each, value in pane.items():
                if value > largest.get(each, -1):
                    largest[each] = value
        if largest != self.largest:
            for each in largest.keys() | self.largest.keys():
                if largest.get(each) != self.largest.get(each):
                    self.moved |= subjects.OF_CODE[each]
            self.largest = largest
