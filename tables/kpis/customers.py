"""Customers: how many different ones got a human reply, within 2 %."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables.kpis.metric import Metric, Value
from tables.tally import CUSTOMERS

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window

METRICS = (Metric("customers_handled", "count", "distinct customers with a human reply, within 2 %"),)


def handled(window: Window) -> int:
    """Distinct customers with a human reply in a window."""
    return window.distinct[CUSTOMERS].estimate()


def read(window: Window, out: dict[str, Value], _: TenantSettings) -> None:
    """Put the metrics of a window into `out`."""
    out["customers_handled"] = handled(window)
