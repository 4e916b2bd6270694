"""Bots: what they settle by themselves.

>>> from tables.settings import Settings
>>> from tables.window import Window
>>> window, out = Window(), {}
>>> window.add({facts.RESOLVED: 8, facts.BOT_RESOLVED: 2}, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out
{'bot_resolved': 2, 'bot_containment_ratio': 0.25}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts, subjects
from tables.kpis.metric import Fraction, Metric, Text, Value, ratio

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

READS = subjects.BOTS | subjects.RESOLVES
METRICS = (
    Metric(
        "bot_resolved",
        "count",
        "neither",
        Text("Resolved by the bot", "cycles resolved while with the bot", "By the bot"),
        Text("Diselesaikan bot", "siklus yang diselesaikan selagi di tangan bot", "Oleh bot"),
    ),
    Metric(
        "bot_containment_ratio",
        "ratio",
        "higher",
        Text("Bot containment", "share of the resolved cycles that were resolved while with the bot"),
        Text("Tuntas di bot", "persentase siklus selesai yang diselesaikan selagi di tangan bot"),
        (Fraction(("bot_resolved",), ("conversations_resolved",)),),
    ),
)


def read(window: Window, out: dict[str, Value], _: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    get = window.counts.get
    resolved = out["bot_resolved"] = get(facts.BOT_RESOLVED, 0)
    out["bot_containment_ratio"] = ratio(resolved, get(facts.RESOLVED, 0))
