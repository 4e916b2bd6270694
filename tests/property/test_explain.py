"""Explain against replay: what is said of every conversation, added up, is what the records say."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.clock import wall_ms
from tables import facts
from tables.explain import Explanation, explain
from tables.explain.parts import METRIC_NAMES
from tables.replay import replay
from tables.settings import Settings
from tests.scenarios import scenario, sorted_scenario

LOGS = Path(__file__).parents[3] / "shared" / "data" / "events"
Event = dict[str, Any]
Sums = dict[tuple[str, str, str], Counter[str]]
"""By tenant, scope and window; durations in ms."""


def explained(events: list[bytes], config: Event, until: int | None) -> list[Explanation]:
    """Of every conversation that has a valid event by `until`."""
    valid = replay(events, config, until, wall=wall_ms)
    rejected = Counter(each["value"] for each in valid.dlq)
    names: dict[tuple[str, str], None] = {}
    for value in events:
        event = json.loads(value)
        if not rejected[value.decode()] and "conversation_id" in event and (until is None or event["at"] <= until):
            names[event["tenant"], event["conversation_id"]] = None
    house = Settings.from_mapping(config)
    return [explain(events, conversation, house, until, tenant, wall=wall_ms) for tenant, conversation in names]


def added_up(explanations: list[Explanation]) -> Sums:
    sums: Sums = defaultdict(Counter)
    for each in explanations:
        for scope, windows in each.counts_in.items():
            for window, metrics in windows.items():
                for name, value in metrics.items():
                    if not name.endswith("_max_s"):
                        sums[each.tenant, scope, window][name] += round(value * (1000 if "_sum_s" in name else 1))
        for scope in scopes_now(each):
            sums[each.tenant, scope, "now"].update(
                {name: value for name, value in each.gauges.items() if not name.startswith("oldest_")}
            )
    return sums


def scopes_now(explanation: Explanation) -> tuple[str, ...]:
    """Where the conversation counts in the gauges; `tenant` is enough to add up."""
    return ("tenant",) if explanation.gauges else ()


def recorded(kpi: list[Event]) -> Sums:
    """The same of KPI records; gauges of the scope `tenant` only."""
    sums: Sums = {}
    for record in kpi:
        window, metrics = record["window"], record["metrics"]
        if window == "now" and record["scope"] != "tenant":
            continue
        found: Counter[str] = Counter()
        for name, value in metrics.items():
            if name.endswith("_mean_s") and value is not None:
                kind = name.removesuffix("_mean_s")
                found[f"{kind}_sum_s"] = round(value * metrics[f"{kind}_count"] * 1000)
            elif isinstance(value, int) and not name.startswith("oldest_") and not name.endswith(("_s", "_ratio")):
                found[name] = value
        sums[record["tenant"], record["scope"], window] = found
    return sums


def compare(events: list[Any], config: Event, until: int | None) -> None:
    lines = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
    explanations, result = explained(lines, config, until), replay(lines, config, until, wall=wall_ms)
    ours = {key: +metrics for key, metrics in added_up(explanations).items()}
    theirs = {key: +metrics for key, metrics in recorded(result.kpi).items()}
    assert {key: each for key, each in ours.items() if each} == {key: each for key, each in theirs.items() if each}
    alerts = [json.loads(msgspec.json.encode(a)) for e in explanations for moment in e.timeline for a in moment.alerts]
    assert Counter(map(as_text, alerts)) == Counter(map(as_text, result.alerts))
    assert {each.until for each in explanations} <= {result.until}
    for each in explanations:
        consistent(each)
    duplicates = Counter(refused.outcome for each in explanations for refused in each.refused)["duplicate"]
    assert duplicates == result.counts["duplicate"]
    orders = Counter(m.arrived.order for each in explanations for m in each.timeline if m.arrived)
    assert orders["late"] == result.counts["late"]
    assert orders.total() == result.counts["folded"]


def as_text(alert: Event) -> str:
    return json.dumps(alert, sort_keys=True)


def consistent(explanation: Explanation) -> None:
    """Waits and samples of the service level tell the same; every event has a rule and every moment its state."""
    samples = Counter(s.metric for moment in explanation.timeline for s in moment.samples)
    outcomes = Counter(wait.outcome for wait in explanation.waits)
    for outcome in ("met", "missed", "abandoned"):
        assert outcomes[outcome] == samples[f"sl_{outcome}"]
    assert sum(wait.response_s is not None for wait in explanation.waits) == samples["frt"]
    standing = [moment for moment in explanation.timeline if moment.kind in ("event", "timer")]
    assert all(moment.rules for moment in standing)
    forgotten = [place for place, moment in enumerate(explanation.timeline) if moment.kind == "forgotten"]
    for start, end in pairwise([0, *(place + 1 for place in forgotten), None]):
        instants = [moment.at for moment in explanation.timeline[start:end]]
        assert instants[:-1] == sorted(instants[:-1])
    assert explanation.standing is None or set(explanation.standing.gauges) <= explanation.gauges.keys()
    assert json.loads(msgspec.json.encode(explanation))["v"] == 1


@pytest.mark.parametrize("write", [scenario, sorted_scenario])
@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=25, deadline=None)
def test_explanations_add_up_to_the_replay(write: Any, seed: int) -> None:
    config, events, until = write(seed)
    compare(events, config, until)


def test_every_kind_of_fact_has_a_name() -> None:
    kinds = {value for name, value in vars(facts).items() if name.isupper() and type(value) is int}
    assert kinds - {facts.MINUTE, facts.WIDTH, facts.SEEN} == METRIC_NAMES.keys()
