"""The JSON Schema of a KPI record, written from what the KPIs say of themselves.

python -m tables.kpis.schema > deploy/docs/kpi.schema.json
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from tables.business.catalogue import MONEY
from tables.kpis.catalogue import ALL_WINDOWS, METRICS
from tables.kpis.metric import Metric

_INSTANT: Final = {"type": "integer", "minimum": 0}
_HEAD: Final[dict[str, Any]] = {
    "v": {"const": 1},
    "tenant": {"type": "string"},
    "scope": {"type": "string"},
    "window": {"enum": [*ALL_WINDOWS, "1m", "interval"]},
    "window_start_at": _INSTANT,
    "as_of": _INSTANT,
    "seq": _INSTANT,
    "partial": {"type": "boolean"},
}


def record() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a record of `sigap.kpi`, `sigap.kpi.intervals` and `sigap.kpi.minutes`."""
    metrics = {
        "type": "object",
        "properties": {each.name: _metric(each) for each in METRICS.values()},
        "patternProperties": {f"^({'|'.join(each.name for each in MONEY)})_[a-z]{{3}}$": {"type": ["number", "null"]}},
    }
    lag = {"type": "number", "minimum": 0, "description": "How far it is behind, in s, while it is partial"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sigap KPI record",
        "type": "object",
        "required": [*_HEAD, "metrics"],
        "properties": {**_HEAD, "lag_s": lag, "metrics": metrics},
    }


def _metric(metric: Metric) -> dict[str, Any]:
    match metric.unit:
        case "count":
            kind: dict[str, Any] = {"type": "integer"}
        case "ms":
            kind = {"type": ["integer", "null"]}
        case "list":
            kind = {"type": "array", "items": {"type": "object"}}
        case _:
            kind = {"type": ["number", "null"]}
    return {"title": metric.en.title, "description": metric.en.meaning, **kind, "x-unit": metric.unit}


if __name__ == "__main__":
    json.dump(record(), sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")
