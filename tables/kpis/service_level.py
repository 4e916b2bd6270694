"""Service level: the share of first-response waits that were answered in time.

Waits that are abandoned within a few seconds (`short_abandon_s`) count nowhere.

>>> from tables.settings import Settings
>>> from tables.window import Window
>>> window, out = Window(), {}
>>> window.add({facts.SL_MET: 8, facts.SL_MISSED: 2, facts.SL_ABANDONED: 6}, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out
{'sl_met': 8, 'sl_missed': 2, 'sl_abandoned': 6, 'service_level_ratio': 0.8}
>>> read(window, out, Settings.from_mapping({"service_level": {"formula": "abandoned_missed"}}).tenant("acme"))
>>> out["service_level_ratio"]
0.5
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts, subjects
from tables.kpis.metric import Fraction, Metric, Text, Value, ratio

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

READS = subjects.SERVICE_LEVEL
METRICS = (
    Metric(
        "sl_met",
        "count",
        "higher",
        Text("Answered in time", "first-response waits answered within the threshold", "In time"),
        Text("Dibalas tepat waktu", "penantian respons pertama yang dibalas dalam batas waktu", "Tepat waktu"),
    ),
    Metric(
        "sl_missed",
        "count",
        "lower",
        Text("Threshold missed", "first-response waits that passed the threshold", "Missed"),
        Text("Lewat batas waktu", "penantian respons pertama yang melewati batas waktu", "Terlewat"),
    ),
    Metric(
        "sl_abandoned",
        "count",
        "lower",
        Text("Abandoned", "first-response waits resolved in time without an answer, short ones left out"),
        Text(
            "Ditinggalkan",
            "penantian respons pertama yang ditutup sebelum batas waktu tanpa balasan, kecuali yang singkat",
        ),
    ),
    Metric(
        "service_level_ratio",
        "ratio",
        "higher",
        Text("Service level", "share of the first-response waits that were answered in time"),
        Text("Tingkat layanan", "persentase penantian respons pertama yang dibalas tepat waktu"),
        (
            Fraction(("sl_met",), ("sl_met", "sl_missed"), "service_level: ignore_abandoned"),
            Fraction(("sl_met",), ("sl_met", "sl_missed", "sl_abandoned"), "service_level: abandoned_missed"),
            Fraction(
                ("sl_met", "sl_abandoned"), ("sl_met", "sl_missed", "sl_abandoned"), "service_level: abandoned_met"
            ),
        ),
    ),
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
