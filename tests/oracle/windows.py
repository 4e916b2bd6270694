"""The windows of contract section 4: their names, where they start, and which scopes have them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

PANE = 60_000
ROLLING = {"5m": 5, "15m": 15, "30m": 30, "1h": 60}
BY_DAY = ("mtd", "30d")
WINDOWS = ("now", *ROLLING, "today", *BY_DAY)


def window_start(window: str, at: int, zone: ZoneInfo) -> int:
    if window == "now":
        return at
    day = datetime.fromtimestamp(at // 1000, zone).date()
    match window:
        case "today":
            return midnight(day, zone)
        case "mtd":
            return midnight(day.replace(day=1), zone)
        case "30d":
            return midnight(day - timedelta(days=29), zone)
    return (at // PANE - ROLLING[window] + 1) * PANE


def midnight(day: date, zone: ZoneInfo) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def next_midnight(at: int, zone: ZoneInfo) -> int:
    return midnight(datetime.fromtimestamp(at // 1000, zone).date() + timedelta(days=1), zone)


def windows_of(scope: str) -> Sequence[str]:
    """Days are kept for the tenant, a channel, a team and an agent."""
    return WINDOWS[:-2] if scope.startswith(("topic:", "priority:")) or "/" in scope else WINDOWS
