"""Customers: how many different ones got a human reply.

Exact up to 16,383, within 2 % from there on; a customer who comes with several conversations counts once.

>>> from tables.settings import Settings
>>> from tables.tally import mark
>>> from tables.window import Window
>>> window, out = Window(), {}
>>> for customer in (11, 22, 33, 22):
...     window.add({mark(CUSTOMERS, customer): 1}, 1)
>>> read(window, out, Settings.load(None).tenant("acme"))
>>> out
{'customers_handled': 3}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import subjects
from tables.kpis.metric import Metric, Text, Value
from tables.tally import CUSTOMERS

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

READS = subjects.HANDLED_CUSTOMERS
METRICS = (
    Metric(
        "customers_handled",
        "count",
        "neither",
        Text("Customers handled", "distinct customers with a human reply, within 2 %"),
        Text("Pelanggan ditangani", "pelanggan berbeda yang dibalas agen, dengan ketelitian 2 %"),
    ),
)


def handled(window: Window) -> int:
    """Distinct customers with a human reply in a window."""
    return window.distinct[CUSTOMERS].estimate()


def read(window: Window, out: dict[str, Value], _: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    out["customers_handled"] = handled(window)
