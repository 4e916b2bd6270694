"""The KPI catalogue: one room a KPI, and how a window or the gauges become the metrics of a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tables.kpis import (
    backlog,
    bots,
    conversations,
    customers,
    effort,
    first_contact,
    first_response,
    handle,
    messages,
    next_response,
    occupancy,
    presence,
    promoters,
    resolution,
    satisfaction,
    service_level,
    topics,
)
from tables.kpis.metric import Metric, Value
from tables.scopes import has_occupancy, has_presence

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.tally import Tally
    from tables.window import Window

_ROOMS = (
    messages,
    conversations,
    customers,
    first_response,
    next_response,
    resolution,
    handle,
    service_level,
    first_contact,
    satisfaction,
    promoters,
    effort,
    bots,
)
SAMPLED: tuple[Metric, ...] = (*(metric for room in _ROOMS for metric in room.METRICS), *occupancy.METRICS)
"""The metrics of the windows with a length."""
GAUGES: tuple[Metric, ...] = (*backlog.METRICS, *presence.METRICS)
"""The metrics of the window `now`."""
ROOMS = (*_ROOMS, occupancy, backlog, presence, topics)
"""All of them: each says in its docstring how its `METRICS` are calculated."""


class Reading(NamedTuple):
    """How the metrics of one KPI come out of a window."""

    reads: int
    """What it reads, as `tables.subjects`."""
    read: Callable[[Window, dict[str, Value], TenantSettings], None]


_READINGS = tuple(Reading(room.READS, room.read) for room in _ROOMS)
_WITH_OCCUPANCY = (*_READINGS, Reading(occupancy.READS, occupancy.read))


def readings(scope: str) -> tuple[Reading, ...]:
    """Those of the KPIs that a scope has, in the order of a record."""
    return _WITH_OCCUPANCY if has_occupancy(scope) else _READINGS


def read_window(window: Window, tenant: TenantSettings, scope: str) -> dict[str, Value]:
    """The metrics of a window of a scope, by the tenant's formulas."""
    out: dict[str, Value] = {}
    for reading in readings(scope):
        reading.read(window, out, tenant)
    return out


def read_gauges(sums: Tally, as_of: int, scope: str) -> dict[str, Value]:
    """The metrics of `now` of a scope at the instant `as_of` (ms)."""
    out: dict[str, Value] = {}
    backlog.read(sums, as_of, out)
    if has_presence(scope):
        presence.read(sums, out)
    return out
