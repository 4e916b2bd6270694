"""Net promoter score (NPS): surveys with a score of 0 to 10; 9 and 10 promote, 0 to 6 detract.

`nps` is 100 times the fraction below.

>>> from tables.settings import Settings
>>> from tables.tally import BUCKETS
>>> from tables.window import Window
>>> window, out = Window(), {}
>>> window.add({facts.NPS << BUCKETS | score: given for score, given in {3: 1, 8: 1, 9: 1, 10: 2}.items()}, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out
{'nps_count': 5, 'nps_promoters': 3, 'nps_detractors': 1, 'nps': 40.0}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts, subjects
from tables.kpis.metric import Fraction, Metric, Text, Value, ratio

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

READS = subjects.NPS
METRICS = (
    Metric(
        "nps_count",
        "count",
        "neither",
        Text("Recommendation answers", "recommendation scores given", "NPS answers"),
        Text("Jawaban survei rekomendasi", "nilai rekomendasi yang diberikan pelanggan", "Jawaban NPS"),
    ),
    Metric(
        "nps_promoters",
        "count",
        "higher",
        Text("Promoters", "recommendation scores of 9 or 10"),
        Text("Promotor", "nilai rekomendasi 9 atau 10"),
    ),
    Metric(
        "nps_detractors",
        "count",
        "lower",
        Text("Detractors", "recommendation scores of 0 to 6"),
        Text("Detraktor", "nilai rekomendasi 0 sampai 6"),
    ),
    Metric(
        "nps",
        "points",
        "higher",
        Text("Net promoter score", "promoters less detractors in 100 answers, -100 to 100", "NPS"),
        Text("Net promoter score", "promotor dikurangi detraktor dalam 100 jawaban, -100 sampai 100", "NPS"),
        (Fraction(("nps_promoters", "-nps_detractors"), ("nps_count",)),),
    ),
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
