"""Distinct visitors of a tenant in windows of whole days, from the segments that all partitions have told."""

from __future__ import annotations

from typing import Final, NamedTuple

from tables.business.visits import Segment, parse
from tables.days import NOON_MS
from tables.distinct import Distinct

WINDOWS: Final = 4
"""Unions kept: visitors and conversions in two windows; at midnight old and new ones change places."""


class _Union(NamedTuple):
    days: frozenset[int]
    distinct: Distinct


class Visitors:
    """A union is made once a day; a segment that has grown is added to it."""

    __slots__ = ("_days", "_unions")

    def __init__(self) -> None:
        self._days: dict[tuple[str, int], dict[tuple[int, int], Segment]] = {}
        """By what is counted and the instant (ms) at which the day began: segments by partition and number."""
        self._unions: dict[tuple[str, int], _Union] = {}
        """By what is counted and where the window begins."""

    def put(self, partition: int, name: str, segment: Segment) -> None:
        """Take a segment in place of what the partition told of it before."""
        what, day, number = parse(name)
        segments = self._days.setdefault((what, day), {})
        held = segments.get((partition, number))
        segments[partition, number] = segment
        known = [] if held is None else held.marks
        if segment.marks[: len(known)] != known:
            self._unions.clear()
            return
        for (counted, _), union in self._unions.items():
            if counted == what and day in union.days:
                _add(union.distinct, segment.marks[len(known) :])

    def forget(self, partition: int, name: str) -> None:
        """Let go of a segment."""
        what, day, number = parse(name)
        segments = self._days[what, day]
        del segments[partition, number]
        if not segments:
            del self._days[what, day]
        self._unions.clear()

    def count(self, what: str, start: int, as_of: int) -> int:
        """The different visitors on the days whose noon was at `start` (ms) or later, begun by `as_of` (ms)."""
        days = frozenset(day for counted, day in self._days if counted == what and start - NOON_MS <= day <= as_of)
        union = self._unions.get((what, start))
        if union is None or union.days != days:
            union = _Union(days, Distinct())
            for day in days:
                for segment in self._days[what, day].values():
                    _add(union.distinct, segment.marks)
            self._unions[what, start] = union
            for oldest in sorted(self._unions, key=lambda key: key[1])[:-WINDOWS]:
                del self._unions[oldest]
        return union.distinct.estimate()


def _add(distinct: Distinct, marks: list[int]) -> None:
    for mark in marks:
        distinct.add(mark)
