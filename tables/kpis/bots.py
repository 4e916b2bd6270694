"""Bots: `bot_containment_ratio` = cycles resolved while with the bot / `conversations_resolved`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts
from tables.kpis.metric import Metric, Value, ratio

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

METRICS = (
    Metric("bot_resolved", "count", "cycles resolved while with the bot"),
    Metric("bot_containment_ratio", "ratio", "cycles resolved by the bot, of those resolved", "higher"),
)


def read(window: Window, out: dict[str, Value], _: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    get = window.counts.get
    resolved = out["bot_resolved"] = get(facts.BOT_RESOLVED, 0)
    out["bot_containment_ratio"] = ratio(resolved, get(facts.RESOLVED, 0))
