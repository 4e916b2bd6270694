"""Occupancy: how much of their time online agents had a conversation open and assigned.

`occupancy_ratio` = `occupancy_occupied` / `occupancy_online`, both in agent-minutes, a minute counting in which it was
so at any moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables.kpis.metric import Metric, Value, ratio

if TYPE_CHECKING:
    from tables.window import Window

METRICS = (
    Metric("occupancy_occupied", "count", "agent-minutes online with a conversation open and assigned"),
    Metric("occupancy_online", "count", "agent-minutes online"),
    Metric("occupancy_ratio", "ratio", "time with a conversation, of the time online"),
)


def read(window: Window, out: dict[str, Value]) -> None:
    """Put the metrics of a window into `out`."""
    occupied, online = window.occupancy
    out["occupancy_occupied"], out["occupancy_online"] = occupied, online
    out["occupancy_ratio"] = ratio(occupied, online)
