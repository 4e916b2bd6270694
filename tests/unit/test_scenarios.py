"""Scenarios hold every feature, and the oracle reads them and the real data without stumbling."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.oracle import replay, run
from tests.scenario_features import DAYS_THAT_DIFFER, features
from tests.scenario_features_beside import BUSINESS, FIGURES
from tests.scenario_parts import KINDS, VARIANTS
from tests.scenarios import scenario, sorted_scenario

SEEDS = range(200)
DATA = Path(__file__).parents[3] / "shared" / "data" / "events"
TYPES = ("message", "assigned", "handoff", "status", "priority", "tagged", "survey", "delivery", "presence", *BUSINESS)
STATES = ("imminent", "breached", "met", "met_late", "cancelled", "retracted")
METRICS = ("first_response", "next_response", "resolution", "reply_window")
LONG = ("5m", "15m", "30m", "1h", "today", "mtd", "30d")
STAFFED = ("tenant", "agent", "team")
REASONS = ("bot", "handoff", "resolved", "policy", "history", "newer_message")


@cache
def seen() -> Counter[str]:
    """How often each feature occurs over all seeds."""
    out: Counter[str] = Counter()
    for seed in SEEDS:
        config, events, until = scenario(seed)
        out += features(config, events, run(events, config, until, intervals=False))
    return out


@pytest.mark.parametrize(
    "feature",
    [
        *TYPES,
        *(f"{metric} {state}" for metric in METRICS for state in STATES),
        *(f"cancelled by {reason}" for reason in REASONS),
        *("sl_met", "sl_missed", "sl_abandoned", "sl_short_abandoned", "frt", "nrt", "resolution", "handle"),
        *("csat", "nps", "ces", "bot_resolved", "delivery_failed", "fcr_one_touch", "touch_customer"),
        *("reopened within 72 h", "reopened after 72 h-1", "reopened after 72 h+0", "reopened after 72 h+1"),
        *(f"{kind} in business time" for kind in ("frt", "nrt", "resolution", "handle")),
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
        *("customer changes", "customer known later", "customer never known", "customer of several conversations"),
        *("ignore_abandoned", "abandoned_missed", "abandoned_met"),
        *(f"{figure} {variant}" for figure, variants in VARIANTS.items() for variant in variants),
        *(f"override of {name}" for name in ("timezone", "service_level", "lateness_s", "sla_policies")),
        *("override of formulas", "override of calendars", "override of currency"),
        *("presence told twice", "presence out of order", "presence too late", "presence at a whole minute"),
        *("online over midnight", "online over a change of the clocks", "several agents online", "agent online"),
        *(f"{what} in {window} of {kind}" for what in ("occupied", "online") for window in LONG for kind in STAFFED),
        *("partly occupied", "a team of some agents"),
        *(f"{figure} in {window}" for figure in FIGURES for window in ("mtd", "30d")),
        *(*(f"subscription {kind}" for kind in KINDS), "business told twice"),
        *(f"{kind} out of order" for kind in BUSINESS),
        *("business where a window begins", "business a ms before a window begins"),
        *("posting without a currency", "posting that takes back", "several currencies", "figures of no currency"),
        *("the tenant's currency among several", "a currency that nobody pays in"),
        *("more in mtd than today", "more in 30d than mtd", "one touch of an earlier day"),
        *("fewer customers than conversations",),
        *(f"calendars {n}" for n in range(4)),
        *(*DAYS_THAT_DIFFER, "until midnight", "policy with a calendar", "policy around the clock"),
        *("deadline in open time", "deadline where it closes", "late in open time", "built-in"),
        *(f"policies {n}" for n in range(5)),
        *("match all", "match channel", "match priority", "match team", "match topic", "match tenant"),
        "match a list",
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
    assert all(30 <= len(scenario(seed)[1]) <= 380 for seed in SEEDS)


@pytest.mark.parametrize("seed", range(0, 200, 20))
def test_the_sorted_variant_has_the_same_events_in_time_order(seed: int) -> None:
    config, events, until = sorted_scenario(seed)
    instants = [event["at"] for event in events if isinstance(event.get("at"), int)]
    assert instants == sorted(instants)
    assert sorted(map(repr, events)) == sorted(map(repr, scenario(seed)[1]))
    assert run(events, config, until, intervals=False).counts["late"] == 0


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
    plain, other = (run(arrivals, config, until, intervals=False) for arrivals in (timed, shaken))
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
    result = run(events, {"sla_policies": [policy]}, intervals=False)
    assert (len(events), len(result.dlq)) == (size, 0)
    kinds = Counter(sample.kind for sample in result.samples)
    states = Counter(alert["state"] for alert in result.alerts if alert["metric"] == "first_response")
    assert kinds["conversations_opened"] - kinds["conversations_reopened"] >= opened
    assert kinds["frt"] == states["met"] + states["met_late"]
