"""What the runs of a folded history demand in alerts: contract section 6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.oracle.calendar import AROUND_THE_CLOCK, FOREVER, Hours
from tests.oracle.face import Face
from tests.oracle.history import Entry
from tests.oracle.life import Life, Run
from tests.oracle.rules import Policy, Rules, choose

Segment = tuple[int, int, bool]  # from, until, paused
NEVER: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Terms:
    """What a policy says of a metric, in open ms of its `hours`; `needs` are those of its warnings."""

    policy: str
    target: int
    needs: tuple[int, ...]
    hours: Hours


BUILT_IN = Terms("built-in", 86_400_000, (), AROUND_THE_CLOCK)


@dataclass(frozen=True, slots=True)
class Alert:
    state: str
    level: int
    metric: str
    instance: str
    policy: str
    started_at: int
    deadline_at: int
    at: int
    face: Face
    late_ms: int = 0
    reason: str | None = None
    timer: int | None = None  # sent once the clock is past it; None: with its event


@dataclass(slots=True)
class Demand:
    """What one run demands. `tracked`: ever; `dropped` is sent only if anything was sent of the run."""

    run: Run
    warnings: list[Alert] = field(default_factory=list)
    breach: Alert | None = None
    dropped: Alert | None = None
    end: Alert | None = None
    tracked: bool = False

    def due(self, clock: int) -> Demand:
        """What is demanded of it once the clock stands at `clock`."""
        warnings = [alert for alert in self.warnings if is_due(alert, clock)]
        breach = self.breach if self.breach is not None and is_due(self.breach, clock) else None
        return Demand(self.run, warnings, breach, self.dropped, self.end, self.tracked)

    def timers(self) -> list[int]:
        alerts = [*self.warnings, *([self.breach] if self.breach else [])]
        return [alert.timer for alert in alerts if alert.timer is not None]

    def then(self, other: Demand) -> Demand:
        """Of a run and another that a bot's hand-back started for the same message: one."""
        if not other.tracked:
            return self
        told = [alert.level for alert in self.warnings]
        warnings = [*self.warnings, *(alert for alert in other.warnings if alert.level not in told)]
        return replace(other, warnings=warnings, breach=self.breach or other.breach)


def is_due(alert: Alert, clock: int) -> bool:
    return alert.timer is None or alert.timer < clock


def demands(life: Life, entries: Sequence[Entry], rules: Rules, tenant: str, before: Sequence[Demand]) -> list[Demand]:
    """`before`: those of a history to which entries were only appended, or none; an ended run demands the same."""
    policies = [choose(rules, tenant, f.channel, f.priority, f.team, f.topics) for f in life.faces]
    instants = [entry.at for entry in entries]
    same = {n: demand for n, demand in enumerate(before) if demand.run.end is not None}
    return [same.get(n) or _Reading(run, life.faces, instants, policies).demand for n, run in enumerate(life.runs)]


def terms_of(policy: Policy | None, metric: str, channel: str) -> Terms | None:
    """None: the policy in force has no target for the metric."""
    if policy is not None and metric in policy.targets:
        hours = AROUND_THE_CLOCK if metric == "reply_window" else policy.hours
        return Terms(policy.name, policy.targets[metric], policy.needs[metric], hours)
    return BUILT_IN if metric == "reply_window" and channel == "whatsapp" else None


class _Reading:
    """One run, from entry to entry. `segments`: the stretches since it started; `terms`: those in force, if any;
    `breached`: those of its breach."""

    def __init__(
        self, run: Run, faces: Sequence[Face], instants: Sequence[int], policies: Sequence[Policy | None]
    ) -> None:
        self.run, self.demand = run, Demand(run)
        self.segments: list[Segment] = []
        self.terms: Terms | None = None
        self.breached: Terms | None = None
        if run.started_at < instants[run.start]:  # a hand-back: it started with the customer's message before
            self.segments.append((run.started_at, instants[run.start], False))
        stop = len(instants) if run.end is None else run.end
        for i in range(run.start, stop):
            end = instants[i + 1] if i + 1 < len(instants) else FOREVER
            self.stretch(instants[i], end, faces[i], policies[i])
        if run.end is not None:
            self.close(instants[run.end], faces[run.end])

    def stretch(self, start: int, end: int, face: Face, policy: Policy | None) -> None:
        """From an entry to the next; `face` and `policy` are those after it."""
        metric, demand, before = self.run.metric, self.demand, self.terms
        self.terms = terms = terms_of(policy, metric, face.channel)
        if before is not None and terms is None and demand.breach is None:
            demand.dropped = self.alert("cancelled", before, start, face, reason="policy")
        pauses = NEVER if policy is None or metric == "reply_window" else policy.pause_on.get(metric, NEVER)
        self.segments.append((start, end, face.status in pauses))
        if terms is None:
            return
        demand.dropped, demand.tracked = None, True
        if demand.breach is not None:
            return
        deadline = self.reach(terms.target, terms.hours)
        if deadline is not None and deadline < start:  # only a re-choice or a hand-back puts it in the past
            demand.breach, self.breached = self.alert("breached", terms, start, face), terms
            return
        told = [warning.level for warning in demand.warnings]
        for level, need in enumerate(terms.needs, start=1):
            at = self.reach(need, terms.hours)
            if need > 0 and level not in told and at is not None and start <= at < end:
                demand.warnings.append(self.alert("imminent", terms, at, face, level=level, timer=at))
        if deadline is not None and deadline < end:
            demand.breach, self.breached = self.alert("breached", terms, deadline, face, timer=deadline), terms

    def close(self, at: int, face: Face) -> None:
        """The run ends; a breach stands, whatever policy came later."""
        breach, terms = self.demand.breach, self.breached or self.terms
        if terms is None:
            return
        end = self.alert("cancelled", terms, at, face, reason=self.run.reason)
        if breach is not None:
            end = replace(end, deadline_at=breach.deadline_at)
        if self.run.reason == "newer_message":
            self.demand.dropped = end
        elif self.run.reason is not None:
            self.demand.end = end
        elif breach is None:
            self.demand.end = replace(end, state="met")
        else:
            self.demand.end = replace(end, state="met_late", late_ms=terms.hours.elapsed(breach.deadline_at, at))

    def alert(
        self,
        state: str,
        terms: Terms,
        at: int,
        face: Face,
        *,
        level: int = 0,
        reason: str | None = None,
        timer: int | None = None,
    ) -> Alert:
        run, deadline = self.run, self.deadline(terms, at)
        identity = (state, level, run.metric, run.instance, terms.policy)
        return Alert(*identity, run.started_at, deadline, at, face, reason=reason, timer=timer)

    def reach(self, need: int, hours: Hours) -> int | None:
        """The earliest instant by which `need` open ms outside pauses have elapsed; None if not in these segments."""
        elapsed = 0
        for start, end, paused in self.segments:
            open_ms = 0 if paused else hours.elapsed(start, end) if end < FOREVER else need
            if open_ms and elapsed + open_ms >= need:
                return hours.add(start, need - elapsed)
            elapsed += open_ms
        return None

    def deadline(self, terms: Terms, at: int) -> int:
        """The deadline as known at `at`: with the pauses so far."""
        reached = self.reach(terms.target, terms.hours)
        if reached is not None and reached <= at:
            return reached
        elapsed = sum(terms.hours.elapsed(start, min(end, at)) for start, end, paused in self.segments if not paused)
        return terms.hours.add(at, terms.target - elapsed)
