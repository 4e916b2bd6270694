"""Messages: how much was written."""

from __future__ import annotations

from tables import facts
from tables.kpis.metric import Metric, Value
from tables.window import Window

METRICS = (
    Metric("messages_in", "count", "customer messages"),
    Metric("messages_out", "count", "human replies"),
)


def read(window: Window, out: dict[str, Value]) -> None:
    """Put the metrics of a window into `out`."""
    get = window.counts.get
    out["messages_in"] = get(facts.MESSAGES_IN, 0)
    out["messages_out"] = get(facts.MESSAGES_OUT, 0)
