"""The fold: what order of arrival, duplicates, length and restarts may not change."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.clock import wall_ms
from streams.codecs import decode as decode_event
from streams.events import ConversationEvent, OfConversation
from tables import outbox
from tables.history import FACTS_KEPT, LONG_TAIL, Change, History, decode
from tables.replay import replay
from tables.rules import Rules
from tables.settings import Settings
from tables.state import step_of
from tests.comparison import differences, of_records
from tests.house import House
from tests.scenarios import scenario

SEEDS = range(40)
MINUTE = 60_000
T0 = 1_717_000_020_000
Event = dict[str, Any]
POLICIES = [
    {
        "name": "urgent",
        "match": {"priority": "urgent"},
        "targets": {"first_response": 20, "next_response": 15, "resolution": 300},
        "warn": [0.5],
    },
    {"name": "none", "match": {"topic": "spam"}, "targets": {}},
    {
        "name": "rest",
        "targets": {"first_response": 60, "next_response": 30, "resolution": 900},
        "warn": [0.5, "-10s"],
        "pause_on": {"resolution": ["pending"], "next_response": ["on_hold"]},
    },
]


def good(events: list[Event], until: int | None) -> list[Event]:
    return [event for event in events if type(event.get("at")) is int and (until is None or event["at"] <= until)]


def sent(alerts: list[Event]) -> Counter[str]:
    return Counter(json.dumps(alert, sort_keys=True) for alert in alerts)


def ends(alerts: list[Event]) -> dict[tuple[str, ...], str]:
    """The state in which each run stands after its last alert, warnings aside."""
    runs: dict[tuple[str, ...], str] = {}
    for alert in alerts:
        if alert["state"] != "imminent":
            key = (alert["tenant"], alert["conversation_id"], alert["metric"], alert["instance"])
            runs[key] = alert["state"]
    return runs


@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_arrival_within_the_lateness_is_harmless(seed: int) -> None:
    config, events, until = scenario(seed)
    config = config | {"tenants": {}, "retain_s": 90 * 86_400}  # one lateness for all, and nothing is forgotten
    events = sorted(good(events, until), key=lambda event: (event["at"], str(event.get("event_id"))))
    rng, lateness = random.Random(seed), int(config["lateness_s"] * 1000)
    last = {event.get("conversation_id"): event["at"] for event in events}
    delays = [0 if e["at"] == last[e.get("conversation_id")] else rng.randrange(lateness) for e in events]
    shaken = [events[place] for place in sorted(range(len(events)), key=lambda n: events[n]["at"] + delays[n])]
    one, other = House(config).run(events, until), House(config).run(shaken, until)
    assert other.outcomes() == one.outcomes()
    assert of_records(full(one.records()), full(other.records())) == []
    calm, stands = ends(one.alerts), ends(other.alerts)
    assert {run: stands.get(run) for run in calm} == calm
    assert {stands[run] for run in stands.keys() - calm.keys()} <= {
        "cancelled",
        "retracted",
    }


def full(records: list[Event]) -> list[Event]:
    """Those of scopes that tell something."""
    telling = {(r["tenant"], r["scope"]) for r in records if any(r["metrics"].values())}
    return [r for r in records if (r["tenant"], r["scope"]) in telling]


@pytest.mark.parametrize("seed", SEEDS)
def test_duplicates_are_harmless(seed: int) -> None:
    config, events, until = scenario(seed)
    events = good(events, until)
    rng = random.Random(seed)
    again = list(events)
    for _ in range(len(events) // 3):
        place = rng.randrange(len(again))
        again.insert(rng.randrange(place, min(len(again), place + 50)) + 1, again[place])
    one, other = (replay(each, config, until) for each in (events, again))
    if one.counts["folded"] != other.counts["folded"]:  # one came back after its conversation was forgotten
        return
    assert of_records(one.kpi, other.kpi) == []
    assert sent(one.alerts) == sent(other.alerts)


# -- one conversation, written by hypothesis --------------------------------------------------------------

ACTS: tuple[Event, ...] = (
    {"type": "message", "direction": "inbound", "author": "customer"},
    {"type": "message", "direction": "inbound", "author": "customer"},
    {"type": "message", "direction": "outbound", "author": "agent", "agent_id": "ana"},
    {"type": "message", "direction": "outbound", "author": "agent", "agent_id": "budi"},
    {"type": "message", "direction": "outbound", "author": "bot"},
    {"type": "handoff", "team": "vip"},
    {"type": "assigned", "agent_id": "ana"},
    {"type": "assigned", "agent_id": None, "team": None},
    {"type": "status", "status": "open"},
    {"type": "status", "status": "pending"},
    {"type": "status", "status": "on_hold"},
    {"type": "status", "status": "resolved"},
    {"type": "priority", "priority": "urgent"},
    {"type": "priority", "priority": "normal"},
    {"type": "tagged", "add": ["spam"], "remove": []},
    {"type": "tagged", "add": [], "remove": ["spam"]},
    {"type": "survey", "survey": "csat", "score": 5},
)


def write(number: int, at: int, act: Event) -> Event:
    common = {"v": 1, "tenant": "acme", "event_id": f"{number * 7919 % 1000:03}.{number}", "at": at}
    return common | {"conversation_id": "c", "channel": "chat"} | act


lives = st.lists(
    st.tuples(
        st.sampled_from(ACTS),
        st.sampled_from([0, 0, 1, 999, 5_000, 10_000, 15_000, 20_000, 30_000, 60_000, 100_000]),
        st.sampled_from([0, 0, 0, 0, 20_000, 59_000, 60_000, 61_000, 300_000]),
    ),
    max_size=60,
)
small = st.fixed_dictionaries(
    {
        "lateness_s": st.sampled_from([0, 60, 600]),
        "reorder_max": st.sampled_from([1, 4, 256]),
        "dedup_max": st.sampled_from([1, 4_096]),
        "sla_policies": st.sampled_from([POLICIES, POLICIES[::2], []]),
    }
)


def arrivals(life: list[tuple[Event, int, int]]) -> list[Event]:
    at, out = T0, []
    for number, (act, pause, delay) in enumerate(life):
        at += pause
        out.append((at + delay, number, write(number, at, act)))
    return [event for _, _, event in sorted(out, key=lambda each: each[:2])]


@given(lives, small, st.sampled_from([0, 1, 60_000, 3_600_000]))
@settings(max_examples=150, deadline=None)
def test_any_life_is_read_as_the_oracle_reads_it(life: list[tuple[Event, int, int]], config: Event, rest: int) -> None:
    events = arrivals(life)
    until = max((event["at"] for event in events), default=T0) + rest
    assert differences(events, config, until) == []


@pytest.mark.parametrize("seed", range(6))
def test_a_conversation_without_a_pause_is_read_as_the_oracle_reads_it(seed: int) -> None:
    """Long enough to move its base on, now by age, now by number, and to condense its facts; or all at once."""
    rng = random.Random(seed)
    step = (2_000, 20_000, 3)[seed % 3]
    life = [
        (rng.choice(ACTS), rng.randrange(step), rng.choice((0,) * 8 + (rng.randrange(20 * step),))) for _ in range(400)
    ]
    config = {
        "lateness_s": rng.choice((30, 120, 600)),
        "reorder_max": rng.choice((8, 40, 256)),
        "sla_policies": POLICIES,
    }
    assert differences(arrivals(life), config, None) == []


def fold_all(events: list[Event], config: Event, *, through_bytes: bool = False) -> tuple[list[Any], History]:
    """Every change of one conversation; `through_bytes` encodes and decodes it after every event."""
    rules = Rules(Settings.from_mapping(config), "acme")
    history = History.begin("c", rules)
    clock, changes = 0, []
    for each in events:
        event = valid(each)
        clock = max(clock, event.at)
        changes.append(history.advance(clock))
        if history.remember(event.event_id, clock):
            changes.append(history.take(step_of(event), clock))
        if through_bytes:
            history = decode(history.encode(), "c", rules)
    return changes, history


def effect(change: Change) -> tuple[Any, ...]:
    """What a change means, wherever the part of the history begins that was folded again for it."""
    before, after = Counter(change.before), Counter(change.facts)
    return before - after, after - before, change.alerts, change.late


def valid(event: Event) -> OfConversation:
    found = decode_event(json.dumps(event).encode(), wall_ms())
    assert isinstance(found, ConversationEvent)
    return found


@given(lives, small)
@settings(max_examples=100, deadline=None)
def test_bytes_of_the_changelog_go_on_as_if_never_encoded(life: list[tuple[Event, int, int]], config: Event) -> None:
    events = arrivals(life)
    straight, kept = fold_all(events, config)
    through, restored = fold_all(events, config, through_bytes=True)
    assert [effect(change) for change in through] == [effect(change) for change in straight]
    assert restored.encode() == kept.encode()


# -- bounds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [0, 45_000, 3_600_000])
@pytest.mark.parametrize("step", [500, 40_000])
def test_state_is_bounded(step: int, delay: int) -> None:
    """Many events, in order, out of order or late, in seconds or over days."""
    rng = random.Random(step)
    config = {"lateness_s": 60, "reorder_max": 16, "dedup_max": 50, "sla_policies": POLICIES}
    rules = Rules(Settings.from_mapping(config), "acme")
    history = History.begin("c", rules)
    clock = T0
    for number in range(1_500):
        clock += rng.randrange(step)
        at = clock - (rng.randrange(delay) if delay and number % 50 else 0)
        event = valid(write(number, at, rng.choice(ACTS)))
        history.advance(clock)
        assert history.remember(event.event_id, clock)
        history.take(step_of(event), clock)
        c = history.c
        assert len(c.ids) <= 12 * 50
        assert len(c.tail) <= max(2 * 16, LONG_TAIL) + LONG_TAIL // 2
        assert len(c.sent) <= 3 * (len(c.tail) + 3)
        assert all(len(run.stood) <= 64 for run in c.state.runs)
    minutes = {fact.minute for fact in history.facts()}
    assert max(minutes) - min(minutes) <= FACTS_KEPT + 1_500 * step // MINUTE // 2
    assert len(history.encode()) < 400_000


def test_a_run_remembers_so_many_pauses() -> None:
    rules = Rules(Settings.from_mapping({"sla_policies": POLICIES[2:]}), "acme")
    history = History.begin("c", rules)
    for number in range(600):
        act = ACTS[0] if not number else {"type": "status", "status": ("open", "pending")[number % 2]}
        history.take(step_of(valid(write(number, T0 + 1000 * number, act))), T0 + 1000 * number)
    (run,) = [run for run in history.c.state.runs if run.metric == 2]
    assert len(run.stood) == 64
    assert sum(until - start for start, until in run.stood) == run.paused


def test_what_was_sent_of_ended_runs_is_let_go() -> None:
    rules = Rules(Settings.from_mapping({"sla_policies": POLICIES[2:], "lateness_s": 60}), "acme")
    history = History.begin("c", rules)
    for number in range(200):
        act = ACTS[0] if number % 2 == 0 else ACTS[2]
        at = T0 + number * 100_000
        history.take(step_of(valid(write(number, at, act))), at)
    assert len(history.c.sent) <= 3
    assert outbox.keep(history.c.sent, [], set()) == []
