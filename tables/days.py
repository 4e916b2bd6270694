"""Local days: when `today` began in a tenant's zone, and the quarter-hours that every day is made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

QUARTER = 15
"""Minutes in a quarter-hour."""
QUARTER_MS = 900_000


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
