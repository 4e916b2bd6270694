"""What the runs of a folded history demand in alerts, and what is still to be sent: contract section 6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.oracle.calendar import FOREVER
from tests.oracle.face import Face
from tests.oracle.history import Entry
from tests.oracle.life import Life, Run
from tests.oracle.rules import Policy, Rules, choose

Segment = tuple[int, int, bool]  # from, until, paused


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
    timer: int | None = None  # sent once the clock is past it; None: with its event


@dataclass(slots=True)
class Demand:
    """What one run demands. `tracked`: ever; `dropped` stands while the policy in force has no target for it."""

    run: Run
    warnings: list[Alert] = field(default_factory=list)
    breach: Alert | None = None
    dropped: Alert | None = None
    end: Alert | None = None
    tracked: bool = False

    def due(self, clock: int) -> Demand:
        """What is demanded of it once the clock stands at `clock`."""
        return Demand(
            self.run,
            [alert for alert in self.warnings if _is_due(alert, clock)],
            self.breach if self.breach is not None and _is_due(self.breach, clock) else None,
            self.dropped,
            self.end,
            self.tracked,
        )

    def timers(self) -> list[int]:
        alerts = [*self.warnings, *([self.breach] if self.breach else [])]
        return [alert.timer for alert in alerts if alert.timer is not None]


def _is_due(alert: Alert, clock: int) -> bool:
    return alert.timer is None or alert.timer < clock


def demands(life: Life, entries: Sequence[Entry], rules: Rules, tenant: str) -> list[Demand]:
    if not rules.policies:
        return []
    policies = [choose(rules, tenant, f.channel, f.priority, f.team, f.topics) for f in life.faces]
    return [_demand(run, life.faces, [entry.at for entry in entries], policies) for run in life.runs]


def _elapsed(segments: Sequence[Segment], at: int) -> int:
    return sum(max(0, min(end, at) - start) for start, end, paused in segments if not paused)


def _reach(segments: Sequence[Segment], need: int) -> int | None:
    """The earliest instant by which `need` ms outside pauses have elapsed; None if not in these segments."""
    elapsed = 0
    for start, end, paused in segments:
        if not paused and elapsed + end - start >= need:
            return start + need - elapsed
        elapsed += 0 if paused else end - start
    return None


def _deadline(segments: Sequence[Segment], target: int, at: int) -> int:
    """The deadline as known at `at`: with the pauses so far."""
    reached = _reach(segments, target)
    return reached if reached is not None and reached <= at else at + target - _elapsed(segments, at)


def _demand(run: Run, faces: Sequence[Face], instants: Sequence[int], policies: Sequence[Policy | None]) -> Demand:
    demand = Demand(run)
    segments: list[Segment] = []
    tracked: Policy | None = None  # the policy in force, if it has a target for the run
    fired: set[int] = set()

    def alert(state: str, level: int, policy: Policy, at: int, face: Face, timer: int | None = None) -> Alert:
        deadline = _deadline(segments, policy.targets[run.metric], at)
        return Alert(
            state, level, run.metric, run.instance, policy.name, run.started_at, deadline, at, face, timer=timer
        )

    stop = len(instants) if run.end is None else run.end
    for i in range(run.start, stop):
        face, policy, start = faces[i], policies[i], instants[i]
        end = instants[i + 1] if i + 1 < len(instants) else FOREVER
        if tracked is not None and (policy is None or run.metric not in policy.targets):
            demand.dropped = alert("cancelled", 0, tracked, start, face)
        paused = policy is not None and face.status in policy.pause_on.get(run.metric, ())
        segments.append((start, end, paused))
        if policy is None or run.metric not in policy.targets:
            tracked = None
            continue
        tracked, demand.dropped, demand.tracked = policy, None, True
        if demand.breach is not None:
            continue
        deadline = _reach(segments, policy.targets[run.metric])
        if deadline is not None and deadline < start:  # only a re-choice puts it in the past
            demand.breach = alert("breached", 0, policy, start, face)
            continue
        for level, need in enumerate(policy.needs[run.metric], start=1):
            at = _reach(segments, need)
            if need > 0 and level not in fired and at is not None and start <= at < end:
                fired.add(level)
                demand.warnings.append(alert("imminent", level, policy, at, face, timer=at))
        if deadline is not None and deadline < end:
            demand.breach = alert("breached", 0, policy, deadline, face, timer=deadline)
    if run.end is not None and demand.breach is not None:  # a breach stands, whatever policy came later
        demand.end = _end(demand, replace(demand.breach, at=instants[run.end], face=faces[run.end], timer=None))
    elif run.end is not None and tracked is not None:
        demand.end = _end(demand, alert("", 0, tracked, instants[run.end], faces[run.end]))
    return demand


def _end(demand: Demand, plain: Alert) -> Alert:
    breach = demand.breach
    if breach is not None:
        plain = replace(plain, policy=breach.policy, deadline_at=breach.deadline_at)
    if not demand.run.answered:
        return replace(plain, state="cancelled")
    if breach is None:
        return replace(plain, state="met")
    return replace(plain, state="met_late", late_ms=plain.at - breach.deadline_at)


@dataclass(slots=True)
class Sent:
    """What has been sent of one run."""

    last: Alert
    levels: set[int] = field(default_factory=set)
    breach: Alert | None = None
    terminal: Alert | None = None


class Outbox:
    """Sends the difference between what the folded history demands and what was sent before."""

    def __init__(self) -> None:
        self.sent: dict[tuple[str, str], Sent] = {}
        self.out: list[Alert] = []

    def settle(self, due: Sequence[Demand], cause_at: int | None, face: Face) -> list[Alert]:
        """`cause_at`: the `at` of the event that arrived, None if only the clock moved; `face`: the present one."""
        self.out = []
        wanted = {(demand.run.metric, demand.run.instance): demand for demand in due if demand.tracked}
        for key in [key for key in self.sent if key not in wanted]:
            self.gone(self.sent[key], cause_at, face)
        for demand in wanted.values():
            self.one(demand, cause_at, face)
        return self.out

    def gone(self, sent: Sent, cause_at: int | None, face: Face) -> None:
        self.retract(sent, cause_at, face)
        if sent.terminal is None or sent.terminal.state != "cancelled":
            assert cause_at is not None
            self.send(replace(sent.last, state="cancelled", level=0, at=cause_at, face=face, late_ms=0))

    def one(self, demand: Demand, cause_at: int | None, face: Face) -> None:
        sent = self.sent.get((demand.run.metric, demand.run.instance))
        for warning in demand.warnings:
            if sent is None or warning.level not in sent.levels:
                self.send(warning)
        if sent is not None and demand.breach is None:
            self.retract(sent, cause_at, face)
        if demand.breach is not None and (sent is None or sent.breach is None):
            self.send(demand.breach)
        sent = self.sent.get((demand.run.metric, demand.run.instance))
        terminal = demand.end
        if demand.dropped is not None and demand.breach is None and sent is not None:
            terminal = demand.dropped
        if terminal is not None and (sent is None or sent.terminal is None or sent.terminal.state != terminal.state):
            self.send(terminal)

    def retract(self, sent: Sent, cause_at: int | None, face: Face) -> None:
        if sent.breach is not None:
            assert cause_at is not None
            self.send(replace(sent.breach, state="retracted", at=cause_at, face=face))

    def send(self, alert: Alert) -> None:
        self.out.append(alert)
        sent = self.sent.setdefault((alert.metric, alert.instance), Sent(alert))
        sent.last = alert
        match alert.state:
            case "imminent":
                sent.levels.add(alert.level)
            case "breached":
                sent.breach = alert
            case "retracted":
                sent.breach = sent.terminal = None
                return
            case _:
                sent.terminal = alert
                return
        if sent.terminal is not None and alert.at >= sent.terminal.at:  # tracked again after it was cancelled
            sent.terminal = None


def as_record(alert: Alert, tenant: str, conversation_id: str) -> dict[str, Any]:
    return {
        "kind": "sla",
        "state": alert.state,
        "level": alert.level,
        "metric": alert.metric,
        "tenant": tenant,
        "conversation_id": conversation_id,
        "channel": alert.face.channel,
        "agent_id": alert.face.agent,
        "team": alert.face.team,
        "priority": alert.face.priority,
        "policy": alert.policy,
        "started_at": alert.started_at,
        "deadline_at": alert.deadline_at,
        "at": alert.at,
        "late_s": alert.late_ms / 1000,
        "instance": alert.instance,
    }
