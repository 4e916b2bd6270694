"""The KPI catalogue: one room a KPI, and how a window or the gauges become the metrics of a record."""

from __future__ import annotations

from tables.kpis import backlog, conversations, first_response, messages, next_response, service_level
from tables.kpis.metric import Metric, Value
from tables.tally import Tally
from tables.window import Window

SAMPLED: tuple[Metric, ...] = (
    *messages.METRICS,
    *conversations.METRICS,
    *first_response.METRICS,
    *next_response.METRICS,
    *service_level.METRICS,
)
"""The metrics of the windows with a length."""
GAUGES: tuple[Metric, ...] = backlog.METRICS
"""The metrics of the window `now`."""


def read_window(window: Window, formula: str) -> dict[str, Value]:
    """The metrics of a window; `formula` is the tenant's for the service level."""
    out: dict[str, Value] = {}
    messages.read(window, out)
    conversations.read(window, out)
    first_response.read(window, out)
    next_response.read(window, out)
    service_level.read(window, out, formula)
    return out


def read_gauges(sums: Tally, as_of: int) -> dict[str, Value]:
    """The metrics of `now` at the instant `as_of` (ms)."""
    out: dict[str, Value] = {}
    backlog.read(sums, as_of, out)
    return out
