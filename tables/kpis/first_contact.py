"""First contact resolution: cycles resolved with at most one human reply, and not reopened within 72 h.

`fcr_ratio` = `fcr_one_touch` / `conversations_resolved`; with the formula `received`, / `conversations_opened`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts
from tables.kpis.metric import Metric, Value, ratio

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

METRICS = (
    Metric("fcr_one_touch", "count", "cycles resolved by one touch and not reopened within 72 h", "higher"),
    Metric("fcr_ratio", "ratio", "first contact resolution: one-touch cycles, of those resolved", "higher"),
)


def read(window: Window, out: dict[str, Value], tenant: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    get = window.counts.get
    one_touch = out["fcr_one_touch"] = get(facts.ONE_TOUCH, 0) - get(facts.ONE_TOUCH_BACK, 0)
    of = facts.OPENED if tenant.formulas["fcr"] == "received" else facts.RESOLVED
    out["fcr_ratio"] = ratio(one_touch, get(of, 0))
