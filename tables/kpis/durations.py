"""A duration's count, mean, percentiles and maximum, in seconds of calendar time."""

from __future__ import annotations

from collections.abc import Callable

from tables.kpis.metric import Metric, Value
from tables.tally import COUNT, SUM, code
from tables.window import Window

_PARTS = ("mean_s", "p50_s", "p90_s", "p95_s", "max_s")


def metrics(name: str, meaning: str) -> tuple[Metric, ...]:
    """What `NAME_count`, `NAME_mean_s`, `NAME_p50_s` and so on mean."""
    timed = (Metric(f"{name}_{part}", "s", f"{meaning}: {part[:-2]}", "lower") for part in _PARTS)
    return (Metric(f"{name}_count", "count", f"{meaning}: samples"), *timed)


def reader(name: str, kind: int) -> Callable[[Window, dict[str, Value]], None]:
    """What puts the metrics of one kind of fact into a record; everything about the kind is looked up once, here."""
    counted, (mean, p50, p90, p95, largest) = f"{name}_count", (f"{name}_{part}" for part in _PARTS)
    count_code, sum_code = code(kind, COUNT), code(kind, SUM)
    nothing = dict.fromkeys((mean, p50, p90, p95, largest))

    def read(window: Window, out: dict[str, Value]) -> None:
        count = out[counted] = window.counts.get(count_code, 0)
        if not count:
            out.update(nothing)
            return
        ranks = window.percentiles(kind)
        out[mean] = window.counts[sum_code] / count / 1000 if sum_code in window.counts else 0.0
        out[p50], out[p90], out[p95] = ranks
        out[largest] = window.largest.get(kind, 0) / 1000

    return read
