"""First contact resolution: what was settled by one human reply, or none, and stayed settled for 72 h.

A reopening within 72 h takes it back from every window that still holds the resolve.

>>> from tables.settings import Settings
>>> from tables.window import Window
>>> window, out = Window(), {}
>>> window.add({facts.OPENED: 6, facts.RESOLVED: 4, facts.ONE_TOUCH: 3}, 1)
>>> window.add({facts.ONE_TOUCH_BACK: 1}, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out
{'fcr_one_touch': 2, 'fcr_ratio': 0.5}
>>> read(window, out, Settings.from_mapping({"formulas": {"fcr": "received"}}).tenant("acme"))
>>> round(out["fcr_ratio"], 3)
0.333
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts, subjects
from tables.kpis.metric import Fraction, Metric, Text, Value, ratio

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

READS = subjects.ONE_TOUCH | subjects.OPENINGS | subjects.RESOLVES
METRICS = (
    Metric(
        "fcr_one_touch",
        "count",
        "higher",
        Text(
            "One-touch resolutions",
            "cycles resolved with at most one human reply and not reopened within 72 h",
            "One-touch",
        ),
        Text(
            "Selesai sekali balas",
            "siklus yang selesai dengan paling banyak satu balasan agen dan tidak dibuka kembali dalam 72 jam",
            "Sekali balas",
        ),
    ),
    Metric(
        "fcr_ratio",
        "ratio",
        "higher",
        Text("First contact resolution", "share of the cycles that were resolved by one touch", "FCR"),
        Text("Penyelesaian kontak pertama", "persentase siklus yang selesai dengan sekali balas", "FCR"),
        (
            Fraction(("fcr_one_touch",), ("conversations_resolved",), "fcr: resolved"),
            Fraction(("fcr_one_touch",), ("conversations_opened",), "fcr: received"),
        ),
    ),
)


def read(window: Window, out: dict[str, Value], tenant: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    get = window.counts.get
    back = get(facts.ONE_TOUCH_BACK, 0) + get(facts.ONE_TOUCH_BACK_LATE, 0)
    one_touch = out["fcr_one_touch"] = get(facts.ONE_TOUCH, 0) - back
    of = facts.OPENED if tenant.formulas["fcr"] == "received" else facts.RESOLVED
    out["fcr_ratio"] = ratio(one_touch, get(of, 0))
