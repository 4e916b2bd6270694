"""First response time: from the customer's first message, or the hand-off, to the first human reply.

`frt_mean_s` = sum of the first response times / `frt_count`; with the formula `resolved`, / `conversations_resolved`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import facts
from tables.kpis import durations

if TYPE_CHECKING:
    from tables.settings import TenantSettings
    from tables.window import Window


def _divisor(window: Window, tenant: TenantSettings) -> int | None:
    return window.counts.get(facts.RESOLVED, 0) if tenant.formulas["frt_mean"] == "resolved" else None


METRICS = durations.metrics("frt", "first response time")
read = durations.reader("frt", facts.FRT, _divisor)
