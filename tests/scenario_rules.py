"""The threshold rules of scenarios: over gauges and windows, in single scopes and all of a kind."""

from __future__ import annotations

import random
from typing import Any

Config = dict[str, Any]
GAUGES: dict[str, tuple[float, ...]] = {  # metric: values that it may have
    "backlog_open": (0, 1, 2, 4),
    "backlog_waiting": (0, 1, 2),
    "backlog_unassigned": (0, 1),
    "backlog_overdue": (0, 1),
    "backlog_age_lt1h": (0, 1, 3),
    "backlog_age_lt24h": (0, 1),
    "concurrency": (0, 1, 2),
    "oldest_waiting_s": (0, 10, 60, 300, 3600),
}
ONLINE: dict[str, tuple[float, ...]] = {"agents_online": (0, 1, 2)}
SAMPLED: dict[str, tuple[float, ...]] = {
    "messages_in": (0, 1, 3),
    "conversations_active": (0, 1, 2),
    "frt_count": (0, 1),
    "frt_mean_s": (10, 60, 300),
    "sl_missed": (0, 1),
    "service_level_ratio": (0, 0.5, 0.8),
    "fcr_ratio": (0, 0.5, 1),
    "csat_mean": (2, 3.5),
}
STAFFED: dict[str, tuple[float, ...]] = {"occupancy_ratio": (0, 0.5, 0.9), "occupancy_online": (1, 30)}
WITH_DAYS = ("tenant", "channel:*", "channel:chat", "agent:*", "agent:budi%2Fjkt", "team:*")
SCOPES = (*WITH_DAYS, "tenant", "agent:*/channel:*", "agent:*/channel:chat", "topic:*", "priority:urgent")
WINDOWS = ("5m", "15m", "15m", "1h", "today", "mtd", "30d")
HOLDS = (0, 0.001, 30, 60, 60, 61, 300, 1800)


def alert_rules(rng: random.Random) -> list[Config]:
    return [_rule(rng, f"r{n}") for n in range(rng.choice((1, 2, 2, 3)))]


def _rule(rng: random.Random, name: str) -> Config:
    scope = rng.choice(SCOPES)
    window = rng.choice(("now", rng.choice(WINDOWS if scope in WITH_DAYS else WINDOWS[:-2])))
    if window == "now":
        metrics = GAUGES | (ONLINE if scope in ("tenant", "agent:*", "agent:budi%2Fjkt") else {})
    else:
        metrics = SAMPLED | (STAFFED if scope == "tenant" and window in ("5m", "15m") else {})
    metric = rng.choice(sorted(metrics))
    low, high = sorted(rng.choices(metrics[metric], k=2))
    below = rng.random() < 0.4
    rule: Config = {"name": name, "scope": scope, "metric": metric, "window": window}
    rule |= {"below": low} if below else {"above": high}
    if rng.random() < 0.5:
        rule["clear"] = high if below else low
    if rng.random() < 0.7:
        rule["for_s"] = rng.choice(HOLDS)
    if rng.random() < 0.5:
        rule["no_data"] = rng.choice(("resolve", "keep"))
    if rng.random() < 0.3:
        rule["severity"] = rng.choice(("page", "info"))
    return rule
