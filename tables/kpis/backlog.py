"""Backlog: what is not resolved at an instant, and who waits.

Ages count from the opening of the cycle and are disjoint: exactly 1 h is in `backlog_age_lt4h`.

>>> out = {}
>>> read({gauges.BACKLOG_OPEN: 3, gauges.AGE_LT1H: 2, gauges.AGE_LT4H: 1, gauges.OLDEST_WAITING: 40_000}, 100_000, out)
>>> out["backlog_open"], out["backlog_age_lt1h"], out["backlog_age_lt4h"], out["backlog_pending"]
(3, 2, 1, 0)
>>> out["oldest_waiting_s"], out["oldest_waiting_at"]
(60.0, 40000)
"""

from __future__ import annotations

from tables import gauges
from tables.kpis.metric import Metric, Text, Value
from tables.tally import Tally

_COUNTED = (
    (
        gauges.BACKLOG_OPEN,
        "backlog_open",
        Text("Open conversations", "conversations not resolved", "Open"),
        Text("Percakapan terbuka", "percakapan yang belum selesai", "Terbuka"),
    ),
    (
        gauges.BACKLOG_PENDING,
        "backlog_pending",
        Text("Pending conversations", "open conversations with status pending", "Pending"),
        Text("Percakapan tertunda", "percakapan terbuka yang berstatus tertunda", "Tertunda"),
    ),
    (
        gauges.BACKLOG_UNASSIGNED,
        "backlog_unassigned",
        Text("Unassigned conversations", "open conversations without an assignee", "Unassigned"),
        Text("Percakapan tanpa agen", "percakapan terbuka yang belum ditugaskan", "Tanpa agen"),
    ),
    (
        gauges.BACKLOG_WAITING,
        "backlog_waiting",
        Text("Waiting conversations", "open conversations with an unanswered customer message", "Waiting"),
        Text("Percakapan menunggu", "percakapan terbuka dengan pesan pelanggan yang belum dibalas", "Menunggu"),
    ),
    (
        gauges.BACKLOG_OVERDUE,
        "backlog_overdue",
        Text("Overdue conversations", "open conversations that breached an SLA in this cycle", "Overdue"),
        Text("Percakapan lewat tenggat", "percakapan terbuka yang melanggar SLA pada siklus ini", "Lewat tenggat"),
    ),
    (
        gauges.AGE_LT1H,
        "backlog_age_lt1h",
        Text("Open for less than 1 h", "open conversations, opened less than 1 h ago", "< 1 h"),
        Text("Terbuka kurang dari 1 jam", "percakapan terbuka, dibuka kurang dari 1 jam lalu", "< 1 j"),
    ),
    (
        gauges.AGE_LT4H,
        "backlog_age_lt4h",
        Text("Open for 1 to 4 h", "open conversations, opened from 1 h to less than 4 h ago", "1-4 h"),
        Text("Terbuka 1 sampai 4 jam", "percakapan terbuka, dibuka 1 sampai kurang dari 4 jam lalu", "1-4 j"),
    ),
    (
        gauges.AGE_LT24H,
        "backlog_age_lt24h",
        Text("Open for 4 to 24 h", "open conversations, opened from 4 h to less than 24 h ago", "4-24 h"),
        Text("Terbuka 4 sampai 24 jam", "percakapan terbuka, dibuka 4 sampai kurang dari 24 jam lalu", "4-24 j"),
    ),
    (
        gauges.AGE_LT48H,
        "backlog_age_lt48h",
        Text("Open for 1 to 2 days", "open conversations, opened from 24 h to less than 48 h ago", "1-2 d"),
        Text("Terbuka 1 sampai 2 hari", "percakapan terbuka, dibuka 24 sampai kurang dari 48 jam lalu", "1-2 hr"),
    ),
    (
        gauges.AGE_GE48H,
        "backlog_age_ge48h",
        Text("Open for 2 days or more", "open conversations, opened 48 h ago or earlier", "≥ 2 d"),
        Text("Terbuka 2 hari atau lebih", "percakapan terbuka, dibuka 48 jam lalu atau sebelumnya", "≥ 2 hr"),
    ),
)
METRICS = (
    *(Metric(name, "count", "lower", en, id_) for _, name, en, id_ in _COUNTED),
    Metric(
        "concurrency",
        "count",
        "neither",
        Text("Concurrency", "conversations with status open and an assignee", "At once"),
        Text("Percakapan serentak", "percakapan berstatus terbuka yang sudah ditugaskan", "Serentak"),
    ),
    Metric(
        "oldest_waiting_s",
        "s",
        "lower",
        Text("Oldest wait", "how long the longest waiting customer has waited"),
        Text("Tunggu terlama", "lama menunggu pelanggan yang menunggu paling lama"),
    ),
    Metric(
        "oldest_waiting_at",
        "ms",
        "neither",
        Text("Oldest wait since", "since when the longest waiting customer has waited", "Oldest wait"),
        Text("Tunggu terlama sejak", "sejak kapan pelanggan yang menunggu paling lama menunggu", "Tunggu terlama"),
    ),
)
_READ = (*((name, each) for each, name, *_ in _COUNTED), ("concurrency", gauges.CONCURRENCY))


def read(sums: Tally, as_of: int, out: dict[str, Value]) -> None:
    """Put the gauges at `as_of` (ms) into `out`."""
    for name, each in _READ:
        out[name] = sums.get(each, 0)
    oldest = sums.get(gauges.OLDEST_WAITING)
    out["oldest_waiting_s"] = None if oldest is None else max(0, as_of - oldest) / 1000
    out["oldest_waiting_at"] = oldest
