"""What scenarios are made of: names, days, configurations, and bad input."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from tests.scenario_calendars import calendars

Event = dict[str, Any]
Config = dict[str, Any]
Scenario = tuple[Config, list[Event], int | None]

SECOND, MINUTE, QUARTER, HOUR, DAY = 1000, 60_000, 900_000, 3_600_000, 86_400_000
RETAIN = 7 * DAY
ZONES = ("Europe/Berlin", "Asia/Jakarta", "America/New_York", "UTC")
DAYS = {  # local dates with a change of the clocks first
    "Europe/Berlin": ((2024, 3, 31), (2024, 10, 27), (2024, 6, 12)),
    "America/New_York": ((2024, 3, 10), (2024, 11, 3), (2024, 7, 1)),
    "Asia/Jakarta": ((2024, 3, 1), (2024, 12, 31)),
    "UTC": ((2024, 2, 29), (2024, 5, 5)),
}
TENANTS = ("acme", "globex", "initech")
CHANNELS = ("chat", "whatsapp", "email", "phone")
AGENTS = ("ana", "budi/jkt", "eve|x", "jo ann", "100%", "c:d", "zoé")
TEAMS = ("billing", "tier 2", "a/b", "vip")
TOPICS = ("refund", "login", "50% off", "x:y")
PRIORITIES = ("low", "normal", "high", "urgent")
MARKS = ("a", "Z", "0", "é", "\uffdc", "\U0001f600", "~", "-")  # the last but two sort otherwise as UTF-16
PLOTS = ("compact", "compact", "day", "day", "weeks")
FORMULAS = ("ignore_abandoned", "abandoned_missed", "abandoned_met")
VARIANTS = {
    "frt_mean": ("responded", "resolved"),
    "handle_mean": ("resolved", "customers"),
    "fcr": ("resolved", "received"),
    "ces": ("high_is_easy", "low_is_easy"),
    "cost_per_resolution": ("resolved", "received"),
    "net_revenue_retention": ("existing", "with_new"),
}
CUSTOMERS = ("k1", "k2", "k3", "k4", "k5")
PRESENCE = ("online", "online", "busy", "away", "offline")
SUBSCRIBERS = ("k1", "s 2/x", "s3", "s4")
KINDS = ("new", "expansion", "contraction", "cancel")
AMOUNTS = (0, 0.01, 10, 33.33, 100, 250.5, 1e9)
CURRENCIES = ("EUR", "EUR", "EUR", "IDR")
VISITORS = ("x", "y", "z", "k1")


def configuration(rng: random.Random, zone: str, tenants: Sequence[str], day: date) -> Config:
    """A configuration of contract section 10, without thresholds and goals, for a scenario that begins on `day`."""
    given = calendars(rng, zone, ZONES, day)
    config: Config = {
        "calendars": given,
        "timezone": zone,
        "lateness_s": rng.choice((600, 600, 120, 30)),
        "service_level": {"formula": rng.choice(FORMULAS), "short_abandon_s": rng.choice((5, 5, 10, 0))},
        "sla_policies": [_policy(rng, n, tenants, given) for n in range(rng.choice((0, 1, 2, 3, 4)))],
    }
    if rng.random() < 0.6:
        config["service_level"]["threshold_s"] = {"chat": rng.choice((60, 20)), "whatsapp": 300, "email": 14_400}
        config["service_level"]["threshold_s"]["default"] = rng.choice((300, 45))
    if rng.random() < 0.6:
        config["tenants"] = {tenants[-1]: _override(rng, tenants, given)}
    if rng.random() < 0.6:
        config["formulas"] = _variants(rng)
    if rng.random() < 0.2:
        config["retain_s"] = 3 * DAY // 1000
    if rng.random() < 0.3:
        config["currency"] = rng.choice(CURRENCIES)
    return config


def _variants(rng: random.Random) -> Config:
    return {name: rng.choice(VARIANTS[name]) for name in rng.sample(sorted(VARIANTS), rng.randint(1, 4))}


def _override(rng: random.Random, tenants: Sequence[str], given: Config) -> Config:
    choices: list[Config] = [
        {"timezone": rng.choice(ZONES)},
        {"service_level": {"formula": rng.choice(FORMULAS)}},
        {"service_level": {"threshold_s": {"chat": 90}}},
        {"lateness_s": 60},
        {"sla_policies": [_policy(rng, 9, tenants, given)]},
        {"formulas": _variants(rng)},
        {"currency": "USD"},
        {"calendars": {name: {"tz": rng.choice(ZONES)} for name in given}},
    ]
    over: Config = {}
    for choice in rng.sample(choices, rng.randint(1, 2)):
        over |= choice
    return over


def _policy(rng: random.Random, number: int, tenants: Sequence[str], given: Config) -> Config:
    matches: list[Config] = [
        {},
        {"priority": rng.choice(PRIORITIES)},
        {"team": rng.choice(TEAMS)},
        {"topic": rng.choice(TOPICS)},
        {"channel": rng.choice(CHANNELS)},
        {"tenant": rng.choice(tenants), "priority": "normal"},
        {"channel": "chat", "priority": "urgent"},
        {"channel": ["email", "whatsapp"]},
    ]
    targets = {
        "first_response": rng.choice((10, 60, 61, 300)),
        "next_response": rng.choice((30, 120, 600)),
        "resolution": rng.choice((300, 3600, 90_000)),
    }
    if rng.random() < 0.3:
        del targets[rng.choice(sorted(targets))]
    if rng.random() < 0.4:
        targets["reply_window"] = rng.choice((120, 3600, 86_400, 90_000))
    policy: Config = {"name": f"p{number}", "targets": targets}
    if match := rng.choice(matches):
        policy["match"] = match
    if rng.random() < 0.8:
        policy["warn"] = rng.choice(([0.5, 0.8, "-30s"], [0.5], ["-5s"], [0.25, "-30s"], [0.75, 0.9]))
    if rng.random() < 0.4:
        policy["pause_on"] = rng.choice(
            (
                {"resolution": ["pending", "on_hold"]},
                {"resolution": []},
                {"first_response": ["pending"], "next_response": ["on_hold"], "resolution": ["pending"]},
                {"next_response": ["pending", "on_hold"], "reply_window": ["pending", "on_hold"]},
            )
        )
    if given and rng.random() < 0.6:
        policy["calendar"] = rng.choice(sorted(given))
    return policy


def measures(config: Config) -> list[int]:
    """Durations (ms) that something of the configuration turns on."""
    service = config["service_level"]
    out: list[float] = [60, 300, service["short_abandon_s"], *service.get("threshold_s", {}).values()]
    for policy in config["sla_policies"]:
        for target in policy["targets"].values():
            levels = policy.get("warn", ())
            out += [target, *(target - int(w[1:-1]) if isinstance(w, str) else target * w for w in levels)]
    out += [rule["for_s"] for rule in config.get("alert_rules", ()) if "for_s" in rule]
    return sorted({round(seconds * 1000) for seconds in out})


def spoilt(rng: random.Random, good: Event, event_id: str) -> Event:
    """Bad input: a good event with one thing wrong."""
    spoil: tuple[Callable[[Event], Event], ...] = (
        lambda e: e | {"type": "mystery"},
        lambda e: e | {"v": 2},
        lambda e: e | {"at": str(e["at"])},
        lambda e: e | {"at": -5},
        lambda e: e | {"at": float(e["at"]) + 0.5},
        lambda e: {k: v for k, v in e.items() if k != "event_id"},
        lambda e: {k: v for k, v in e.items() if k != "conversation_id"},
        lambda e: {k: v for k, v in e.items() if k != "tenant"},
        lambda e: e | {"conversation_id": 17},
        lambda e: e | {"event_id": ""},
        lambda e: e | {"event_id": "x" * 513},
        lambda e: e | {"type": "survey", "survey": "csat", "score": 6},
        lambda e: e | {"type": "survey", "survey": "nps", "score": -1},
        lambda e: e | {"type": "survey", "survey": "ces", "score": "7"},
        lambda e: e | {"type": "status", "status": "closed"},
        lambda e: e | {"type": "priority", "priority": "P1"},
        lambda e: e | {"type": "message", "direction": "outbound", "author": "robot"},
        lambda e: (
            {k: v for k, v in e.items() if k != "agent_id"}
            | {"type": "message", "direction": "outbound", "author": "agent"}
        ),
        lambda e: e | {"type": "tagged", "add": "refund", "remove": []},
        lambda e: e | {"type": "message", "direction": "inbound", "author": "customer", "private": "no"},
    )
    if type(good.get("at")) is not int or good["at"] < 0:
        return {"v": 1}
    return rng.choice(spoil)(good | {"event_id": event_id})
