"""Backlog: what is not resolved at an instant, and who waits."""

from __future__ import annotations

from tables import gauges
from tables.kpis.metric import Metric, Value
from tables.tally import Tally

_CODES = {
    "backlog_open": (gauges.BACKLOG_OPEN, "conversations not resolved"),
    "backlog_pending": (gauges.BACKLOG_PENDING, "of these pending"),
    "backlog_unassigned": (gauges.BACKLOG_UNASSIGNED, "of these without an assignee"),
    "backlog_waiting": (gauges.BACKLOG_WAITING, "of these with an unanswered customer message"),
    "backlog_overdue": (gauges.BACKLOG_OVERDUE, "of these with an SLA of the current cycle breached"),
    "backlog_age_lt1h": (gauges.AGE_LT1H, "of these opened less than 1 h ago"),
    "backlog_age_lt4h": (gauges.AGE_LT4H, "of these opened from 1 h to less than 4 h ago"),
    "backlog_age_lt24h": (gauges.AGE_LT24H, "of these opened from 4 h to less than 24 h ago"),
    "backlog_age_lt48h": (gauges.AGE_LT48H, "of these opened from 24 h to less than 48 h ago"),
    "backlog_age_ge48h": (gauges.AGE_GE48H, "of these opened 48 h ago or earlier"),
    "concurrency": (gauges.CONCURRENCY, "conversations with status open and an assignee"),
}
METRICS = (
    *(
        Metric(name, "count", meaning, "neither" if name == "concurrency" else "lower")
        for name, (_, meaning) in _CODES.items()
    ),
    Metric("oldest_waiting_s", "s", "how long the longest waiting customer has waited", "lower"),
    Metric("oldest_waiting_at", "ms", "since when the longest waiting customer has waited"),
)
_READ = tuple((name, each) for name, (each, _) in _CODES.items())


def read(sums: Tally, as_of: int, out: dict[str, Value]) -> None:
    """Put the gauges at `as_of` (ms) into `out`."""
    for name, each in _READ:
        out[name] = sums.get(each, 0)
    oldest = sums.get(gauges.OLDEST_WAITING)
    out["oldest_waiting_s"] = None if oldest is None else max(0, as_of - oldest) / 1000
    out["oldest_waiting_at"] = oldest
