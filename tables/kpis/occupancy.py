"""Occupancy: how much of their time online agents had a conversation open and assigned.

Counted in agent-minutes, a minute counting in which it was so at any moment. Of a whole agent, not of a channel.

>>> from tables.settings import Settings
>>> from tables.window import Window
>>> window, out = Window(), {}
>>> window.set_occupancy((45, 60))
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out
{'occupancy_occupied': 45, 'occupancy_online': 60, 'occupancy_ratio': 0.75}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import subjects
from tables.kpis.metric import Fraction, Metric, Text, Value, ratio
from tables.scopes import OCCUPANCY_KINDS

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

READS = subjects.OCCUPANCY
METRICS = (
    Metric(
        "occupancy_occupied",
        "count",
        "neither",
        Text("Agent-minutes occupied", "agent-minutes online with a conversation open and assigned", "Occupied"),
        Text(
            "Menit agen terpakai", "menit agen online dengan percakapan terbuka yang ditugaskan kepadanya", "Terpakai"
        ),
        kinds=OCCUPANCY_KINDS,
    ),
    Metric(
        "occupancy_online",
        "count",
        "neither",
        Text("Agent-minutes online", "minutes in which an agent was online, added up over the agents"),
        Text("Menit agen online", "menit saat agen online, dijumlahkan untuk semua agen"),
        kinds=OCCUPANCY_KINDS,
    ),
    Metric(
        "occupancy_ratio",
        "ratio",
        "neither",
        Text("Occupancy", "share of the time online with a conversation open and assigned"),
        Text("Okupansi", "persentase waktu online dengan percakapan terbuka yang ditugaskan"),
        (Fraction(("occupancy_occupied",), ("occupancy_online",)),),
        OCCUPANCY_KINDS,
    ),
)


def read(window: Window, out: dict[str, Value], _: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    occupied, online = window.occupancy
    out["occupancy_occupied"], out["occupancy_online"] = occupied, online
    out["occupancy_ratio"] = ratio(occupied, online)
