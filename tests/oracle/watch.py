"""What the rules of a tenant look at, instant by instant, and the alerts that they demand: contract section 6.

The clock leaves an instant once it is known that no more events of it come; the timers of that instant have acted then.
Between events a value changes where a timer acts, where a bracket of age begins, or where a pane enters or leaves a
window: at a whole minute.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from tests.oracle.face import Sample
from tests.oracle.figures import figures
from tests.oracle.gauges import Gauges, Standing, all_gauges, nothing
from tests.oracle.records import View, booked
from tests.oracle.thresholds import Rule, Value, ages, covers, transitions
from tests.oracle.windows import window_start
from tests.oracle.worked import Worked, occupied

GROWING = {"oldest_waiting_s": "oldest_waiting_at"}
Inside = list[Sample]


class Watch:
    """`series`: the values by rule and scope, each where it has changed."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.series: dict[tuple[Rule, str], list[tuple[int, Value]]] = {}
        self.read: dict[tuple[str, str], tuple[Inside, dict[str, Any]]] = {}  # what was read last, and of what

    def gauges(self, view: View, standing: Sequence[Standing], at: int) -> None:
        """Looks at the window `now`."""
        gauged: dict[str, Gauges] = all_gauges(standing, view.staff.now)
        for rule in self.rules:
            if rule.window == "now":
                for scope in view.scopes:
                    if covers(rule.scope, scope):
                        metrics = gauged.get(scope, nothing(scope))
                        self.note(rule, scope, at, metrics[GROWING.get(rule.metric, rule.metric)])

    def windows(self, view: View, instants: Sequence[int]) -> None:
        """Looks at the others."""
        rules = [rule for rule in self.rules if rule.window != "now"]
        wanted = [(rule, scope) for rule in rules for scope in view.scopes if covers(rule.scope, scope)]
        if not wanted:
            return
        sampled = {scope: sorted(samples, key=_at) for scope, samples in booked(view.samples).items()}
        for at in instants:
            for rule, scope in wanted:
                self.note(rule, scope, at, self.value(view, sampled.get(scope, []), rule, scope, at))

    def value(self, view: View, samples: Sequence[Sample], rule: Rule, scope: str, at: int) -> Value:
        """`samples`: those of the scope, in order of time."""
        start = window_start(rule.window, at, view.rules.zone)
        if rule.metric.startswith("occupancy"):
            worked = Worked([scope], view.staff, view.stretches, view.rules.zone, at)
            found: Value = occupied(scope, worked.of(rule.window))[rule.metric]
            return found
        inside = list(samples[bisect_left(samples, start, key=_at) : bisect_right(samples, at, key=_at)])
        before = self.read.get((rule.window, scope))
        if before is None or before[0] != inside:
            self.read[rule.window, scope] = before = inside, figures(inside, view.rules)
        value: Value = before[1][rule.metric]
        return value

    def note(self, rule: Rule, scope: str, at: int, value: Value) -> None:
        series = self.series.setdefault((rule, scope), [])
        if not series or series[-1][1] != value:
            series.append((at, value))

    def alerts(self, tenant: str, until: int) -> list[dict[str, Any]]:
        """All of them, once the clock stands at `until`."""
        out = []
        for (rule, scope), series in self.series.items():
            values = ages(series, rule) if rule.metric in GROWING else series
            out += transitions(values, rule, tenant, scope, until)
        return out


def _at(sample: Sample) -> int:
    return sample.at
