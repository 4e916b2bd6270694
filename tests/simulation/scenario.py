"""What a seed is about: settings, events and when the broker gets them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, NamedTuple
from zlib import crc32

from tables.settings import Settings

Event = dict[str, Any]
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
JUMP = 290 * SECOND
"""How far a wall clock jumps: with what is delayed it stays within the lateness, and within what `at` may be ahead."""
_DELAY = 180 * SECOND
_STARTS = (
    1_750_000_500_000,
    1_750_006_800_000 - 40 * MINUTE,  # Jakarta's midnight is near
    1_711_846_800_000 - 30 * MINUTE,  # so is Berlin's change of the clocks
)
_CONFIG: Event = {
    "timezone": "Asia/Jakarta",
    "tenants": {"globex": {"timezone": "Europe/Berlin", "lateness_s": 900}},
    "service_level": {"threshold_s": {"chat": 20, "default": 90}, "short_abandon_s": 5},
    "calendars": {
        "office": {"tz": "Asia/Jakarta", "hours": {day: [["09:00", "24:00"]] for day in ("mon", "wed", "sun")}}
    },
    "sla_policies": [
        {
            "name": "urgent",
            "match": {"priority": "urgent"},
            "targets": {"first_response": 10, "next_response": 20, "resolution": 300},
            "warn": [0.5],
        },
        {"name": "mail", "match": {"channel": "email"}, "calendar": "office", "targets": {"first_response": 600}},
        {
            "name": "all",
            "targets": {"first_response": 60, "next_response": 120, "resolution": 1800},
            "warn": [0.5, "-5s"],
            "pause_on": {"resolution": ["pending", "on_hold"], "next_response": ["on_hold"]},
        },
    ],
}
_RULES: list[Event] = [
    {"name": "old", "scope": "tenant", "metric": "oldest_waiting_s", "window": "now", "above": 45, "severity": "page"},
    {
        "name": "queue",
        "scope": "channel:*",
        "metric": "backlog_waiting",
        "window": "now",
        "above": 0,
        "for_s": 30,
        "severity": "info",
    },
]
_AGENTS, _TEAMS, _TOPICS = ("ana", "budi/jkt"), ("billing", "tier 2"), ("refund", "login")
_WEIGHTS = {
    "customer": 30,
    "reply": 22,
    "resolved": 10,
    "status": 7,
    "assigned": 7,
    "presence": 7,
    "priority": 4,
    "tagged": 4,
    "handoff": 4,
    "bot": 4,
    "survey": 4,
    "delivery": 2,
    "note": 2,
    "business": 3,
    "bad": 1,
}
_MESSAGES: dict[str, Event] = {
    "customer": {"direction": "inbound", "author": "customer"},
    "reply": {"direction": "outbound", "author": "agent"},
    "bot": {"direction": "outbound", "author": "bot"},
    "note": {"direction": "outbound", "author": "agent", "private": True},
}


class Arrival(NamedTuple):
    """One record: when the broker gets it, in which partition."""

    instant: int
    partition: int
    key: bytes
    value: bytes


@dataclass(slots=True)
class Scenario:
    """Everything that the faults are about to happen to."""

    partitions: int
    settings: Settings
    arrivals: list[Arrival]
    ordered: bool
    """Whether every event arrives at its `at`."""
    rules: bool


@cache
def settings(*, rules: bool, forgetful: bool) -> Settings:
    """With `forgetful` only offsets tell that a record has been folded, not the ids that a conversation remembers."""
    config = _CONFIG | ({"alert_rules": _RULES} if rules else {}) | ({"dedup_max": 1} if forgetful else {})
    return Settings.from_mapping(config)


def scenario(rng: Random) -> Scenario:
    """One that `rng` chooses: a fifth of an hour to a day."""
    partitions, ordered, rules = rng.choice((2, 2, 3)), rng.random() < 0.5, rng.random() < 0.25
    forgetful = ordered and rng.random() < 0.5
    arrivals = []
    for event in _events(rng):
        value, key = json.dumps(event).encode(), _key(event)
        if event["type"] == "bad":
            value = rng.choice((b"{", value, b""))
        delay = 0 if ordered else rng.choice((0, 0, 40, rng.randrange(3_000), rng.randrange(_DELAY)))
        arrivals.append(Arrival(event["at"] + delay, crc32(key) % partitions, key, value))
        if not forgetful and rng.random() < 0.07:
            again = arrivals[-1].instant + rng.randrange(2 * MINUTE)
            arrivals.append(arrivals[-1]._replace(instant=again))
    arrivals.sort(key=lambda each: each.instant)
    return Scenario(partitions, settings(rules=rules, forgetful=forgetful), arrivals, ordered, rules)


def _events(rng: Random) -> list[Event]:
    length = rng.choice((12 * MINUTE, 40 * MINUTE, 2 * HOUR, 8 * HOUR, 26 * HOUR))
    count = rng.randrange(15, 45)
    at = rng.choice(_STARTS) + rng.randrange(10 * MINUTE)
    tenants = rng.choice((("acme",), ("acme",), ("acme", "globex")))
    conversations = rng.randrange(2, 7)
    events = []
    for number in range(count):
        kind = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        place = rng.randrange(conversations)
        # What happens at one instant counts in the order of the ids.
        event: Event = {"v": 1, "tenant": tenants[place % len(tenants)], "event_id": f"e{number:02}"}
        if kind not in {"presence", "business"}:
            event |= {"conversation_id": f"c{place}", "channel": ("chat", "whatsapp", "email")[place % 3]}
        events.append(event | {"at": at} | _more(rng, kind, at))
        at += rng.choice((0, rng.randrange(SECOND), rng.randrange(MINUTE), int(rng.expovariate(count / length))))
    return events


def _more(rng: Random, kind: str, at: int) -> Event:
    agent, team = {"agent_id": rng.choice(_AGENTS)}, {"team": rng.choice(_TEAMS)}
    match kind:
        case "customer" | "reply" | "bot" | "note":
            who = {"customer_id": f"h{rng.randrange(3)}"} if kind == "customer" else agent
            return {"type": "message"} | _MESSAGES[kind] | who
        case "resolved":
            return {"type": "status", "status": "resolved"}
        case "status":
            return {"type": "status", "status": rng.choice(("pending", "on_hold", "open"))}
        case "assigned":
            return {"type": kind} | rng.choice((agent, team, agent | team, {"agent_id": None}))
        case "priority":
            return {"type": kind, "priority": rng.choice(("urgent", "normal"))}
        case "tagged":
            return {"type": kind, "add": [rng.choice(_TOPICS)], "remove": rng.sample(_TOPICS, rng.randrange(2))}
        case "presence":
            return {"type": kind, "state": rng.choice(("online", "busy", "away", "offline")), "capacity": 3} | agent
        case _:
            return _beside(rng, kind, at)


def _beside(rng: Random, kind: str, at: int) -> Event:
    match kind:
        case "survey":
            survey, score = rng.choice((("csat", 5), ("nps", 3), ("ces", 6)))
            return {"type": kind, "survey": survey, "score": score}
        case "delivery":
            return {"type": kind, "message_id": "m", "state": rng.choice(("sent", "failed"))}
        case "business":
            return _business(rng, at)
        case _:
            return {"type": kind}


def _business(rng: Random, at: int) -> Event:
    mrr = {"mrr_before": rng.choice((0, 10)), "mrr_after": rng.choice((0, 20, 40)), "currency": "EUR"}
    period = {"period_start_at": at - HOUR, "period_end_at": at + HOUR, "currency": "EUR"}
    return rng.choice(
        (
            {"type": "subscription", "customer_id": f"s{rng.randrange(2)}", "kind": "expansion"} | mrr,
            {"type": rng.choice(("cost", "revenue")), "amount": 64} | period,
            {"type": rng.choice(("visit", "conversion")), "visitor_id": f"v{rng.randrange(3)}"},
        )
    )


def _key(event: Event) -> bytes:
    owner = event.get("conversation_id") or event.get("agent_id") or event.get("customer_id") or event.get("visitor_id")
    return f"{event['tenant']}/{owner or event['event_id']}".encode()
