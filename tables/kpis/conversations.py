"""Conversations: cycles opened and resolved, and distinct conversations worked on."""

from __future__ import annotations

from tables import facts
from tables.kpis.metric import Metric, Value
from tables.tally import ACTIVE_LAST, HANDLED_LAST
from tables.windows import Window

METRICS = (
    Metric("conversations_opened", "count", "cycles opened"),
    Metric("conversations_reopened", "count", "cycles opened on a conversation that had one before"),
    Metric("conversations_resolved", "count", "cycles resolved"),
    Metric("conversations_active", "count", "distinct conversations with a customer message or a human reply"),
    Metric("conversations_handled", "count", "distinct conversations with a human reply"),
)


def read(window: Window, out: dict[str, Value]) -> None:
    """Put the metrics of a window into `out`."""
    out["conversations_opened"] = window.count(facts.OPENED)
    out["conversations_reopened"] = window.count(facts.REOPENED)
    out["conversations_resolved"] = window.count(facts.RESOLVED)
    out["conversations_active"] = window.count(ACTIVE_LAST + window.touch)
    out["conversations_handled"] = window.count(HANDLED_LAST + window.touch)
