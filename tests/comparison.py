"""Where the product's replay and the oracle differ, as lines to read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tables.replay import replay
from tests import oracle

WITHIN_1_PERCENT = ("_p50_s", "_p90_s", "_p95_s", "_max_s")
FIELDS = ("v", "window", "window_start_at", "as_of", "partial")
Record = dict[str, Any]


def differences(
    events: list[Any], config: Mapping[str, Any], until: int | None, *, intervals: bool = True
) -> list[str]:
    """Every field of every KPI and interval record, every alert field, and the reasons of dead letters."""
    expected = oracle.run(events, config, until, intervals=intervals)
    got = replay(events, dict(config), until)
    return [
        *of_records(expected.kpi, got.kpi, expected.passing),
        *(of_intervals(expected.intervals, got.intervals) if intervals else ()),
        *_of_counts("alert", map(_alert, expected.alerts), map(_alert, got.alerts)),
        *_of_counts("dlq", (d["reason"] for d in expected.dlq), (d["reason"] for d in got.dlq)),
    ]


def of_intervals(expected: list[Record], got: list[Record]) -> list[str]:
    """Differences of interval records; they have an order, a sequence number and no room for more of them."""
    keys = [(r["tenant"], r["scope"], r["window_start_at"]) for r in got]
    lines = [] if sorted(set(keys)) == keys else ["intervals: out of order, or two of a kind"]
    lines += [f"interval {key}: seq {r['seq']}" for key, r in zip(keys, got, strict=True) if r["seq"] != r["as_of"]]
    return [*lines, *of_records(expected, got, by="window_start_at")]


def of_records(
    expected: list[Record], got: list[Record], passing: Iterable[tuple[str, str]] = (), by: str = "window"
) -> list[str]:
    """Differences of records, one for each tenant, scope and `by`; those of `passing` may be, with nothing in them."""
    theirs, ours = ({(r["tenant"], r["scope"], r[by]): r for r in records} for records in (expected, got))
    lines = [f"missing {key}" for key in sorted(theirs.keys() - ours.keys())]
    extra = sorted(ours.keys() - theirs.keys())
    lines += [f"extra {key}" for key in extra if key[:2] not in passing or any(ours[key]["metrics"].values())]
    for key in sorted(ours.keys() & theirs.keys()):
        want, have = theirs[key], ours[key]
        differing = [field for field in FIELDS if want[field] != have[field]]
        lines += [f"{key} {field}: expected {want[field]}, got {have[field]}" for field in differing]
        want, have = want["metrics"], have["metrics"]
        lines += [f"{key} {name}: in one of them only" for name in sorted(want.keys() ^ have.keys())]
        for name in sorted(want.keys() & have.keys()):
            if not close(name, want[name], have[name]):
                lines.append(f"{key} {name}: expected {want[name]}, got {have[name]}")
    return lines


def close(name: str, want: Any, have: Any) -> bool:
    """Whether a metric is near enough: percentiles and maxima within 1 %, all else but for the last bits."""
    if want is None or have is None or isinstance(want, list):
        return bool(want == have)
    if name.endswith(WITHIN_1_PERCENT):
        return bool(abs(have - want) <= 0.01 * want + 0.0005)
    return bool(abs(have - want) <= 1e-9 * max(1.0, abs(want)))


def _alert(alert: Record) -> str:
    """As text; of numbers all digits but the last bits of a sum in another order."""
    shown = {name: value for name, value in alert.items() if name not in ("alert_id", "v")}
    return json.dumps(shown | {n: f"{v:.14g}" for n, v in shown.items() if isinstance(v, int | float)}, sort_keys=True)


def _of_counts(what: str, expected: Iterable[str], got: Iterable[str]) -> list[str]:
    theirs, ours = Counter(expected), Counter(got)
    missing, extra = (theirs - ours).elements(), (ours - theirs).elements()
    return [*(f"{what} missing: {x}" for x in missing), *(f"{what} extra: {x}" for x in extra)]
