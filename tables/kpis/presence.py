"""Presence: how many agents are online."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import gauges
from tables.kpis.metric import Metric, Value

if TYPE_CHECKING:
    from tables.tally import Tally

METRICS = (Metric("agents_online", "count", "agents whose state is online or busy"),)


def read(sums: Tally, out: dict[str, Value]) -> None:
    """Put the gauge into `out`."""
    out["agents_online"] = sums.get(gauges.AGENTS_ONLINE, 0)
