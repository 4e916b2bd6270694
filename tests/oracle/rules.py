"""The settings that change a number, read from the plain mapping of contract section 10."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.calendar import AROUND_THE_CLOCK, Calendar, Hours, calendar
from tests.oracle.thresholds import Rule, rule_from

THRESHOLDS = {"chat": 60, "whatsapp": 300, "email": 14_400, "default": 300}
DEFAULTS: dict[str, Any] = {
    "timezone": "UTC",
    "lateness_s": 600,
    "retain_s": 604_800,
    "dedup_max": 4096,
    "reorder_max": 256,
    "service_level": {"formula": "ignore_abandoned", "short_abandon_s": 5, "threshold_s": THRESHOLDS},
    "formulas": {
        "frt_mean": "responded",
        "handle_mean": "resolved",
        "fcr": "resolved",
        "ces": "high_is_easy",
        "cost_per_resolution": "resolved",
        "net_revenue_retention": "existing",
    },
    "currency": None,
    "calendars": {},
    "sla_policies": [],
    "alert_rules": [],
}


@dataclass(frozen=True, slots=True)
class Policy:
    """One SLA policy; durations in ms, of time open by its `hours`. `needs[metric]` are the open ms at which each
    warning is due."""

    name: str
    match: Mapping[str, frozenset[str]]
    targets: Mapping[str, int]
    needs: Mapping[str, tuple[int, ...]]
    pause_on: Mapping[str, frozenset[str]]
    hours: Hours


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """The settings of one tenant; durations in ms. `formula` is the service level's, `formulas` are all others."""

    zone: ZoneInfo
    lateness: int
    retain: int
    dedup_max: int
    reorder_max: int
    formula: str
    formulas: Mapping[str, str]
    currency: str | None
    short_abandon: int
    thresholds: Mapping[str, int]
    policies: tuple[Policy, ...]
    alert_rules: tuple[Rule, ...]

    def threshold(self, channel: str) -> int:
        return self.thresholds.get(channel, self.thresholds["default"])


@cache
def choose(
    rules: Rules, tenant: str, channel: str, priority: str, team: str | None, topics: frozenset[str]
) -> Policy | None:
    """The policy in force: the first that matches."""
    has: dict[str, Collection[str | None]] = {"tenant": [tenant], "channel": [channel], "priority": [priority]}
    has |= {"team": [team], "topic": topics}
    for policy in rules.policies:
        if all(allowed.intersection(has[key]) for key, allowed in policy.match.items()):
            return policy
    return None


def to_ms(seconds: float) -> int:
    return round(seconds * 1000)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged key by key, anything else is replaced."""
    out = dict(base)
    for key, value in over.items():
        old = out.get(key)
        out[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return out


def rules_for(config: Mapping[str, Any] | None, tenant: str) -> Rules:
    given = dict(config or {})
    tenants = given.pop("tenants", None) or {}
    chosen = merged(merged(DEFAULTS, given), tenants.get(tenant) or {})
    level = chosen["service_level"]
    calendars = {name: calendar(entry) for name, entry in chosen["calendars"].items()}
    return Rules(
        zone=ZoneInfo(chosen["timezone"]),
        lateness=to_ms(chosen["lateness_s"]),
        retain=to_ms(chosen["retain_s"]),
        dedup_max=chosen["dedup_max"],
        reorder_max=chosen["reorder_max"],
        formula=level["formula"],
        formulas=chosen["formulas"],
        currency=chosen["currency"],
        short_abandon=to_ms(level["short_abandon_s"]),
        thresholds={channel: to_ms(seconds) for channel, seconds in level["threshold_s"].items()},
        policies=tuple(_policy(entry, calendars) for entry in chosen["sla_policies"]),
        alert_rules=tuple(map(rule_from, chosen["alert_rules"])),
    )


def _policy(entry: Mapping[str, Any], calendars: Mapping[str, Calendar]) -> Policy:
    targets = {metric: to_ms(seconds) for metric, seconds in entry["targets"].items() if seconds is not None}
    pause_on = {"resolution": ["pending"], **(entry.get("pause_on") or {})}
    match = entry.get("match") or {}
    return Policy(
        name=entry["name"],
        match={key: frozenset([value] if isinstance(value, str) else value) for key, value in match.items()},
        targets=targets,
        needs={metric: tuple(_need(level, ms) for level in entry.get("warn") or ()) for metric, ms in targets.items()},
        pause_on={metric: frozenset(statuses) for metric, statuses in pause_on.items()},
        hours=calendars[entry["calendar"]] if entry.get("calendar") else AROUND_THE_CLOCK,
    )


def _need(level: float | str, target: int) -> int:
    """Open ms after which a warning is due: a fraction of the target, or `"-30s"` (or `m`, `h`) before its end."""
    if isinstance(level, str):
        return target - to_ms(float(level[1:-1]) * {"s": 1, "m": 60, "h": 3600}[level[-1]])
    return round(level * target)
