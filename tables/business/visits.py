"""One tenant's visitors in one partition: by local day a sample of who came and of who converted.

Samples only grow, and are kept and told in segments, so that one more visitor is one more number in a small record.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tables.days import NOON_MS
from tables.distinct import Distinct

SEGMENT: Final = 128
"""Hashes in a segment."""
CAME, CONVERTED = "v", "c"


class Segment(msgspec.Struct, array_like=True):
    """Some hashes of a sample, also of those that no longer count: added up again they give the same sample."""

    marks: list[int]


class Sample:
    """The different visitors of one local day."""

    __slots__ = ("distinct", "segments")

    def __init__(self, segments: list[Segment]) -> None:
        self.segments = segments
        self.distinct = Distinct()
        for segment in segments:
            for mark in segment.marks:
                self.distinct.add(mark)

    def add(self, mark: int) -> int | None:
        """Add a hash; the place of the segment that has changed, if one has."""
        distinct = self.distinct
        if mark in distinct.counts or mark & ((1 << distinct.level) - 1):
            return None
        distinct.add(mark)
        if not self.segments or len(self.segments[-1].marks) >= SEGMENT:
            self.segments.append(Segment([]))
        self.segments[-1].marks.append(mark)
        return len(self.segments) - 1


class Visits:
    """Segments are named by what they count, the instant (ms) at which their day began, and a number: `v17672…00.3`."""

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: dict[tuple[str, int], Sample] = {}

    def restore(self, segments: dict[str, Segment]) -> None:
        """Take all segments from the changelog."""
        found: dict[tuple[str, int], dict[int, Segment]] = {}
        for name, segment in segments.items():
            what, day, number = parse(name)
            found.setdefault((what, day), {})[number] = segment
        for place, numbered in found.items():
            self._samples[place] = Sample([numbered[number] for number in sorted(numbered)])

    def take(self, day: int, mark: int, *, converted: bool) -> list[str]:
        """Take a visit, or a conversion, on the local day that began at `day` (ms); the segments that have changed."""
        changed = []
        for what in (CAME, CONVERTED) if converted else (CAME,):
            sample = self._samples.get((what, day))
            if sample is None:
                sample = self._samples[what, day] = Sample([])
            number = sample.add(mark)
            if number is not None:
                changed.append(f"{what}{day}.{number}")
        return changed

    def segment(self, name: str) -> Segment:
        """A segment by its name."""
        what, day, number = parse(name)
        return self._samples[what, day].segments[number]

    def since(self, oldest: int) -> list[str]:
        """The segments of the days whose noon was at `oldest` (ms) or later."""
        return [name for place in self._samples if place[1] + NOON_MS >= oldest for name in self._names(place)]

    def forget(self, oldest: int) -> list[str]:
        """Forget the days that began before `oldest` (ms); their segments."""
        old = [place for place in self._samples if place[1] < oldest]
        gone = [name for place in old for name in self._names(place)]
        for place in old:
            del self._samples[place]
        return gone

    def _names(self, place: tuple[str, int]) -> list[str]:
        what, day = place
        return [f"{what}{day}.{number}" for number in range(len(self._samples[place].segments))]


def parse(name: str) -> tuple[str, int, int]:
    """What a segment counts, its day (ms) and its number.

    >>> parse("v1767200400000.3")
    ('v', 1767200400000, 3)
    """
    day, _, number = name[1:].partition(".")
    return name[0], int(day), int(number)
