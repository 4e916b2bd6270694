"""Local days: when `today`, `mtd` and `30d` began in a tenant's zone, and the quarter-hours that days are made of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

QUARTER = 15
"""Minutes in a quarter-hour."""
QUARTER_MS = 900_000
NOON, NOON_MS = 720, 43_200_000
"""How far it is from where a day begins, in minutes and in ms. A day that was counted in another time zone is in the
windows that hold its noon; with days of one zone that says the same as their beginning."""
_MINUTE = 60_000


def day_start(instant: int, zone: ZoneInfo) -> int:
    """The instant, in ms, at which the local day of `instant` (ms) began; all zones of today change on quarter-hours.

    >>> day_start(1_767_225_600_000, ZoneInfo("Asia/Jakarta"))  # 2026-01-01 07:00 there
    1767200400000
    """
    return _of_quarter(instant // QUARTER_MS, zone)


@lru_cache(maxsize=1024)
def _of_quarter(quarter: int, zone: ZoneInfo) -> int:
    local = datetime.fromtimestamp(quarter * QUARTER_MS // 1000, UTC).astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    instant = midnight.astimezone(UTC)
    if instant.astimezone(zone).date() != local.date():  # the clocks went forward over midnight
        instant += timedelta(hours=1)
    return int(instant.timestamp()) * 1000


def day_end(start: int, zone: ZoneInfo) -> int:
    """The instant, in ms, at which the local day that began at `start` ends: 23 to 25 hours later.

    >>> day_end(1_711_839_600_000, ZoneInfo("Europe/Berlin")) - 1_711_839_600_000  # 2024-03-31
    82800000
    """
    return day_start(start + 26 * 3_600_000, zone)


class Today(NamedTuple):
    """Where the windows that are kept by day begin, as minutes since the epoch."""

    today: int
    mtd: int
    """Local midnight of the first of the month."""
    last_30d: int
    """Local midnight 29 days before today."""
    mtd_before: tuple[int, int] = (0, 0)
    """The same days of the month before, from where to where."""
    last_30d_before: int = 0
    """Local midnight 30 days before that of `last_30d`."""


def today(instant: int, zone: ZoneInfo) -> Today:
    """Where the windows kept by day begin that hold an instant (ms)."""
    return _today_of_quarter(instant // QUARTER_MS, zone)


@lru_cache(maxsize=1024)
def _today_of_quarter(quarter: int, zone: ZoneInfo) -> Today:
    start = _of_quarter(quarter, zone)
    local = datetime.fromtimestamp(quarter * QUARTER_MS // 1000, UTC).astimezone(zone).date()
    first = local.replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    until = min(before + timedelta(days=local.day), first)
    return Today(
        start // _MINUTE,
        _midnight(first, zone),
        _midnight(local - timedelta(days=29), zone),
        (_midnight(before, zone), _midnight(until, zone)),
        _midnight(local - timedelta(days=59), zone),
    )


def _midnight(day: date, zone: ZoneInfo) -> int:
    """The minute at which a local day begins."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    return _of_quarter(int(noon.timestamp()) * 1000 // QUARTER_MS, zone) // _MINUTE
