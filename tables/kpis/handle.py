"""Handle time: how long, within a resolved cycle, the status was open and someone was assigned.

`handle_mean_s` = sum of the handle times / `handle_count`; with the formula `customers`, / `customers_handled`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts
from tables.kpis import customers, durations

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window


def _divisor(window: Window, tenant: TenantSettings) -> int | None:
    return customers.handled(window) if tenant.formulas["handle_mean"] == "customers" else None


METRICS = durations.metrics("handle", "handle time")
read = durations.reader("handle", facts.HANDLE, _divisor)
