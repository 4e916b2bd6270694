"""The KPI records of a tenant at an instant, by plain filtering: contract sections 4 and 5."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.calendar import FOREVER
from tests.oracle.demands import Alert, is_due
from tests.oracle.face import Face, Sample, scopes_of
from tests.oracle.figures import figures
from tests.oracle.rules import Rules

PANE = 60_000
HOUR = 3_600_000
ROLLING = {"5m": 5, "15m": 15, "30m": 30, "1h": 60}
WINDOWS = ("now", *ROLLING, "today", "mtd", "30d")
AGES = (("lt1h", 1), ("lt4h", 4), ("lt24h", 24), ("lt48h", 48))


@dataclass(frozen=True, slots=True)
class Standing:
    """A conversation in a cycle as it stands at an instant: all that the gauges of the instant depend on. `until` is
    the first instant at which it will stand otherwise if no event comes."""

    face: Face
    overdue: bool
    age: str
    until: int


def stand(face: Face, breaches: Sequence[Alert], at: int) -> Standing:
    """`breaches`: those of its runs of the present cycle, now or to come."""
    overdue = any(is_due(breach, at) for breach in breaches)
    changes = [face.opened_at + hours * HOUR for _, hours in AGES]
    changes += [breach.timer + 1 for breach in breaches if breach.timer is not None]
    return Standing(face, overdue, age(face.opened_at, at), min((c for c in changes if c > at), default=FOREVER))


def window_start(window: str, at: int, zone: ZoneInfo) -> int:
    if window == "now":
        return at
    day = datetime.fromtimestamp(at // 1000, zone).date()
    match window:
        case "today":
            return midnight(day, zone)
        case "mtd":
            return midnight(day.replace(day=1), zone)
        case "30d":
            return midnight(day - timedelta(days=29), zone)
    return (at // PANE - ROLLING[window] + 1) * PANE


def midnight(day: date, zone: ZoneInfo) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def windows_of(scope: str) -> Sequence[str]:
    """Days are kept for the tenant, a channel, a team and an agent."""
    return WINDOWS[:-2] if scope.startswith(("topic:", "priority:")) or "/" in scope else WINDOWS


def records(
    tenant: str,
    rules: Rules,
    scopes: Iterable[str],
    samples: Iterable[Sample],
    standing: Iterable[Standing],
    at: int,
) -> list[dict[str, Any]]:
    sampled, standing_in = booked(samples), held(standing)
    out = []
    for scope in sorted(scopes):
        read_already: dict[int, dict[str, Any]] = {}  # of two windows that end together with as many samples: the same
        for window in windows_of(scope):
            start = window_start(window, at, rules.zone)
            if window == "now":
                metrics = read(gauges(standing_in.get(scope, [])), at)
            else:
                inside = [sample for sample in sampled.get(scope, []) if start <= sample.at <= at]
                if len(inside) not in read_already:
                    read_already[len(inside)] = figures(inside, rules)
                metrics = read_already[len(inside)]
            out.append(record(tenant, scope, window, start, at, metrics))
    return out


def booked(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """The samples of each scope that has any."""
    out: dict[str, list[Sample]] = {}
    for sample in samples:
        for scope in sample.scopes:
            out.setdefault(scope, []).append(sample)
    return out


def held(standing: Iterable[Standing]) -> dict[str, list[Standing]]:
    """The conversations of each scope that has any."""
    out: dict[str, list[Standing]] = {}
    for one in standing:
        for scope in scopes_of(one.face, one.face.agent):
            out.setdefault(scope, []).append(one)
    return out


def record(tenant: str, scope: str, window: str, start: int, at: int, metrics: dict[str, Any]) -> dict[str, Any]:
    return {
        "v": 1,
        "tenant": tenant,
        "scope": scope,
        "window": window,
        "window_start_at": start,
        "as_of": at,
        "seq": 0,
        "partial": False,
        "metrics": metrics,
    }


def age(since: int, at: int) -> str:
    return next((name for name, hours in AGES if at - since < hours * HOUR), "ge48h")


def gauges(held: Sequence[Standing]) -> dict[str, Any]:
    """All but `oldest_waiting_s`, which moves with the clock."""
    faces = [one.face for one in held]
    waiting = [face.waiting_since for face in faces if face.waiting_since is not None]
    return {
        "backlog_open": len(faces),
        "backlog_pending": sum(face.status == "pending" for face in faces),
        "backlog_unassigned": sum(face.agent is None for face in faces),
        "backlog_waiting": len(waiting),
        "backlog_overdue": sum(one.overdue for one in held),
        "oldest_waiting_at": min(waiting, default=None),
        "concurrency": sum(face.status == "open" and face.agent is not None for face in faces),
        **{f"backlog_age_{name}": sum(one.age == name for one in held) for name in (*dict(AGES), "ge48h")},
    }


def read(gauged: dict[str, Any], at: int) -> dict[str, Any]:
    """Gauges as a record of `at` has them."""
    oldest = gauged["oldest_waiting_at"]
    return gauged | {"oldest_waiting_s": None if oldest is None else (at - oldest) / 1000}
