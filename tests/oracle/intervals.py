"""The interval records of a tenant: contract sections 4 and 5.

An interval [S, E) has two instants at which the world is looked at, each as it is known before the event that moves
the clock past it: E, for the gauges, and E plus the lateness, for the samples. What is learnt later changes neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.oracle.calendar import FOREVER
from tests.oracle.face import Sample
from tests.oracle.figures import figures
from tests.oracle.gauges import Gauges, Standing, all_gauges, nothing, read
from tests.oracle.presence import Counted
from tests.oracle.records import booked, record
from tests.oracle.rules import Rules
from tests.oracle.worked import occupied

QUARTER = 900_000


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


class Known(Protocol):
    """What is known of a tenant."""

    @property
    def agents(self) -> frozenset[str]:
        """Those online."""

    def standing(self, at: int) -> list[Standing]:
        """The conversations in a cycle, as they stand at an instant."""

    def booked_in(self, start: int) -> list[Sample]:
        """The samples of the quarter of an hour from an instant on."""

    def worked_in(self, start: int, end: int) -> dict[str, Counted]:
        """The agent-minutes from an instant to before another, by scope."""


@dataclass(slots=True)
class Intervals:
    """`pending`: the gauges by scope at the ends that the clock has passed, until their intervals close. `seen` and
    `gauged`: what the gauges depend on at the last of these ends, and they; `closed`: those at the last close."""

    tenant: str
    rules: Rules
    records: list[dict[str, Any]] = field(default_factory=list)
    pending: dict[int, dict[str, Gauges]] = field(default_factory=dict)
    last: dict[str, Gauges] = field(default_factory=dict)  # scope -> those of its last record
    seen: tuple[list[Standing], frozenset[str]] = ([], frozenset())
    gauged: dict[str, Gauges] = field(default_factory=dict)
    closed: dict[str, Gauges] = field(default_factory=dict)

    def move(self, old: int, new: int, known: Known) -> None:
        """The clock moves; `known` is what is before the event that moves it."""
        quiet_until = old
        for end in passed(old, new):
            if end >= quiet_until:  # else nothing has changed, neither an age nor a breach
                now = known.standing(end), known.agents
                quiet_until = min((one.until for one in now[0]), default=FOREVER)
                if now != self.seen:
                    self.seen, self.gauged = now, all_gauges(*now)
            self.pending[end] = self.gauged
        for end in passed(old, new, self.rules.lateness):
            self.close(end, known)

    def close(self, end: int, known: Known) -> None:
        now, samples = self.pending.pop(end, {}), known.booked_in(end - QUARTER)
        if not samples and now is self.closed:
            return
        self.closed = now
        start, theirs, minutes = end - QUARTER, booked(samples), None
        for scope in sorted(theirs.keys() | now.keys() | self.last.keys()):
            gauged = now.get(scope, nothing(scope))
            if scope in theirs or gauged != self.last.get(scope, nothing(scope)):
                self.last[scope] = gauged
                minutes = known.worked_in(start, end) if minutes is None else minutes
                metrics = figures(theirs.get(scope, []), self.rules) | occupied(scope, minutes) | read(gauged, end)
                self.records.append(record(self.tenant, scope, "interval", start, end, metrics) | {"seq": end})
