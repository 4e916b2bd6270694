"""Conversations: cycles opened and resolved, and distinct conversations worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts
from tables.kpis.metric import Metric, Value
from tables.tally import ACTIVE_LAST, ACTIVE_MARKS, HANDLED_LAST, HANDLED_MARKS

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

METRICS = (
    Metric("conversations_opened", "count", "cycles opened"),
    Metric("conversations_reopened", "count", "cycles opened on a conversation that had one before"),
    Metric("conversations_resolved", "count", "cycles resolved"),
    Metric("conversations_active", "count", "distinct conversations with a customer message or a human reply"),
    Metric("conversations_handled", "count", "distinct conversations with a human reply"),
)


def read(window: Window, out: dict[str, Value], _: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    get = window.counts.get
    out["conversations_opened"] = get(facts.OPENED, 0)
    out["conversations_reopened"] = get(facts.REOPENED, 0)
    out["conversations_resolved"] = get(facts.RESOLVED, 0)
    out["conversations_active"] = window.touched(ACTIVE_LAST, ACTIVE_MARKS)
    out["conversations_handled"] = window.touched(HANDLED_LAST, HANDLED_MARKS)
