"""First response time (FRT): from the customer's first message, or the hand-off, to the first human reply.

With the formula `frt_mean: resolved` the mean is over all cycles resolved, answered by a human or not.

>>> from tables.settings import Settings
>>> from tables.tally import add_duration
>>> from tables.window import Window
>>> window, out, tally = Window(), {}, {}
>>> for seconds in (30, 60, 120):
...     add_duration(tally, facts.FRT, 1, 1000 * seconds)
>>> window.add(tally | {facts.RESOLVED: 4}, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out["frt_count"], out["frt_mean_s"], round(out["frt_p50_s"])
(3, 70.0, 60)
>>> read(window, out, Settings.from_mapping({"formulas": {"frt_mean": "resolved"}}).tenant("acme"))
>>> out["frt_mean_s"]
52.5
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts, subjects
from tables.kpis import durations
from tables.kpis.metric import Fraction, Text

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window


def _divisor(window: Window, tenant: TenantSettings) -> int | None:
    return window.counts.get(facts.RESOLVED, 0) if tenant.formulas["frt_mean"] == "resolved" else None


DURATION = durations.Duration(
    "frt",
    Text("First response time", "from the customer's first message, or the hand-off, to the first human reply", "FRT"),
    Text(
        "Waktu respons pertama",
        "dari pesan pertama pelanggan, atau pengalihan dari bot, sampai balasan pertama agen",
        "FRT",
    ),
    (
        Fraction((), ("frt_count",), "frt_mean: responded"),
        Fraction((), ("conversations_resolved",), "frt_mean: resolved"),
    ),
)
READS = subjects.FRT | subjects.RESOLVES
METRICS = DURATION.metrics
read = durations.reader("frt", facts.FRT, _divisor)
