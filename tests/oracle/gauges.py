"""The gauges of a scope: contract section 5."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.oracle.calendar import FOREVER
from tests.oracle.demands import Alert, is_due
from tests.oracle.face import Face, encoded, scopes_of

HOUR = 3_600_000
AGES = (("lt1h", 1), ("lt4h", 4), ("lt24h", 24), ("lt48h", 48))
Gauges = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """A conversation in a cycle as it stands at an instant: all that the gauges of the instant depend on. `until` is
    the first instant at which it will stand otherwise if no event comes."""

    face: Face
    overdue: bool
    age: str
    until: int


def stand(face: Face, breaches: Sequence[Alert], at: int, *, past: bool = False) -> Standing:
    """`breaches`: those of its runs of the present cycle, now or to come. `past`: the clock is past the instant, so
    that its timers have acted."""
    overdue = any(is_due(breach, at + past) for breach in breaches)
    changes = [timer + 1 - past for timer in timers(breaches)] + ages(face)
    return Standing(face, overdue, age(face.opened_at, at), min((c for c in changes if c > at), default=FOREVER))


def timers(breaches: Sequence[Alert]) -> list[int]:
    return [breach.timer for breach in breaches if breach.timer is not None]


def ages(face: Face) -> list[int]:
    """The instants at which a conversation in a cycle gets into another bracket of age."""
    return [face.opened_at + hours * HOUR for _, hours in AGES]


def held(standing: Iterable[Standing]) -> dict[str, list[Standing]]:
    """The conversations of each scope that has any."""
    out: dict[str, list[Standing]] = {}
    for one in standing:
        for scope in scopes_of(one.face, one.face.agent):
            out.setdefault(scope, []).append(one)
    return out


def age(since: int, at: int) -> str:
    return next((name for name, hours in AGES if at - since < hours * HOUR), "ge48h")


def gauges(scope: str, held: Sequence[Standing], online: Collection[str]) -> dict[str, Any]:
    """All but `oldest_waiting_s`, which moves with the clock. `online`: the agents who are."""
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
        **agents_online(scope, online),
    }


@cache
def nothing(scope: str) -> Gauges:
    """Those of a scope in which there is nothing."""
    return gauges(scope, [], ())


def all_gauges(standing: Iterable[Standing], online: Collection[str]) -> dict[str, Gauges]:
    """Those of every scope in which there is anything."""
    standing_in = held(standing)
    scopes = standing_in.keys() | ({"tenant"} if online else set()) | {f"agent:{encoded(agent)}" for agent in online}
    return {scope: gauges(scope, standing_in.get(scope, []), online) for scope in scopes}


def agents_online(scope: str, online: Collection[str]) -> dict[str, int]:
    if scope == "tenant":
        return {"agents_online": len(online)}
    if scope.startswith("agent:") and "/" not in scope:
        return {"agents_online": sum(f"agent:{encoded(agent)}" == scope for agent in online)}
    return {}


def read(gauged: dict[str, Any], at: int) -> dict[str, Any]:
    """Gauges as a record of `at` has them."""
    oldest = gauged["oldest_waiting_at"]
    return gauged | {"oldest_waiting_s": None if oldest is None else (at - oldest) / 1000}
