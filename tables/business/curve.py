"""What has accrued of many postings: a sum of straight lines, which bends where a period begins or ends."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING, Final

import msgspec

from tables.business.money import FINE, micro

if TYPE_CHECKING:
    from collections.abc import Collection

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

    def accrued(self, at: int) -> int:
        """What has accrued by `at` (ms), in 1/`FINE` of a micro-unit."""
        return self.slope * (min(max(at, self.start), self.end) - self.start)


class Curve(msgspec.Struct, array_like=True):
    """What has accrued by an instant, in 1/`FINE` of a micro-unit; only differences mean something."""

    at: int
    """The instant (ms) that `value` and `slope` are of."""
    value: int = 0
    slope: int = 0
    """What accrues in a millisecond."""
    bends: list[tuple[int, int]] = []
    """When (ms), after `at`, the slope changes and by how much, in order."""
    starts: dict[int, int] = {}
    """What had accrued where the windows begin."""

    def add(self, entry: Entry) -> None:
        """Add a posting."""
        slope = entry.slope
        for start in self.starts:
            self.starts[start] += entry.accrued(start)
        self.value += entry.accrued(self.at)
        for instant, change in ((entry.start, slope), (entry.end, -slope)):
            if instant <= self.at:
                self.slope += change
            else:
                insort(self.bends, (instant, change))

    def go_on(self, now: int) -> None:
        """Let `value` and `slope` be of `now` (ms)."""
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
