"""The KPI catalogue: one room a KPI, and how a window or the gauges become the metrics of a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
_READ = tuple(room.read for room in _ROOMS)


def read_window(window: Window, tenant: TenantSettings, scope: str) -> dict[str, Value]:
    """The metrics of a window of a scope, by the tenant's formulas."""
    out: dict[str, Value] = {}
    for read in _READ:
        read(window, out, tenant)
    if has_occupancy(scope):
        occupancy.read(window, out)
    return out


def read_gauges(sums: Tally, as_of: int, scope: str) -> dict[str, Value]:
    """The metrics of `now` of a scope at the instant `as_of` (ms)."""
    out: dict[str, Value] = {}
    backlog.read(sums, as_of, out)
    if has_presence(scope):
        presence.read(sums, out)
    return out
