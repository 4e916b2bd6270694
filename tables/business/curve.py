"""What has accrued of many postings: a sum of straight lines, which bends where a period begins or ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tables.business.money import FINE, micro

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

TOLD: Final = 64
"""Bends that are told ahead."""


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A posting as the changelog has it: an amount that accrues over the half-open period from `start` to `end`, ms."""

    offset: int
    kind: str
    amount: float
    start: int
    end: int
    currency: str
    """Empty where the posting names none."""

    @property
    def slope(self) -> int:
        """What accrues in a millisecond, in 1/`FINE` of a micro-unit."""
        return micro(self.amount) * FINE // (self.end - self.start)

    def passed(self, at: int) -> int:
        """How much of the period has passed at `at`, both in ms."""
        return min(max(at, self.start), self.end) - self.start


class Curve(msgspec.Struct, array_like=True):
    """What has accrued by an instant, in 1/`FINE` of a micro-unit; only differences mean something."""

    at: int
    """The instant (ms) that `value` and `slope` are of."""
    value: int = 0
    slope: int = 0
    """What accrues in a millisecond."""
    bends: list[tuple[int, int]] = []
    """When (ms), after `at`, the slope changes and by how much; in order, but for those of new postings."""
    starts: dict[int, int] = {}
    """What had accrued where the windows begin."""

    def add(self, entry: Entry) -> None:
        """Add a posting."""
        slope = entry.slope
        for start in self.starts:
            self.starts[start] += slope * entry.passed(start)
        self.value += slope * entry.passed(self.at)
        for instant, change in ((entry.start, slope), (entry.end, -slope)):
            if instant <= self.at:
                self.slope += change
            else:
                self.bends.append((instant, change))

    def begin(self, starts: Iterable[int]) -> None:
        """Let the windows begin at `starts` (ms): those that are known, or lie ahead."""
        self.bends.sort()
        self.starts = {start: self.starts[start] if start in self.starts else self._by(start) for start in starts}

    def go_on(self, now: int) -> None:
        """Let `value` and `slope` be of `now` (ms), and the bends be in order."""
        self.bends.sort()
        if now <= self.at:
            return
        passed = 0
        for instant, change in self.bends:
            if instant > now:
                break
            self._rise(instant)
            self.slope += change
            passed += 1
        del self.bends[:passed]
        self._rise(now)

    def told(self) -> Curve:
        """The same with the next bends only, for the roll-up."""
        return Curve(self.at, self.value, self.slope, self.bends[:TOLD], self.starts)

    @property
    def good_until(self) -> int | None:
        """The instant (ms) from which on what was told is no longer right; None: for ever."""
        return self.bends[TOLD][0] if len(self.bends) > TOLD else None

    def accrued(self, start: int, as_of: int) -> int:
        """What accrues from where a window begins until `as_of`, both in ms."""
        return self._by(as_of) - self.starts[nearest(self.starts, start)]

    def goes_on(self, as_of: int) -> bool:
        """Whether it changes after `as_of` (ms) by the clock alone."""
        slope = self.slope + sum(change for bend, change in self.bends if bend <= as_of)
        return slope != 0 or any(bend > as_of for bend, _ in self.bends)

    def _by(self, instant: int) -> int:
        at, value, slope = self.at, self.value, self.slope
        for bend, change in self.bends:
            if bend >= instant:
                break
            value += slope * (bend - at)
            at, slope = bend, slope + change
        return value + slope * (instant - at)

    def _rise(self, instant: int) -> None:
        self.value += self.slope * (instant - self.at)
        self.at = instant


def nearest(starts: Collection[int], start: int) -> int:
    """Of the starts that a partition has told the one asked for; while it lags by a day, the last before it."""
    return start if start in starts else max((each for each in starts if each < start), default=min(starts))
