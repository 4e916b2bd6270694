"""The KPI records of a tenant at an instant, by plain filtering: contract sections 4 and 5."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.face import Face, Sample, scopes_of

PANE = 60_000
HOUR = 3_600_000
ROLLING = {"5m": 5, "15m": 15, "30m": 30, "1h": 60}
WINDOWS = ("now", *ROLLING, "today")
AGES = (("lt1h", 1), ("lt4h", 4), ("lt24h", 24), ("lt48h", 48))


@dataclass(frozen=True, slots=True)
class Standing:
    """One conversation as it stands at the end."""

    face: Face
    overdue: bool


def window_start(window: str, at: int, zone: ZoneInfo) -> int:
    if window == "now":
        return at
    if window == "today":
        day = datetime.fromtimestamp(at // 1000, zone)
        return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
    return (at // PANE - ROLLING[window] + 1) * PANE


def records(
    tenant: str,
    zone: ZoneInfo,
    formula: str,
    scopes: Iterable[str],
    samples: Iterable[Sample],
    standing: Iterable[Standing],
    at: int,
) -> list[dict[str, Any]]:
    booked: dict[str, list[Sample]] = {scope: [] for scope in scopes}
    held: dict[str, list[Standing]] = {scope: [] for scope in scopes}
    for sample in samples:
        for scope in sample.scopes:
            booked[scope].append(sample)
    for one in standing:
        if one.face.in_cycle:
            for scope in scopes_of(one.face, one.face.agent):
                held[scope].append(one)
    out = []
    for scope in sorted(booked):
        for window in WINDOWS:
            start = window_start(window, at, zone)
            if window == "now":
                metrics = gauges(held[scope], at)
            else:
                metrics = figures([sample for sample in booked[scope] if start <= sample.at <= at], formula)
            out.append(
                {
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
            )
    return out


def gauges(held: Sequence[Standing], at: int) -> dict[str, Any]:
    faces = [one.face for one in held]
    waiting = [face.waiting_since for face in faces if face.waiting_since is not None]
    oldest = min(waiting, default=None)
    ages = [at - face.opened_at for face in faces]
    out: dict[str, Any] = {
        "backlog_open": len(faces),
        "backlog_pending": sum(face.status == "pending" for face in faces),
        "backlog_unassigned": sum(face.agent is None for face in faces),
        "backlog_waiting": len(waiting),
        "backlog_overdue": sum(one.overdue for one in held),
        "oldest_waiting_at": oldest,
        "oldest_waiting_s": None if oldest is None else (at - oldest) / 1000,
        "concurrency": sum(face.status == "open" and face.agent is not None for face in faces),
    }
    floor = 0
    for name, hours in AGES:
        out[f"backlog_age_{name}"] = sum(floor <= age < hours * HOUR for age in ages)
        floor = hours * HOUR
    out["backlog_age_ge48h"] = sum(age >= floor for age in ages)
    return out


def figures(samples: Sequence[Sample], formula: str) -> dict[str, Any]:
    def count(kind: str) -> int:
        return sum(sample.kind == kind for sample in samples)

    def distinct(kind: str) -> int:
        return len({sample.conversation_id for sample in samples if sample.kind == kind})

    counted = ("messages_in", "messages_out", "conversations_opened", "conversations_reopened")
    out: dict[str, Any] = {kind: count(kind) for kind in (*counted, "conversations_resolved")}
    out["conversations_active"] = distinct("touch_active")
    out["conversations_handled"] = distinct("touch_handled")
    for kind in ("frt", "nrt"):
        out |= durations(kind, [sample.value for sample in samples if sample.kind == kind])
    met, missed, abandoned = (count(f"sl_{decision}") for decision in ("met", "missed", "abandoned"))
    out |= {"sl_met": met, "sl_missed": missed, "sl_abandoned": abandoned}
    out["service_level_ratio"] = service_level(formula, met, missed, abandoned)
    return out


def durations(kind: str, values: Sequence[int]) -> dict[str, Any]:
    n, ranked = len(values), sorted(values)
    out: dict[str, Any] = {f"{kind}_count": n, f"{kind}_mean_s": sum(values) / n / 1000 if n else None}
    for percent in (50, 90, 95):
        rank = math.ceil(percent * n / 100)  # q·n with a whole product: no rounding of 0.9·10
        out[f"{kind}_p{percent}_s"] = ranked[rank - 1] / 1000 if n else None
    out[f"{kind}_max_s"] = ranked[-1] / 1000 if n else None
    return out


def service_level(formula: str, met: int, missed: int, abandoned: int) -> float | None:
    good, all_ = {
        "ignore_abandoned": (met, met + missed),
        "abandoned_missed": (met, met + missed + abandoned),
        "abandoned_met": (met + abandoned, met + missed + abandoned),
    }[formula]
    return good / all_ if all_ else None
