"""Percentiles of durations from logarithmic buckets (the idea of DDSketch, Masson et al., VLDB 2019).

Bucket i holds the durations in (GAMMA^(i-2), GAMMA^(i-1)] ms, bucket 0 those of 0 ms. The middle of a bucket is within
(GAMMA-1)/(GAMMA+1) = 0.75 % of everything in it. Buckets are counts: they add, take back and merge exactly.
"""

from __future__ import annotations

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

    __slots__ = ("_buckets", "_known", "_places", "_total")

    def __init__(self, buckets: Mapping[int, int], ranks: tuple[float, ...]) -> None:
        self._buckets = buckets
        self._total = sum(buckets.values())
        self._places = [_Place(rank) for rank in ranks]
        self._known: tuple[int, list[float]] | None = None
        """The greatest sample, and what was read with it, if nothing has changed since."""

    def change(self, bucket: int, amount: int) -> None:
        """So many samples have come into a bucket, or, if negative, gone."""
        self._total += amount
        self._known = None
        for each in self._places:
            if bucket < each.bucket:
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
        for each in self._places:
            self._follow(each)
        found = [min(middle(each.bucket), float(largest)) for each in self._places]
        self._known = largest, found
        return found

    def _follow(self, each: _Place) -> None:
        count, wanted = self._buckets.get, ceil(each.rank * self._total)
        place, below = each.bucket, each.below
        while below >= wanted:
            place -= 1
            below -= count(place, 0)
        while below + (here := count(place, 0)) < wanted:
            below += here
            place += 1
        each.bucket, each.below = place, below


class _Place:
    """Where a rank lies: in a bucket, above so many samples."""

    __slots__ = ("below", "bucket", "rank")

    def __init__(self, rank: float) -> None:
        self.rank = rank
        self.bucket = self.below = 0
