"""Explain against replay: what is said of every conversation, added up, is what the records say."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables import facts
from tables.distinct import hashed
from tables.explain import Explanation, explain
from tables.explain.samples import booked, samples_of
from tables.explain.view import View
from tables.facts import Fact
from tables.kpis import SAMPLED
from tables.replay import replay
from tables.rules import Rules
from tables.settings import Settings
from tables.sla import later
from tests.comparison import close
from tests.scenarios import scenario, sorted_scenario

Event = dict[str, Any]
Key = tuple[str, str, str]
"""Tenant, scope and window."""
Sums = dict[Key, Counter[str]]
"""Durations in ms."""

DISTINCT = "customers_handled"
OTHERS = {DISTINCT, "occupancy_occupied", "occupancy_online"}  # which are no sums over conversations
COUNTS = {each.name for each in SAMPLED if each.unit == "count"} - OTHERS
MEANS = [each for each in SAMPLED if each.name.endswith(("_mean", "_mean_s"))]
RULES = {
    "fcr_one_touch": "one touch",
    "bot_resolved": "bot-resolved",
    "delivery_failed": "delivery failed",
    "csat": "survey",
    "nps": "survey",
    "ces": "survey",
    "messages_out": "customer handled",
    "resolution": "resolved",
    "handle": "handle time",
}
"""By the metric of a sample, the rule that says why it was booked."""


def explained(events: list[bytes], house: Settings, until: int | None, dlq: list[Event]) -> list[Explanation]:
    """Of every conversation that has a valid event by `until`."""
    rejected = Counter(each["value"] for each in dlq)
    names: dict[tuple[str, str], None] = {}
    for value in events:
        event = json.loads(value)
        if not rejected[value.decode()] and "conversation_id" in event and (until is None or event["at"] <= until):
            names[event["tenant"], event["conversation_id"]] = None
    return [explain(events, conversation, house, until, tenant) for tenant, conversation in names]


def added_up(explanations: list[Explanation]) -> Sums:
    sums: Sums = defaultdict(Counter)
    for each in explanations:
        for scope, windows in each.counts_in.items():
            for window, metrics in windows.items():
                for name, value in metrics.items():
                    if name != DISTINCT and not name.endswith("_max_s"):
                        sums[each.tenant, scope, window][name] += round(value * (1000 if "_sum_s" in name else 1))
        if each.gauges:
            sums[each.tenant, "tenant", "now"].update(
                {name: value for name, value in each.gauges.items() if not name.startswith("oldest_")}
            )
    return {key: +each for key, each in sums.items() if +each}


def recorded(kpi: list[Event], house: Settings) -> tuple[Sums, set[tuple[Key, str]]]:
    """The same of KPI records, gauges of the scope `tenant` only; and which of the sums they do not tell."""
    sums: Sums = {}
    untold: set[tuple[Key, str]] = set()
    for record in kpi:
        key, metrics = (record["tenant"], record["scope"], record["window"]), record["metrics"]
        if key[2] == "now":
            names = [name for name in metrics if name.startswith("backlog_")] + ["concurrency"]
            sums[key] = Counter({name: metrics[name] for name in names} if key[1] == "tenant" else {})
            continue
        found = sums[key] = Counter({name: metrics[name] for name in COUNTS})
        found.update({f"top_topics:{each['topic']}": each["conversations"] for each in metrics.get("top_topics", ())})
        for mean in MEANS:
            fraction, name = mean.fraction(house.tenant(key[0])), mean.name.replace("_mean", "_sum")
            if metrics[mean.name] is None:
                untold.add((key, name))  # of a formula that has nothing to divide by
            else:
                assert fraction is not None
                over = fraction.read(metrics)[1] or 0
                found[name] = round(metrics[mean.name] * over * (1000 if "_sum_s" in name else 1))
    return {key: +each for key, each in sums.items() if +each}, untold


def same_sums(explanations: list[Explanation], kpi: list[Event], house: Settings) -> None:
    ours, (theirs, untold) = added_up(explanations), recorded(kpi, house)
    for key, name in untold:
        if key in ours:
            del ours[key][name]
    assert {key: each for key, each in ours.items() if each} == theirs


def same_maxima_and_customers(explanations: list[Explanation], kpi: list[Event]) -> None:
    largest: defaultdict[Key, dict[str, float]] = defaultdict(dict)
    customers: defaultdict[Key, set[str | None]] = defaultdict(set)
    for each in explanations:
        own: defaultdict[Key, set[str | None]] = defaultdict(set)
        for sample in (sample for moment in each.timeline for sample in moment.samples if sample.metric == DISTINCT):
            for scope in sample.scopes:
                for window in sample.windows:
                    own[each.tenant, scope, window].add(sample.customer_id)
        for scope, windows in each.counts_in.items():
            for window, metrics in windows.items():
                key = (each.tenant, scope, window)
                assert metrics.get(DISTINCT, 0) == len(own[key])
                customers[key] |= own[key]
                for name in (name for name in metrics if name.endswith("_max_s")):
                    largest[key][name] = max(largest[key].get(name, 0), metrics[name])
    for record in (record for record in kpi if record["window"] != "now"):
        key = (record["tenant"], record["scope"], record["window"])
        assert record["metrics"][DISTINCT] == len(customers[key])
        for name, value in record["metrics"].items():
            if name.endswith("_max_s"):
                assert close(name, largest[key].get(name), value), (key, name)


def compare(events: list[Any], config: Event, until: int | None) -> None:
    lines = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
    house = Settings.from_mapping(config)
    result = replay(lines, house, until)
    explanations = explained(lines, house, until, result.dlq)
    same_sums(explanations, result.kpi, house)
    same_maxima_and_customers(explanations, result.kpi)
    alerts = [json.loads(msgspec.json.encode(a)) for e in explanations for moment in e.timeline for a in moment.alerts]
    theirs = [alert for alert in result.alerts if alert["kind"] == "sla"]
    assert Counter(map(as_text, alerts)) == Counter(map(as_text, theirs))
    assert {each.until for each in explanations} <= {result.until}
    for each in explanations:
        consistent(each)
        running(each, Rules(house, each.tenant))
    same_counts(explanations, result.counts, sum(beside(lines, [each["value"] for each in result.dlq], until)))


def same_counts(explanations: list[Explanation], counts: Counter[str], others: int) -> None:
    """`others` came beside conversations; what of them was not folded was late or a duplicate as well."""
    duplicates = Counter(refused.outcome for each in explanations for refused in each.refused)["duplicate"]
    orders = Counter(m.arrived.order for each in explanations for m in each.timeline if m.arrived)
    assert orders.total() == counts["folded"]
    others -= counts["presence"] + counts["business"]
    assert duplicates + orders["late"] + others == counts["duplicate"] + counts["late"]
    assert duplicates <= counts["duplicate"]
    assert orders["late"] <= counts["late"]


def beside(lines: list[bytes], rejected: list[str], until: int | None) -> Iterator[bool]:
    """Of each valid record by `until`, whether it is of no conversation."""
    left = Counter(rejected)
    for line in lines:
        value, event = line.decode(), json.loads(line)
        if left[value]:
            left[value] -= 1
        elif until is None or event["at"] <= until:
            yield "conversation_id" not in event


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
    for moment in standing:
        names = {rule.name for rule in moment.rules}
        assert {RULES[s.metric] for s in moment.samples if s.metric in RULES and s.count > 0} == names & {
            *RULES.values()
        }
        assert any(s.count < 0 for s in moment.samples) == ("one touch taken back" in names)
        for sample in moment.samples:
            assert (sample.business_s or 0) <= (sample.value_s or 0)
    assert explanation.standing is None or set(explanation.standing.gauges) <= explanation.gauges.keys()
    assert json.loads(msgspec.json.encode(explanation))["v"] == 1


def running(explanation: Explanation, rules: Rules) -> None:
    """What is left of a run's target ends at its deadline, if nothing happens until then."""
    for run in explanation.runs:
        calendar = rules.calendars[run.policy] if run.calendar is not None else None
        if run.breached:
            assert run.left_s == 0
        else:
            assert run.elapsed_s + run.left_s == pytest.approx(run.target_s)
            left = later(calendar, explanation.until, round(run.left_s * 1000))
            assert run.deadline_at == left, run


@pytest.mark.parametrize("write", [scenario, sorted_scenario])
@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=25, deadline=None)
def test_explanations_add_up_to_the_replay(write: Any, seed: int) -> None:
    config, events, until = write(seed)
    compare(events, config, until)


def test_every_kind_of_fact_is_told() -> None:
    apart = {"CALENDAR", "BUSINESS", "MINUTE", "WIDTH", "SEEN"}  # ways, sizes, and what is worth nothing
    kinds = {
        value for name, value in vars(facts).items() if name.isupper() and type(value) is int and name not in apart
    }
    kinds |= {kind + facts.CALENDAR for kind in facts.DURATIONS}
    worth = hashed("refund")
    view = View(Rules(Settings.load(None), "acme"), 600_000, {worth: "k"})
    dims = ("chat", "ana", None, "normal", ("refund",))
    known = {each.name for each in SAMPLED} | {"occupied", "top_topics"}
    for kind in kinds:
        told = samples_of(booked([Fact(kind, 7, dims, 1, worth), Fact(facts.SEEN, 7, dims, 1, 4)]), view)
        (sample,) = told
        assert sample.metric in known or f"{sample.metric}_count" in known
        assert sample.windows[-2:] == ("mtd", "30d")
