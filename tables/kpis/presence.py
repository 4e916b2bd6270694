"""Presence: how many agents are there to serve customers.

>>> out = {}
>>> read({gauges.AGENTS_ONLINE: 12}, out)
>>> out
{'agents_online': 12}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import gauges
from tables.kpis.metric import Metric, Text, Value
from tables.scopes import PRESENCE_KINDS

if TYPE_CHECKING:
    from tables.tally import Tally

METRICS = (
    Metric(
        "agents_online",
        "count",
        "neither",
        Text("Agents online", "agents whose state is online or busy"),
        Text("Agen online", "agen yang berstatus online atau sibuk"),
        kinds=PRESENCE_KINDS,
    ),
)


def read(sums: Tally, out: dict[str, Value]) -> None:
    """Put the gauge into `out`."""
    out["agents_online"] = sums.get(gauges.AGENTS_ONLINE, 0)
