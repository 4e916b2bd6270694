"""Customer satisfaction: `csat_ratio` = scores of 4 and 5 / scores of 1 to 5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts
from tables.kpis.metric import Metric, Value, mean, ratio

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

METRICS = (
    Metric("csat_count", "count", "satisfaction scores given"),
    Metric("csat_satisfied", "count", "of these 4 or 5 of 5", "higher"),
    Metric("csat_mean", "score", "mean satisfaction score, 1 to 5", "higher"),
    Metric("csat_ratio", "ratio", "satisfied customers, of those who gave a score", "higher"),
)


def read(window: Window, out: dict[str, Value], _: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    scores = window.sketch(facts.CSAT)
    count = out["csat_count"] = sum(scores.values())
    satisfied = out["csat_satisfied"] = scores.get(4, 0) + scores.get(5, 0)
    out["csat_mean"] = mean(scores)
    out["csat_ratio"] = ratio(satisfied, count)
