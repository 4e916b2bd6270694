"""Net promoter score: `nps` = 100 * (scores of 9 and 10 - scores of 0 to 6) / scores of 0 to 10."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts
from tables.kpis.metric import Metric, Value, ratio

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

METRICS = (
    Metric("nps_count", "count", "recommendation scores given"),
    Metric("nps_promoters", "count", "of these 9 or 10 of 10", "higher"),
    Metric("nps_detractors", "count", "of these 0 to 6 of 10", "lower"),
    Metric("nps", "points", "net promoter score, -100 to 100", "higher"),
)
_PROMOTES, _DETRACTS = 9, 6


def read(window: Window, out: dict[str, Value], _: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    scores = window.sketch(facts.NPS)
    count = out["nps_count"] = sum(scores.values())
    promoters = out["nps_promoters"] = sum(amount for score, amount in scores.items() if score >= _PROMOTES)
    detractors = out["nps_detractors"] = sum(amount for score, amount in scores.items() if score <= _DETRACTS)
    share = ratio(promoters - detractors, count)
    out["nps"] = None if share is None else 100 * share
