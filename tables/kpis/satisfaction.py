"""Customer satisfaction (CSAT): surveys with a score of 1 to 5; 4 and 5 are satisfied.

>>> from tables.settings import Settings
>>> from tables.tally import BUCKETS
>>> from tables.window import Window
>>> window, out = Window(), {}
>>> window.add({facts.CSAT << BUCKETS | score: given for score, given in {2: 1, 4: 1, 5: 2}.items()}, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out
{'csat_count': 4, 'csat_satisfied': 3, 'csat_mean': 4.0, 'csat_ratio': 0.75}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts, subjects
from tables.kpis.metric import Fraction, Metric, Text, Value, mean, ratio

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

READS = subjects.CSAT
METRICS = (
    Metric(
        "csat_count",
        "count",
        "neither",
        Text("Satisfaction answers", "satisfaction scores given", "CSAT answers"),
        Text("Jawaban survei kepuasan", "nilai kepuasan yang diberikan pelanggan", "Jawaban CSAT"),
    ),
    Metric(
        "csat_satisfied",
        "count",
        "higher",
        Text("Satisfied customers", "satisfaction scores of 4 or 5", "Satisfied"),
        Text("Pelanggan puas", "nilai kepuasan 4 atau 5", "Puas"),
    ),
    Metric(
        "csat_mean",
        "score",
        "higher",
        Text("Satisfaction score, mean", "mean of the satisfaction scores, 1 to 5", "CSAT mean"),
        Text("Nilai kepuasan, rata-rata", "rata-rata nilai kepuasan, 1 sampai 5", "CSAT rata-rata"),
        (Fraction((), ("csat_count",)),),
    ),
    Metric(
        "csat_ratio",
        "ratio",
        "higher",
        Text("Customer satisfaction", "share of the satisfaction scores that are 4 or 5", "CSAT"),
        Text("Kepuasan pelanggan", "persentase nilai kepuasan yang 4 atau 5", "CSAT"),
        (Fraction(("csat_satisfied",), ("csat_count",)),),
    ),
)


def read(window: Window, out: dict[str, Value], _: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    scores = window.sketch(facts.CSAT)
    count = out["csat_count"] = sum(scores.values())
    satisfied = out["csat_satisfied"] = scores.get(4, 0) + scores.get(5, 0)
    out["csat_mean"] = mean(scores)
    out["csat_ratio"] = ratio(satisfied, count)
