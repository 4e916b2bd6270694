"""Every metric that a KPI record can hold, and which records hold it."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Final

from tables import kpis
from tables.business import metrics as business
from tables.day_windows import DAY_WINDOWS
from tables.kpis import first_response, handle, next_response, resolution, topics
from tables.kpis.metric import Metric
from tables.scopes import DAY_KINDS
from tables.windows import WINDOWS

ROOMS: Final[tuple[ModuleType, ...]] = (*kpis.ROOMS, business)
"""What tells of metrics: each has a docstring and `METRICS`."""
METRICS: Final[Mapping[str, Metric]] = {each.name: each for room in ROOMS for each in room.METRICS}
"""By name; those of money also stand in records with a currency at their end."""
DURATIONS: Final = tuple(each.DURATION for each in (first_response, next_response, resolution, handle))
ALL_WINDOWS: Final = (*WINDOWS, *DAY_WINDOWS)
_GAUGES: Final = frozenset(kpis.GAUGES)
_BY_DAY: Final = frozenset((*business.METRICS, *topics.METRICS))


def windows_of(metric: Metric, kind: str) -> tuple[str, ...]:
    """The windows of a kind of scope whose records hold a metric.

    >>> windows_of(METRICS["backlog_open"], "agent"), windows_of(METRICS["csat_ratio"], "topic")
    (('now',), ('5m', '15m', '30m', '1h', 'today'))
    >>> windows_of(METRICS["revenue"], "tenant"), windows_of(METRICS["revenue"], "channel")
    (('mtd', '30d'), ())
    """
    if kind not in metric.kinds:
        return ()
    if metric in _GAUGES:
        return ("now",)
    if metric in _BY_DAY:
        return DAY_WINDOWS
    return tuple(each for each in ALL_WINDOWS if each != "now" and (each not in DAY_WINDOWS or kind in DAY_KINDS))
