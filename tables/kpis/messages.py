"""Messages: how much was written, and what of it did not arrive.

>>> from tables.settings import Settings
>>> from tables.window import Window
>>> window, out = Window(), {}
>>> window.add({facts.MESSAGES_IN: 3, facts.MESSAGES_OUT: 2, facts.DELIVERY_FAILED: 1}, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out
{'messages_in': 3, 'messages_out': 2, 'delivery_failed': 1}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts, subjects
from tables.kpis.metric import Metric, Text, Value

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

READS = subjects.MESSAGES
METRICS = (
    Metric(
        "messages_in",
        "count",
        "neither",
        Text("Messages in", "customer messages"),
        Text("Pesan masuk", "pesan dari pelanggan"),
    ),
    Metric(
        "messages_out",
        "count",
        "neither",
        Text("Messages out", "human replies"),
        Text("Pesan keluar", "balasan dari agen"),
    ),
    Metric(
        "delivery_failed",
        "count",
        "lower",
        Text("Failed deliveries", "deliveries of outbound messages that failed"),
        Text("Gagal terkirim", "pengiriman pesan keluar yang gagal"),
    ),
)


def read(window: Window, out: dict[str, Value], _: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    get = window.counts.get
    out["messages_in"] = get(facts.MESSAGES_IN, 0)
    out["messages_out"] = get(facts.MESSAGES_OUT, 0)
    out["delivery_failed"] = get(facts.DELIVERY_FAILED, 0)
