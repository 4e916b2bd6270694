"""Customer effort (CES): surveys with a score of 1 to 7; 5 to 7 say that it was easy.

With the formula `ces: low_is_easy` 1 to 3 do, for houses that ask how hard it was.

>>> from tables.settings import Settings
>>> from tables.tally import BUCKETS
>>> from tables.window import Window
>>> window, out = Window(), {}
>>> window.add({facts.CES << BUCKETS | score: given for score, given in {2: 1, 6: 2, 7: 1}.items()}, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out
{'ces_count': 4, 'ces_easy': 3, 'ces_mean': 5.25, 'ces_ratio': 0.75}
>>> read(window, out, Settings.from_mapping({"formulas": {"ces": "low_is_easy"}}).tenant("acme"))
>>> out["ces_easy"], out["ces_ratio"]
(1, 0.25)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts, subjects
from tables.kpis.metric import Fraction, Metric, Text, Value, mean, ratio

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

READS = subjects.CES
METRICS = (
    Metric(
        "ces_count",
        "count",
        "neither",
        Text("Effort answers", "effort scores given", "CES answers"),
        Text("Jawaban survei kemudahan", "nilai kemudahan yang diberikan pelanggan", "Jawaban CES"),
    ),
    Metric(
        "ces_easy",
        "count",
        "higher",
        Text("Found it easy", "effort scores that say it was easy", "Easy"),
        Text("Merasa mudah", "nilai kemudahan yang berarti mudah", "Mudah"),
    ),
    Metric(
        "ces_mean",
        "score",
        "neither",
        Text("Effort score, mean", "mean of the effort scores, 1 to 7", "CES mean"),
        Text("Nilai kemudahan, rata-rata", "rata-rata nilai kemudahan, 1 sampai 7", "CES rata-rata"),
        (Fraction((), ("ces_count",)),),
    ),
    Metric(
        "ces_ratio",
        "ratio",
        "higher",
        Text("Customer effort", "share of the effort scores that say it was easy", "CES"),
        Text("Kemudahan bagi pelanggan", "persentase nilai kemudahan yang berarti mudah", "CES"),
        (Fraction(("ces_easy",), ("ces_count",)),),
    ),
)
_EASY = {"high_is_easy": (5, 6, 7), "low_is_easy": (1, 2, 3)}


def read(window: Window, out: dict[str, Value], tenant: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    scores = window.sketch(facts.CES)
    count = out["ces_count"] = sum(scores.values())
    easy = out["ces_easy"] = sum(scores.get(score, 0) for score in _EASY[tenant.formulas["ces"]])
    out["ces_mean"] = mean(scores)
    out["ces_ratio"] = ratio(easy, count)
