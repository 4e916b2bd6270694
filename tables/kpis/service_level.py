"""Service level: the share of first-response waits that were answered in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts
from tables.kpis.metric import Metric, Value, ratio

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

METRICS = (
    Metric("sl_met", "count", "first-response waits answered within the threshold", "higher"),
    Metric("sl_missed", "count", "first-response waits that passed the threshold", "lower"),
    Metric("sl_abandoned", "count", "waits resolved in time without an answer, short ones left out", "lower"),
    Metric("service_level_ratio", "ratio", "service level, by the tenant's formula", "higher"),
)


def level(formula: str, met: int, missed: int, abandoned: int) -> float | None:
    """The service level by one of the three formulas.

    >>> level("ignore_abandoned", 8, 2, 5), level("abandoned_missed", 8, 2, 6), level("abandoned_met", 8, 2, 6)
    (0.8, 0.5, 0.875)
    """
    match formula:
        case "abandoned_missed":
            return ratio(met, met + missed + abandoned)
        case "abandoned_met":
            return ratio(met + abandoned, met + missed + abandoned)
        case _:
            return ratio(met, met + missed)


def read(window: Window, out: dict[str, Value], tenant: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    get = window.counts.get
    met, missed = get(facts.SL_MET, 0), get(facts.SL_MISSED, 0)
    abandoned = get(facts.SL_ABANDONED, 0)
    out["sl_met"], out["sl_missed"], out["sl_abandoned"] = met, missed, abandoned
    out["service_level_ratio"] = level(tenant.formula, met, missed, abandoned)
