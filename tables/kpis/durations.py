"""A duration's count, and its mean, percentiles and maximum in seconds of calendar time and of business time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tables.facts import BUSINESS
from tables.kpis.metric import Metric, Value
from tables.window import Window

if TYPE_CHECKING:
    from tables.settings import TenantSettings

Divisor = Callable[[Window, "TenantSettings"], int | None]
"""What a formula divides the sum of a duration by; None: by the number of samples."""

_PARTS = ("mean_s", "p50_s", "p90_s", "p95_s", "max_s")
_WAYS = (("", 0, ""), ("business_", BUSINESS, ", in business time"))


def metrics(name: str, meaning: str) -> tuple[Metric, ...]:
    """What `NAME_count`, `NAME_mean_s`, `NAME_business_mean_s` and so on mean."""
    timed = (
        Metric(f"{name}_{way}{part}", "s", f"{meaning}: {part[:-2]}{where}", "lower")
        for way, _, where in _WAYS
        for part in _PARTS
    )
    return (Metric(f"{name}_count", "count", f"{meaning}: samples"), *timed)


def reader(
    name: str, kind: int, divisor: Divisor | None = None
) -> Callable[[Window, dict[str, Value], TenantSettings], None]:
    """What puts the metrics of one kind of fact into a record; everything about the kind is looked up once, here."""
    ways = tuple((way, tuple(f"{name}_{word}{part}" for part in _PARTS)) for word, way, _ in _WAYS)
    counted = f"{name}_count"
    nothing: dict[str, Value] = dict.fromkeys(each for _, names in ways for each in names)

    def read(window: Window, out: dict[str, Value], tenant: TenantSettings) -> None:
        count = out[counted] = window.duration(kind, 0)[0]
        by = None if divisor is None else divisor(window, tenant)
        if not count:
            out.update(nothing)
            if by:
                out[ways[0][1][0]] = out[ways[1][1][0]] = 0.0
            return
        for way, (mean, p50, p90, p95, largest) in ways:
            total = window.duration(kind, way)[1]
            over = count if by is None else by
            out[mean] = total / over / 1000 if over else None
            out[p50], out[p90], out[p95] = window.percentiles(kind, way)
            out[largest] = window.maximum(kind, way) / 1000

    return read
