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
