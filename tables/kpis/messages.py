"""Messages: how much was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts
from tables.kpis.metric import Metric, Value

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

METRICS = (
    Metric("messages_in", "count", "customer messages"),
    Metric("messages_out", "count", "human replies"),
    Metric("delivery_failed", "count", "failed deliveries of outbound messages", "lower"),
)


def read(window: Window, out: dict[str, Value], _: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    get = window.counts.get
    out["messages_in"] = get(facts.MESSAGES_IN, 0)
    out["messages_out"] = get(facts.MESSAGES_OUT, 0)
    out["delivery_failed"] = get(facts.DELIVERY_FAILED, 0)
