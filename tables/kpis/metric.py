"""What every KPI says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from tables.settings import TenantSettings

Value = int | float | None
Unit = Literal["count", "s", "ratio", "ms", "score", "points", "money", "list"]
"""`ms` is an instant, in ms since the epoch; `money` is in units of a currency; `score` is that of a survey."""
Better = Literal["higher", "lower", "neither"]
Language = Literal["en", "id"]

KINDS: Final = ("tenant", "channel", "agent", "agent/channel", "team", "topic", "priority")
"""What scopes are about."""


class Text(NamedTuple):
    """A metric in one language."""

    title: str
    meaning: str
    """What it is, in one line that can follow the title."""
    short: str = ""
    """The title where there is little room, beside others of its kind; empty: the title."""


class Fraction(NamedTuple):
    """A metric as other metrics of its record: added up, those with a minus taken off, and divided."""

    numerator: tuple[str, ...]
    """Empty: what is divided is no metric, as the sum of the times behind a mean."""
    denominator: tuple[str, ...]
    formula: str = ""
    """The setting that it holds for, as `fcr: received`; empty: all."""

    def read(self, metrics: Mapping[str, Value]) -> tuple[Value, Value]:
        """Numerator and denominator in a record, None for what is not there.

        >>> Fraction(("nps_promoters", "-nps_detractors"), ("nps_count",)).read(
        ...     {"nps_promoters": 6, "nps_detractors": 1, "nps_count": 10}
        ... )
        (5, 10)
        """
        return _sum(self.numerator, metrics), _sum(self.denominator, metrics)


def _sum(terms: tuple[str, ...], metrics: Mapping[str, Value]) -> Value:
    total: int | float = 0
    for term in terms:
        value = metrics.get(term.removeprefix("-"))
        if value is None:
            return None
        total += -value if term.startswith("-") else value
    return total if terms else None


class Metric(NamedTuple):
    """One field of a KPI record."""

    name: str
    unit: Unit
    better: Better
    en: Text
    id: Text
    fractions: tuple[Fraction, ...] = ()
    """One, or one for each choice of a formula, the default first. Of percentiles and maxima the denominator says of
    how many samples they are."""
    kinds: tuple[str, ...] = KINDS
    """The kinds of scopes that have it."""

    def text(self, language: Language) -> Text:
        """What it is called and what it is."""
        return self.id if language == "id" else self.en

    def fraction(self, tenant: TenantSettings) -> Fraction | None:
        """How it is calculated by the tenant's formulas; None for what is counted or measured."""
        chosen = {f"{figure}: {choice}" for figure, choice in tenant.formulas.items()}
        chosen |= {"", f"service_level: {tenant.formula}"}
        return next((each for each in self.fractions if each.formula in chosen), None)


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
