"""Customer effort: `ces_ratio` = scores that say "easy" / scores of 1 to 7.

Easy are 5 to 7; with the formula `low_is_easy`, 1 to 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts
from tables.kpis.metric import Metric, Value, mean, ratio

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

METRICS = (
    Metric("ces_count", "count", "effort scores given"),
    Metric("ces_easy", "count", "of these the ones that say it was easy", "higher"),
    Metric("ces_mean", "score", "mean effort score, 1 to 7"),
    Metric("ces_ratio", "ratio", "customers who found it easy, of those who gave a score", "higher"),
)
_EASY = {"high_is_easy": (5, 6, 7), "low_is_easy": (1, 2, 3)}


def read(window: Window, out: dict[str, Value], tenant: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    scores = window.sketch(facts.CES)
    count = out["ces_count"] = sum(scores.values())
    easy = out["ces_easy"] = sum(scores.get(score, 0) for score in _EASY[tenant.formulas["ces"]])
    out["ces_mean"] = mean(scores)
    out["ces_ratio"] = ratio(easy, count)
