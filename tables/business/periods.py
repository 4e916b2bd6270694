"""Where the windows of business figures begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tables.days import day_end, day_start, today
from tables.facts import MINUTE

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

KEPT_MS: Final = 62 * 86_400_000
"""How long events count in their own place: the longest window, and as long again for those that come late."""


def starts(now: int, zone: ZoneInfo) -> tuple[int, ...]:
    """Where `mtd` and `30d` begin (ms) on the local day of `now` (ms) and on the next, in order, each once.

    The next day's are told ahead, so that at midnight no partition has to wait for another.
    """
    begins = (today(now, zone), today(next_day(now, zone), zone))
    return tuple(sorted({minute * MINUTE for day in begins for minute in (day.mtd, day.last_30d)}))


def next_day(now: int, zone: ZoneInfo) -> int:
    """The instant (ms) at which the local day of `now` (ms) ends."""
    return day_end(day_start(now, zone), zone)
