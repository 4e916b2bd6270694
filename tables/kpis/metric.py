"""What every KPI says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Value = int | float | None


class Metric(NamedTuple):
    """One field of a KPI record."""

    name: str
    unit: Literal["count", "s", "ratio", "ms", "score", "points", "money"]
    meaning: str
    better: Literal["higher", "lower", "neither"] = "neither"


def ratio(numerator: int, denominator: int) -> float | None:
    """A ratio 0..1, None where it cannot be calculated.

    >>> ratio(3, 4), ratio(0, 0)
    (0.75, None)
    """
    return numerator / denominator if denominator else None


def mean(counts: Mapping[int, int]) -> float | None:
    """The mean of values that were counted, None without any.

    >>> mean({4: 1, 5: 3})
    4.75
    """
    total = sum(counts.values())
    return sum(value * count for value, count in counts.items()) / total if total else None
