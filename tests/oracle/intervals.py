"""The interval records of a tenant: contract sections 4 and 5.

An interval [S, E) has two instants at which the world is looked at, each as it is known before the event that moves
the clock past it: E, for the gauges, and E plus the lateness, for the samples. What is learnt later changes neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.calendar import FOREVER
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


class Quarters:
    """The samples of conversations, by the quarter of an hour that they are booked in: those of the folds so far, and
    what timers will book if nothing more happens."""

    def __init__(self) -> None:
        self.booked: dict[int, dict[int, list[Sample]]] = {}  # start -> place of the conversation -> samples
        self.starts: dict[int, set[int]] = {}

    def put(self, place: int, samples: Sequence[Sample]) -> None:
        """In place of what the conversation had before."""
        for start in self.starts.get(place, ()):
            del self.booked[start][place]
        self.starts[place] = {sample.at // QUARTER * QUARTER for sample in samples}
        for sample in samples:
            of = self.booked.setdefault(sample.at // QUARTER * QUARTER, {})
            of.setdefault(place, []).append(sample)

    def of(self, start: int) -> list[Sample]:
        return [sample for samples in self.booked.get(start, {}).values() for sample in samples]


@dataclass(slots=True)
class Intervals:
    """`pending`: the gauges by scope at the ends that the clock has passed, until their intervals close. `seen` and
    `gauged`: the conversations and the gauges at the last of these ends, `closed`: those at the last close."""

    tenant: str
    rules: Rules
    records: list[dict[str, Any]] = field(default_factory=list)
    pending: dict[int, dict[str, Gauges]] = field(default_factory=dict)
    last: dict[str, Gauges] = field(default_factory=dict)  # scope -> those of its last record
    seen: list[Standing] = field(default_factory=list)
    gauged: dict[str, Gauges] = field(default_factory=dict)
    closed: dict[str, Gauges] = field(default_factory=dict)

    def move(
        self, old: int, new: int, standing: Callable[[int], list[Standing]], samples: Callable[[int], list[Sample]]
    ) -> None:
        """The clock moves; `standing` at an instant and `samples` booked in the quarter of an hour from an instant on
        say what is known before the event that moves it."""
        quiet_until = old
        for end in passed(old, new):
            if end >= quiet_until:  # else nothing has changed, neither an age nor a breach
                now = standing(end)
                quiet_until = min((one.until for one in now), default=FOREVER)
                if now != self.seen:
                    self.seen, self.gauged = now, {scope: gauges(theirs) for scope, theirs in held(now).items()}
            self.pending[end] = self.gauged
        for end in passed(old, new, self.rules.lateness):
            self.close(end, samples(end - QUARTER))

    def close(self, end: int, samples: list[Sample]) -> None:
        now = self.pending.pop(end, {})
        if not samples and now is self.closed:
            return
        self.closed = now
        start, theirs = end - QUARTER, booked(samples)
        for scope in sorted(theirs.keys() | now.keys() | self.last.keys()):
            gauged = now.get(scope, NOTHING)
            if scope in theirs or gauged != self.last.get(scope, NOTHING):
                self.last[scope] = gauged
                metrics = figures(theirs.get(scope, []), self.rules) | read(gauged, end)
                self.records.append(record(self.tenant, scope, "interval", start, end, metrics) | {"seq": end})
