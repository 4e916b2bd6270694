"""A duration's count, mean, percentiles and maximum, in seconds of calendar time."""

from __future__ import annotations

from typing import NamedTuple

from tables.kpis.metric import Metric, Value
from tables.tally import COUNT, SUM, code
from tables.windows import Window

_PARTS = ("mean_s", "p50_s", "p90_s", "p95_s", "max_s")


class Duration(NamedTuple):
    """The metrics `NAME_count`, `NAME_mean_s`, `NAME_p50_s` and so on of one kind of fact."""

    name: str
    kind: int
    meaning: str

    def metrics(self) -> tuple[Metric, ...]:
        """What the fields mean."""
        timed = (Metric(f"{self.name}_{part}", "s", f"{self.meaning}: {part[:-2]}", "lower") for part in _PARTS)
        return (Metric(f"{self.name}_count", "count", f"{self.meaning}: samples"), *timed)

    def read(self, window: Window, out: dict[str, Value]) -> None:
        """Put the metrics of a window into `out`."""
        name, kind = self.name, self.kind
        count = window.count(code(kind, COUNT))
        out[f"{name}_count"] = count
        if count:
            median, p90, p95 = window.percentiles(kind)
            out[f"{name}_mean_s"] = window.count(code(kind, SUM)) / count / 1000
            out[f"{name}_p50_s"] = round(median) / 1000
            out[f"{name}_p90_s"] = round(p90) / 1000
            out[f"{name}_p95_s"] = round(p95) / 1000
            out[f"{name}_max_s"] = window.largest.get(kind, 0) / 1000
        else:
            for part in _PARTS:
                out[f"{name}_{part}"] = None
