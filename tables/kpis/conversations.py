"""Conversations: cycles opened and resolved, and distinct conversations worked on.

A conversation counts once in a window, however many messages it has there; in `mtd` and `30d` within 2 %.

>>> from tables.settings import Settings
>>> from tables.window import Window
>>> window, out = Window(), {}
>>> window.add({facts.OPENED: 5, facts.REOPENED: 1, facts.RESOLVED: 4, ACTIVE_LAST: 7, HANDLED_LAST: 6}, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out["conversations_opened"], out["conversations_reopened"], out["conversations_resolved"]
(5, 1, 4)
>>> out["conversations_active"], out["conversations_handled"]
(7, 6)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts, subjects
from tables.kpis.metric import Metric, Text, Value
from tables.tally import ACTIVE_LAST, ACTIVE_MARKS, HANDLED_LAST, HANDLED_MARKS

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

READS = subjects.OPENINGS | subjects.RESOLVES | subjects.TOUCHED
METRICS = (
    Metric(
        "conversations_opened",
        "count",
        "neither",
        Text("Conversations opened", "cycles opened, the first of a conversation or a later one", "Opened"),
        Text("Percakapan dibuka", "siklus percakapan yang dibuka, yang pertama atau yang berikutnya", "Dibuka"),
    ),
    Metric(
        "conversations_reopened",
        "count",
        "neither",
        Text("Conversations reopened", "cycles opened on a conversation that had one before", "Reopened"),
        Text("Percakapan dibuka kembali", "siklus yang dibuka pada percakapan yang sudah pernah dibuka", "Dibuka lagi"),
    ),
    Metric(
        "conversations_resolved",
        "count",
        "neither",
        Text("Conversations resolved", "cycles resolved", "Resolved"),
        Text("Percakapan diselesaikan", "siklus percakapan yang diselesaikan", "Selesai"),
    ),
    Metric(
        "conversations_active",
        "count",
        "neither",
        Text("Active conversations", "distinct conversations with a customer message or a human reply", "Active"),
        Text("Percakapan aktif", "percakapan berbeda yang memuat pesan pelanggan atau balasan agen", "Aktif"),
    ),
    Metric(
        "conversations_handled",
        "count",
        "neither",
        Text("Conversations handled", "distinct conversations with a human reply", "Handled"),
        Text("Percakapan ditangani", "percakapan berbeda yang dibalas agen", "Ditangani"),
    ),
)


def read(window: Window, out: dict[str, Value], _: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    get = window.counts.get
    out["conversations_opened"] = get(facts.OPENED, 0)
    out["conversations_reopened"] = get(facts.REOPENED, 0)
    out["conversations_resolved"] = get(facts.RESOLVED, 0)
    out["conversations_active"] = window.touched(ACTIVE_LAST, ACTIVE_MARKS)
    out["conversations_handled"] = window.touched(HANDLED_LAST, HANDLED_MARKS)
