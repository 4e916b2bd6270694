"""The settings that change a number, read from the plain mapping of contract section 10."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

METRICS = ("first_response", "next_response", "resolution")
THRESHOLDS = {"chat": 60, "whatsapp": 300, "email": 14_400, "default": 300}
DEFAULTS: dict[str, Any] = {
    "timezone": "UTC",
    "lateness_s": 600,
    "retain_s": 604_800,
    "dedup_max": 4096,
    "reorder_max": 256,
    "service_level": {"formula": "ignore_abandoned", "short_abandon_s": 5, "threshold_s": THRESHOLDS},
    "sla_policies": [],
}


@dataclass(frozen=True, slots=True)
class Policy:
    """One SLA policy; durations in ms. `needs[metric]` are the open ms at which each warning is due."""

    name: str
    match: Mapping[str, str]
    targets: Mapping[str, int]
    needs: Mapping[str, tuple[int, ...]]
    pause_on: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of one tenant; durations in ms."""

    zone: ZoneInfo
    lateness: int
    retain: int
    dedup_max: int
    reorder_max: int
    formula: str
    short_abandon: int
    thresholds: Mapping[str, int]
    policies: tuple[Policy, ...]

    def threshold(self, channel: str) -> int:
        return self.thresholds.get(channel, self.thresholds["default"])


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
    return Rules(
        zone=ZoneInfo(chosen["timezone"]),
        lateness=to_ms(chosen["lateness_s"]),
        retain=to_ms(chosen["retain_s"]),
        dedup_max=chosen["dedup_max"],
        reorder_max=chosen["reorder_max"],
        formula=level["formula"],
        short_abandon=to_ms(level["short_abandon_s"]),
        thresholds={channel: to_ms(seconds) for channel, seconds in level["threshold_s"].items()},
        policies=tuple(_policy(entry) for entry in chosen["sla_policies"]),
    )


def _policy(entry: Mapping[str, Any]) -> Policy:
    targets = {metric: to_ms(seconds) for metric, seconds in entry["targets"].items() if seconds is not None}
    pause_on = {"resolution": ["pending"], **(entry.get("pause_on") or {})}
    return Policy(
        name=entry["name"],
        match=dict(entry.get("match") or {}),
        targets=targets,
        needs={metric: tuple(_need(level, ms) for level in entry.get("warn") or ()) for metric, ms in targets.items()},
        pause_on={metric: frozenset(statuses) for metric, statuses in pause_on.items()},
    )


def _need(level: float | str, target: int) -> int:
    """Open ms after which a warning is due: a fraction of the target, or `"-30s"` before its end."""
    if isinstance(level, str):
        return target - to_ms(float(level.removeprefix("-").removesuffix("s")))
    return round(level * target)
