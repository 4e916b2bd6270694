"""The interval records of a tenant: contract sections 4 and 5.

An interval [S, E) has two instants at which the world is looked at, each as it is known before the event that moves
the clock past it: E, for the gauges, and E plus the lateness, for the samples. What is learnt later changes neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.face import Sample
from tests.oracle.figures import figures
from tests.oracle.rules import Rules
from tests.oracle.windows import Standing, booked, gauges, held, read, record

QUARTER = 900_000
NOTHING = gauges([])  # those of a scope without conversations
Gauges = dict[str, Any]


def passed(old: int, new: int, after: int = 0) -> Sequence[int]:
    """The ends E whose E + `after` the clock passes on its way from `old` to `new`; past it is later than it."""
    first, stop = (-((after - clock) // QUARTER) * QUARTER for clock in (old, new))
    return range(first, stop, QUARTER)


@dataclass(slots=True)
class Intervals:
    """`pending`: the gauges by scope at the ends that the clock has passed, until their intervals close."""

    tenant: str
    rules: Rules
    records: list[dict[str, Any]] = field(default_factory=list)
    pending: dict[int, dict[str, Gauges]] = field(default_factory=dict)
    last: dict[str, Gauges] = field(default_factory=dict)  # scope -> those of its last record

    def move(
        self, old: int, new: int, standing: Callable[[int], list[Standing]], samples: Callable[[], list[Sample]]
    ) -> None:
        """The clock moves; `standing` and `samples` say what is known before the event that moves it."""
        seen, gauged = list[Standing](), dict[str, Gauges]()
        for end in passed(old, new):
            if (now := standing(end)) != seen:  # from one end to the next nothing changes but an age or a breach
                seen, gauged = now, {scope: gauges(theirs) for scope, theirs in held(now).items()}
            self.pending[end] = gauged
        closing = passed(old, new, self.rules.lateness)
        known = samples() if closing else []
        for end in closing:
            self.close(end, known)

    def close(self, end: int, samples: list[Sample]) -> None:
        start, now = end - QUARTER, self.pending.pop(end, {})
        theirs = booked(sample for sample in samples if start <= sample.at < end)
        for scope in sorted(theirs.keys() | now.keys() | self.last.keys()):
            gauged = now.get(scope, NOTHING)
            if scope in theirs or gauged != self.last.get(scope, NOTHING):
                self.last[scope] = gauged
                metrics = figures(theirs.get(scope, []), self.rules) | read(gauged, end)
                self.records.append(record(self.tenant, scope, "interval", start, end, metrics) | {"seq": end})
