"""What every KPI says of itself."""

from __future__ import annotations

from typing import Literal, NamedTuple

Value = int | float | None


class Metric(NamedTuple):
    """One field of a KPI record."""

    name: str
    unit: Literal["count", "s", "ratio", "ms"]
    meaning: str
    better: Literal["higher", "lower", "neither"] = "neither"


def ratio(numerator: int, denominator: int) -> float | None:
    """A ratio 0..1, None where it cannot be calculated.

    >>> ratio(3, 4), ratio(0, 0)
    (0.75, None)
    """
    return numerator / denominator if denominator else None
