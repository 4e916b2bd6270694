"""Percentiles of durations from logarithmic buckets (the idea of DDSketch, Masson et al., VLDB 2019).

Bucket i holds the durations in (GAMMA^(i-2), GAMMA^(i-1)] ms, bucket 0 those of 0 ms. The middle of a bucket is within
(GAMMA-1)/(GAMMA+1) = 0.75 % of everything in it. Buckets are counts: they add, take back and merge exactly.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import ceil, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

GAMMA = 1.015
_SCALE = 1 / log(GAMMA)


def bucket(value: int) -> int:
    """The bucket of a duration in ms.

    >>> bucket(0), bucket(1), bucket(60_000)
    (0, 1, 740)
    """
    return 1 + ceil(log(value) * _SCALE) if value > 0 else 0


@lru_cache(4096)
def middle(index: int) -> float:
    """The value, in ms, that stands for a bucket.

    >>> abs(middle(bucket(60_000)) - 60_000) / 60_000 < 0.0075
    True
    """
    return 2 * GAMMA ** (index - 1) / (GAMMA + 1) if index else 0.0


def quantiles(buckets: Mapping[int, int], ranks: tuple[float, ...], largest: int) -> list[float]:
    """The nearest-rank quantiles, in ms, of the counts by bucket; `ranks` ascending, `largest` the exact maximum.

    >>> [round(q) for q in quantiles({bucket(1000): 9, bucket(9000): 1}, (0.5, 0.9, 0.95), 9000)]
    [993, 993, 8994]
    """
    total = sum(buckets.values())
    found: list[float] = []
    wanted = iter(ranks)
    rank = ceil(next(wanted) * total)
    seen = 0
    for index in sorted(buckets):
        seen += buckets[index]
        while seen >= rank:
            found.append(min(middle(index), float(largest)))
            following = next(wanted, None)
            if following is None:
                return found
            rank = ceil(following * total)
    return found


class Ranks:
    """The nearest-rank quantiles of counts by bucket that change little by little.

    Each rank remembers its bucket and how many samples lie below it, and goes on from there: what is read after every
    change costs a few steps, not a walk through all buckets. `buckets` may be empty; it is not to be replaced.
    """

    __slots__ = ("_buckets", "_known", "_order", "_places", "_total")

    def __init__(self, buckets: Mapping[int, int], ranks: tuple[float, ...]) -> None:
        self._buckets = buckets
        self._order = sorted(buckets)
        self._total = sum(buckets.values())
        self._places = [_Place(rank) for rank in ranks]
        self._known: tuple[int, list[float]] | None = None
        """The greatest sample, and what was read with it, if nothing has changed since."""

    def change(self, bucket: int, amount: int) -> None:
        """So many samples have come into a bucket, or, if negative, gone."""
        self._total += amount
        self._known = None
        order, step = self._order, 0
        at = bisect_left(order, bucket)
        known = at < len(order) and order[at] == bucket
        if known != (bucket in self._buckets):
            step = -1 if known else 1
            order[at : at + known] = [] if known else [bucket]
        for each in self._places:
            if at < each.at or (at == each.at and step > 0):
                each.at += step
                each.below += amount

    def read(self, largest: int) -> list[float]:
        """The quantiles, in ms, of at least one sample; `largest` is the exact maximum.

        >>> buckets = {bucket(1000): 9, bucket(9000): 1}
        >>> [round(q) for q in Ranks(buckets, (0.5, 0.9, 0.95)).read(9000)]
        [993, 993, 8994]
        """
        if self._known is not None and self._known[0] == largest:
            return self._known[1]
        if self._total < 1:
            raise ValueError("no samples: there is no rank")
        found = [min(middle(self._follow(each)), float(largest)) for each in self._places]
        self._known = largest, found
        return found

    def _follow(self, each: _Place) -> int:
        """Let a rank's place be where it belongs now; its bucket."""
        buckets, order, wanted = self._buckets, self._order, ceil(each.rank * self._total)
        at, below = each.at, each.below
        while below >= wanted:
            at -= 1
            below -= buckets[order[at]]
        while below + (here := buckets[order[at]]) < wanted:
            below += here
            at += 1
        each.at, each.below = at, below
        return order[at]


class _Place:
    """Where a rank lies: in the bucket `at` of those that hold samples, above so many samples."""

    __slots__ = ("at", "below", "rank")

    def __init__(self, rank: float) -> None:
        self.rank = rank
        self.at = self.below = 0
