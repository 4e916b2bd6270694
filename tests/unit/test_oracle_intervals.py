"""Interval records of the oracle: what scenarios show of them, and that they add up to what it says without them."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from tests.oracle import Result, run
from tests.oracle.intervals import QUARTER, passed
from tests.oracle.rules import rules_for
from tests.quarter_scenarios import quarter_scenario
from tests.scenarios import in_order

SEEDS = range(40)
SUMS = (
    *("messages_in", "messages_out", "conversations_opened", "conversations_reopened", "conversations_resolved"),
    *("sl_met", "sl_missed", "sl_abandoned", "bot_resolved", "delivery_failed"),
)
HOUR = 3_600_000
Record = dict[str, Any]


@pytest.mark.parametrize(
    ("old", "new", "after", "ends"),
    [
        (0, 1, 0, [0]),
        (1, QUARTER, 0, []),
        (QUARTER, QUARTER, 0, []),
        (QUARTER, QUARTER + 1, 0, [QUARTER]),
        (QUARTER - 1, 3 * QUARTER, 0, [QUARTER, 2 * QUARTER]),
        (QUARTER + 600, QUARTER + 601, 600, [QUARTER]),
        (QUARTER + 601, 2 * QUARTER + 600, 600, []),
    ],
)
def test_the_clock_is_past_an_instant_that_is_earlier(old: int, new: int, after: int, ends: list[int]) -> None:
    assert list(passed(old, new, after)) == ends


@cache
def seen() -> Counter[str]:
    """In how many scenarios each feature occurs."""
    out: Counter[str] = Counter()
    for seed in SEEDS:
        config, events, until = quarter_scenario(seed)
        result = run(events, config, until)
        records = result.intervals
        starts: dict[str, list[int]] = {}
        for tenant, start in sorted({(r["tenant"], r["window_start_at"]) for r in records}):
            starts.setdefault(tenant, []).append(start)
        out["three intervals"] += any(len(theirs) >= 3 for theirs in starts.values())
        out["hours without a record"] += any(
            b - a > 2 * HOUR for theirs in starts.values() for a, b in pairwise(theirs)
        )
        out["tenants of different lateness"] += len({rules_for(config, tenant).lateness for tenant in starts}) > 1
        out["changed gauges alone"] += any(not r["metrics"]["conversations_active"] for r in records)
        out["nothing left"] += any(not any(r["metrics"].values()) for r in records)
        out["overdue"] += any(r["metrics"]["backlog_overdue"] for r in records)
        out["too late for its interval"] += summed(records)["messages_in"] < booked(result, starts)["messages_in"]
        out["of every scope"] += len({r["scope"].partition(":")[0] for r in records}) == 6
    return out


def summed(records: list[Record], scope: str = "tenant") -> Counter[str]:
    out: Counter[str] = Counter()
    for record in records:
        out.update({name: record["metrics"][name] for name in SUMS if record["scope"] == scope})
    return out


def booked(result: Result, starts: dict[str, list[int]], scope: str = "tenant") -> Counter[str]:
    """Samples of the final fold up to the end of the last interval that has a record."""
    end = max((start + QUARTER for theirs in starts.values() for start in theirs), default=0)
    return Counter(s.kind for s in result.samples if s.kind in SUMS and s.at < end and scope in s.scopes)


@pytest.mark.parametrize(
    ("feature", "often"),
    [
        ("three intervals", 36),
        ("hours without a record", 20),
        ("tenants of different lateness", 15),
        ("changed gauges alone", 30),
        ("nothing left", 10),
        ("overdue", 10),
        ("too late for its interval", 10),
        ("of every scope", 30),
    ],
)
def test_scenarios_hold_what_intervals_turn_on(feature: str, often: int) -> None:
    assert seen()[feature] >= often


@pytest.mark.parametrize("seed", SEEDS[::2])
def test_intervals_add_up_to_what_was_booked(seed: int) -> None:
    config, events, _ = in_order(*quarter_scenario(seed))
    end = max(event["at"] for event in events if type(event.get("at")) is int) + 3 * HOUR  # all are closed
    result = run(events, config, end)
    assert result.counts["late"] == 0
    for scope in ("tenant", "channel:chat", "agent:zoé", "team:a%2Fb", "topic:refund", "priority:high"):
        assert +summed(result.intervals, scope) == booked(result, {"": [end]}, scope)


@pytest.mark.parametrize("seed", SEEDS[::5])
def test_the_gauges_are_those_of_now_at_the_end(seed: int) -> None:
    config, events, _ = in_order(*quarter_scenario(seed))
    records = run(events, config).intervals
    for end in sorted({record["as_of"] for record in records})[::12]:
        kpi = run(events, config, end).kpi
        now = {(r["tenant"], r["scope"]): r["metrics"] for r in kpi if r["window"] == "now"}
        for record in records:
            gauges = now.get((record["tenant"], record["scope"]), {})
            assert record["as_of"] != end or gauges.items() <= record["metrics"].items()
