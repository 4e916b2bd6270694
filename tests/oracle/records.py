"""The KPI records of a tenant at an instant, by plain filtering: contract sections 4 and 5."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.oracle import business
from tests.oracle.face import Sample
from tests.oracle.figures import figures
from tests.oracle.gauges import Standing, gauges, held, read
from tests.oracle.presence import Staff, Stretch
from tests.oracle.rules import Rules
from tests.oracle.topics import Met, top_topics
from tests.oracle.windows import BY_DAY, WINDOWS, window_start, windows_of
from tests.oracle.worked import Worked, occupied


@dataclass(slots=True)
class View:
    """What is known of a tenant. `samples`: of all its conversations; `standing`: of those in a cycle; `stretches`:
    when conversations occupied agents; `topics`: when a cycle first had each; `business`: its events as they came."""

    tenant: str
    rules: Rules
    scopes: set[str]
    samples: Sequence[Sample]
    standing: Sequence[Standing]
    staff: Staff
    stretches: Sequence[Stretch]
    topics: Sequence[Met]
    business: Sequence[business.Event]


def records(view: View, at: int) -> list[dict[str, Any]]:
    """Every record of a tenant at an instant."""
    sampled, standing_in, zone = booked(view.samples), held(view.standing), view.rules.zone
    worked = Worked(view.scopes, view.staff, view.stretches, zone, at)
    minutes = {window: worked.of(window) for window in WINDOWS[1:]}
    out = []
    for scope in sorted(view.scopes):
        read_already: dict[int, dict[str, Any]] = {}  # of two windows that end together with as many samples: the same
        for window in windows_of(scope):
            start = window_start(window, at, zone)
            if window == "now":
                metrics = read(gauges(scope, standing_in.get(scope, []), view.staff.now), at)
            else:
                inside = [sample for sample in sampled.get(scope, []) if start <= sample.at <= at]
                if len(inside) not in read_already:
                    read_already[len(inside)] = figures(inside, view.rules)
                metrics = read_already[len(inside)] | occupied(scope, minutes[window])
                if scope == "tenant" and window in BY_DAY:
                    metrics |= earned(view, start, at, metrics)
                    metrics |= top_topics(view.topics, window, start, at, zone, metrics["conversations_opened"])
            out.append(record(view.tenant, scope, window, start, at, metrics))
    return out


def earned(view: View, start: int, at: int, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The business figures of the window from `start` on; `metrics` are those of its conversations."""
    cycles = metrics["conversations_resolved"], metrics["conversations_opened"]
    return business.figures(view.business, start, at, cycles, view.rules.formulas, view.rules.currency)


def booked(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """The samples of each scope that has any."""
    out: dict[str, list[Sample]] = {}
    for sample in samples:
        for scope in sample.scopes:
            out.setdefault(scope, []).append(sample)
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
