"""SLA runs: when a warning, a breach or an end is due (contract section 6, around the clock).

A run's time is the time since its start less the pauses. Marks (warnings and the breach) are elapsed times; the
instant of a mark follows from the pauses so far. The functions here move a `Run`; whoever calls them says when.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NamedTuple

from tables.settings import Policy
from tables.state import METRICS, PHASES, Run, RunKey

IMMINENT: Final = "imminent"
BREACHED: Final = "breached"
MET: Final = "met"
MET_LATE: Final = "met_late"
CANCELLED: Final = "cancelled"
RETRACTED: Final = "retracted"
DROPPED: Final = "dropped"
"""Never sent as such: the run is no longer tracked; `cancelled` if anything has been sent of it."""
ENDED: Final = frozenset({MET, MET_LATE, CANCELLED})

BREACH_LEVEL: Final = 0
STOOD_MAX: Final = 64
"""So many past pauses of a run are known one by one; older ones are added up."""


class Alert(NamedTuple):
    """What the history demands to be told. Instants in ms; `late_s` in seconds; `level` 1-based, 0 without one."""

    metric: int
    instance: str
    state: str
    level: int
    at: int
    started_at: int
    deadline_at: int
    policy: str
    late_s: float
    agent: str | None
    team: str | None
    priority: str

    @property
    def run(self) -> RunKey:
        """What makes it an alert of the same run."""
        return self[:2]


def alert_id(tenant: str, conversation_id: str, alert: Alert) -> str:
    """The id of an alert: the same for the same tenant, conversation, metric, instance, state and level."""
    parts = (tenant, conversation_id, METRICS[alert.metric], alert.instance, alert.state, str(alert.level))
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def start(metric: int, instance: str, at: int, policy: Policy | None, phase: int) -> Run:
    """A run that starts at `at`, measured by `policy` if that has a target for its metric."""
    run = Run(metric, instance, at)
    _set_pauses(run, policy, phase, at)
    if policy is not None and METRICS[metric] in policy.targets_ms:
        _measure(run, policy)
    return run


def _set_pauses(run: Run, policy: Policy | None, phase: int, at: int) -> None:
    statuses = () if policy is None else policy.pause_on.get(METRICS[run.metric], ())
    run.pauses = sum(1 << PHASES[status] for status in statuses)
    pause(run, phase, at)


def _measure(run: Run, policy: Policy) -> None:
    """Put the run under a policy that has a target for it; levels already sent do not come again."""
    name = METRICS[run.metric]
    target = policy.targets_ms[name]
    marks = [(target, BREACH_LEVEL)]
    for level, warn in enumerate(policy.warn, start=1):
        elapsed = round(warn.fraction * target) if warn.fraction is not None else target - (warn.before_ms or 0)
        if elapsed > 0 and level not in run.sent:
            marks.append((elapsed, level))
    marks.sort(key=lambda mark: (mark[0], mark[1] == BREACH_LEVEL, mark[1]))
    run.policy, run.target, run.marks = policy.name, target, marks


def pause(run: Run, phase: int, at: int) -> None:
    """Let the clock of a run stand or go on, as the conversation's phase from `at` on demands."""
    pausing = run.pauses >> phase & 1
    if pausing and not run.paused_at:
        run.paused_at = at
    elif run.paused_at and not pausing:
        if at > run.paused_at:
            run.stood.append((run.paused_at, at))
            run.paused += at - run.paused_at
        run.paused_at = 0
        if len(run.stood) > STOOD_MAX:
            (first, until), (start_, end), *rest = run.stood
            run.stood = [(first, until + end - start_), *rest]


def rechoose(run: Run, policy: Policy | None, phase: int, at: int) -> list[tuple[str, int]]:
    """Put a run under the policy now in force; what follows at once is returned as (state, deadline).

    Marks already in the past are dropped, but for the breach, which stands at `at`. A breached run keeps all.
    """
    if run.breached_at or (policy is not None and run.target and policy.name == run.policy):
        return []
    if policy is None or METRICS[run.metric] not in policy.targets_ms:
        told = [(DROPPED, run.deadline(at))] if run.target else []
        run.target, run.marks = 0, []
        _set_pauses(run, policy, phase, at)
        return told
    _set_pauses(run, policy, phase, at)
    _measure(run, policy)
    while run.marks and (instant := _reached(run, run.marks[0][0], at)) < at:
        _, level = run.marks.pop(0)
        if level == BREACH_LEVEL:
            run.breached_at = instant
            run.marks = []
            return [(BREACHED, instant)]
    return []


def _reached(run: Run, elapsed: int, at: int) -> int:
    """The earliest instant by which so many ms outside pauses have passed since the start; `at` if not before that."""
    instant = run.started_at + elapsed
    for start_, end in run.stood:
        if instant <= start_:
            break
        instant += end - start_
    return at if run.paused_at and instant > run.paused_at else min(instant, at)


def fire(run: Run) -> tuple[str, int, int]:
    """Let the next mark act: (state, level, its instant)."""
    due = run.due()
    _, level = run.marks.pop(0)
    if level == BREACH_LEVEL:
        run.breached_at = due
        run.marks = []
        return BREACHED, BREACH_LEVEL, due
    run.sent.append(level)
    return IMMINENT, level, due


def outcome(run: Run, *, answered: bool) -> str:
    """The state in which a run ends now."""
    if not answered:
        return CANCELLED
    return MET_LATE if run.breached_at else MET
