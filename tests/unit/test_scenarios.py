"""Scenarios hold every feature, and the oracle reads them and the real data without stumbling."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import replay, run
from tests.oracle.rules import rules_for
from tests.scenarios import scenario, sorted_scenario

SEEDS = range(200)
DATA = Path(__file__).parents[3] / "shared" / "data" / "events"
TYPES = ("message", "assigned", "handoff", "status", "priority", "tagged", "survey", "delivery", "presence")
STATES = ("imminent", "breached", "met", "met_late", "cancelled", "retracted")
METRICS = ("first_response", "next_response", "resolution")


@cache
def seen() -> Counter[str]:
    """How often each feature occurs over all seeds."""
    out: Counter[str] = Counter()
    for seed in SEEDS:
        config, events, until = scenario(seed)
        count_input(out, config, events)
        result = run(events, config, until)
        out.update(result.counts)
        out.update(sample.kind for sample in result.samples)
        out.update("dlq " + entry["reason"] for entry in result.dlq)
        count_waits(out, config, result.samples)
        count_alerts(out, config, result.alerts)
    return out


def count_input(out: Counter[str], config: dict[str, Any], events: list[dict[str, Any]]) -> None:
    instants: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for event in events:
        out.update([str(event.get("type")), f"tenant {event.get('tenant')}", f"channel {event.get('channel')}"])
        for field in ("status", "priority", "survey", "state", "author", "direction", "private", "auto"):
            if field in event:
                out[f"{field} {event[field]}"] += 1
        if event.get("type") == "assigned":
            out.update(f"assigned {field} {'set' if event[field] else 'null'}" for field in event if "e" in field)
        if isinstance(event.get("at"), int) and "conversation_id" in event and event.get("type") in TYPES:
            instants[str(event.get("tenant")), str(event["conversation_id"])].append(
                (event["at"], str(event.get("event_id")))
            )
    for arrived in instants.values():
        pairs = list(pairwise(arrived))
        out["tie"] += sum(a[0] == b[0] and a[1] != b[1] for a, b in pairs)
        out["tie against the ids"] += sum(a[0] == b[0] and a[1] > b[1] for a, b in pairs)
        out["tie where UTF-16 sorts otherwise"] += sum(
            a[0] == b[0] and (a[1] < b[1]) != (a[1].encode("utf-16-be") < b[1].encode("utf-16-be")) for a, b in pairs
        )
    out[config["service_level"]["formula"]] += 1
    out["overrides"] += bool(config.get("tenants"))
    out[f"policies {len(config['sla_policies'])}"] += 1
    for policy in config["sla_policies"]:
        out.update(f"match {key}" for key in policy.get("match", {"all": ""}))
        out.update(f"warn {type(level).__name__}" for level in policy.get("warn", ()))
        out.update(f"pause {metric}" for metric in policy.get("pause_on", ()))


def count_waits(out: Counter[str], config: dict[str, Any], samples: list[Any]) -> None:
    thresholds = {**rules_for(config, "-").thresholds}
    short = rules_for(config, "-").short_abandon
    for sample in samples:
        if sample.kind == "frt" and "channel:chat" in sample.scopes:
            out[f"reply at T{sample.value - thresholds['chat']:+d}"] += 1
        if sample.kind in ("sl_abandoned", "sl_short_abandoned"):
            out[f"resolved at S{sample.value - short:+d}"] += 1


def count_alerts(out: Counter[str], config: dict[str, Any], alerts: list[dict[str, Any]]) -> None:
    policies: dict[tuple[str, ...], set[str]] = defaultdict(set)
    lasting = {round(t * 1000) for p in config["sla_policies"] for t in p["targets"].values()}
    for alert in alerts:
        out[f"{alert['metric']} {alert['state']}"] += 1
        policies[alert["tenant"], alert["conversation_id"], alert["metric"], alert["instance"]].add(alert["policy"])
        out["paused"] += not config.get("tenants") and alert["deadline_at"] - alert["started_at"] not in lasting
        if alert["state"].startswith("met"):
            out[f"answered at deadline{alert['at'] - alert['deadline_at']:+d}"] += 1
        if alert["state"] == "breached":
            out["breached by re-choice"] += alert["at"] > alert["deadline_at"]
    out["policy changed within a run"] += sum(len(names) > 1 for names in policies.values())


@pytest.mark.parametrize(
    "feature",
    [
        *TYPES,
        *(f"{metric} {state}" for metric in METRICS for state in STATES),
        *("sl_met", "sl_missed", "sl_abandoned", "sl_short_abandoned", "frt", "nrt"),
        *("conversations_opened", "conversations_reopened", "conversations_resolved", "touch_handled"),
        *("in_order", "reordered", "late", "duplicate", "forgotten", "left_out"),
        *("tie", "tie against the ids", "tie where UTF-16 sorts otherwise"),
        *("tenant acme", "tenant globex", "tenant initech"),
        *("channel chat", "channel whatsapp", "channel email", "channel phone"),
        *("status open", "status pending", "status on_hold", "status resolved"),
        *("priority low", "priority normal", "priority high", "priority urgent"),
        *("survey csat", "survey nps", "survey ces"),
        *("state sent", "state delivered", "state read", "state failed"),
        *("state online", "state busy", "state away", "state offline"),
        *("author customer", "author agent", "author bot", "author system", "direction inbound", "direction outbound"),
        *("private True", "private False", "auto True", "auto False"),
        *("assigned agent_id set", "assigned agent_id null", "assigned team set", "assigned team null"),
        *("ignore_abandoned", "abandoned_missed", "abandoned_met", "overrides"),
        *(f"policies {n}" for n in range(5)),
        *("match all", "match channel", "match priority", "match team", "match topic", "match tenant"),
        *("warn float", "warn str", "pause first_response", "pause next_response", "pause resolution", "paused"),
        *("reply at T-1", "reply at T+0", "reply at T+1", "resolved at S-1", "resolved at S+0", "resolved at S+1"),
        *("answered at deadline-1", "answered at deadline+0", "answered at deadline+1"),
        *("breached by re-choice", "policy changed within a run"),
        *(f"dlq {slug}" for slug in ("missing_field", "wrong_type", "unknown_type", "unknown_version", "bad_value")),
    ],
)
def test_every_feature_occurs(feature: str) -> None:
    assert seen()[feature] >= 3


def test_a_seed_is_a_scenario_of_moderate_size() -> None:
    assert scenario(7) == scenario(7)
    assert all(30 <= len(scenario(seed)[1]) <= 310 for seed in SEEDS)


@pytest.mark.parametrize("seed", range(0, 200, 20))
def test_the_sorted_variant_has_the_same_events_in_time_order(seed: int) -> None:
    config, events, until = sorted_scenario(seed)
    instants = [event["at"] for event in events if isinstance(event.get("at"), int)]
    assert instants == sorted(instants)
    assert sorted(map(repr, events)) == sorted(map(repr, scenario(seed)[1]))
    assert run(events, config, until).counts["late"] == 0


@pytest.mark.parametrize("seed", range(0, 200, 10))
def test_redelivering_everything_at_once_changes_nothing(seed: int) -> None:
    config, events, until = sorted_scenario(seed)
    bad = [entry["event"] for entry in replay(events, config)["dlq"]]
    good = [event for event in events if event not in bad]
    assert replay([again for event in good for again in (event, event)], config, until) == replay(good, config, until)


@pytest.mark.parametrize("seed", range(0, 200, 5))
def test_order_within_lateness_changes_no_figure(seed: int) -> None:
    config, events, until = sorted_scenario(seed)
    rng, slack = random.Random(seed), min(int(config["lateness_s"]), 30) * 1000
    timed = [event for event in events if type(event.get("at")) is int]
    shaken = sorted(timed, key=lambda event: event["at"] + rng.randrange(slack))
    plain, other = run(timed, config, until), run(shaken, config, until)
    assert other.counts["late"] == 0
    if plain.counts["forgotten"] == other.counts["forgotten"] == 0:  # a timer may forget what comes too late
        assert other.kpi == plain.kpi


@pytest.mark.parametrize(
    ("name", "size", "opened"), [("chat-stripe.ndjson", 607, 69), ("phone-incidents.ndjson.gz", 6138, 890)]
)
def test_real_data(name: str, size: int, opened: int) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip("no shared data")
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    events = [json.loads(line) for line in text.splitlines()]
    policy = {"name": "all", "targets": {"first_response": 600, "next_response": 1200, "resolution": 86_400}}
    result = run(events, {"sla_policies": [policy]})
    assert (len(events), len(result.dlq)) == (size, 0)
    kinds = Counter(sample.kind for sample in result.samples)
    states = Counter(alert["state"] for alert in result.alerts if alert["metric"] == "first_response")
    assert kinds["conversations_opened"] - kinds["conversations_reopened"] >= opened
    assert kinds["frt"] == states["met"] + states["met_late"]
