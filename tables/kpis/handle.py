"""Handle time: how long, within a resolved cycle, the status was open and someone was assigned.

With the formula `handle_mean: customers` the mean is over the distinct customers handled.

>>> from tables.settings import Settings
>>> from tables.tally import CUSTOMERS, add_duration, mark
>>> from tables.window import Window
>>> window, out, tally = Window(), {}, {}
>>> for seconds in (30, 60, 120):
...     add_duration(tally, facts.HANDLE, 1, 1000 * seconds)
>>> window.add(tally | {mark(CUSTOMERS, 11): 2, mark(CUSTOMERS, 22): 1}, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out["handle_count"], out["handle_mean_s"]
(3, 70.0)
>>> read(window, out, Settings.from_mapping({"formulas": {"handle_mean": "customers"}}).tenant("acme"))
>>> out["handle_mean_s"]
105.0
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts, subjects
from tables.kpis import customers, durations
from tables.kpis.metric import Fraction, Text

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window


def _divisor(window: Window, tenant: TenantSettings) -> int | None:
    return customers.handled(window) if tenant.formulas["handle_mean"] == "customers" else None


DURATION = durations.Duration(
    "handle",
    Text("Handle time", "time in a resolved cycle during which it was open and assigned to someone", "Handling"),
    Text("Waktu penanganan", "waktu dalam siklus yang selesai selama terbuka dan ditugaskan kepada agen", "Penanganan"),
    (
        Fraction((), ("handle_count",), "handle_mean: resolved"),
        Fraction((), ("customers_handled",), "handle_mean: customers"),
    ),
)
READS = subjects.HANDLE | subjects.HANDLED_CUSTOMERS
METRICS = DURATION.metrics
read = durations.reader("handle", facts.HANDLE, _divisor)
