"""SLA runs: when a warning, a breach or an end is due (contract section 6).

A run's time is the open time of a calendar since its start less that of the pauses; without a calendar it is open
around the clock. Marks (warnings and the breach) are elapsed times; the instant of a mark follows from the pauses so
far. The functions here move a `Run`; whoever calls them says when, and what calendar it is measured in.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from tables.state import METRICS, PHASES, REPLY_WINDOW, Run, RunKey

if TYPE_CHECKING:
    from tables.calendar import Calendar
    from tables.policies import Policy

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
"""So many past pauses of a run are known one by one; older ones are taken for one that began with the first."""


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
    reason: str | None = None
    """Why it was cancelled; None in every other state."""

    @property
    def run(self) -> RunKey:
        """What makes it an alert of the same run."""
        return self[:2]


def alert_id(tenant: str, conversation_id: str, alert: Alert) -> str:
    """The id of an alert: the same for the same tenant, conversation, metric, instance, state and level."""
    parts = (tenant, conversation_id, METRICS[alert.metric], alert.instance, alert.state, str(alert.level))
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def later(calendar: Calendar | None, instant: int, open_ms: int) -> int:
    """The earliest instant by which so much open time has passed since another."""
    return instant + open_ms if calendar is None else calendar.add_ms(instant, open_ms)


def between(calendar: Calendar | None, start_: int, end: int) -> int:
    """The open time between two instants, in ms."""
    return max(0, end - start_) if calendar is None else calendar.elapsed_ms(start_, end)


def due(run: Run, calendar: Calendar | None) -> int:
    """The instant of the next mark; 0 when none comes while nothing changes."""
    if not run.marks:
        return 0
    instant = later(calendar, run.started_at, run.paused + run.marks[0][0])
    return 0 if run.paused_at and instant > run.paused_at else instant


def deadline(run: Run, calendar: Calendar | None, at: int) -> int:
    """The deadline as it stands at the instant `at`."""
    if run.breached_at:
        return run.breached_at
    instant = later(calendar, run.started_at, run.paused + run.target)
    if run.paused_at and instant > run.paused_at:
        standing = between(calendar, run.paused_at, at)
        instant = later(calendar, run.started_at, run.paused + run.target + standing)
    return instant


def start(
    metric: int, instance: str, began: int, policy: Policy | None, calendar: Calendar | None, phase: int, at: int
) -> tuple[Run, list[tuple[str, int]]]:
    """A run from `began`, set up at `at`, and what follows at once, as (state, deadline).

    It is measured by `policy` if that has a target for its metric. Marks already in the past are dropped, but for the
    breach, which stands at `at`.
    """
    run = Run(metric, instance, began)
    _set_pauses(run, policy, phase, began)
    if policy is None or METRICS[metric] not in policy.targets_ms:
        return run, []
    _measure(run, policy)
    return run, _pass_by(run, calendar, at)


def _set_pauses(run: Run, policy: Policy | None, phase: int, at: int) -> None:
    pauses = {} if policy is None or run.metric == REPLY_WINDOW else policy.pause_on
    statuses = pauses.get(METRICS[run.metric], ())
    run.pauses = sum(1 << PHASES[status] for status in statuses)
    _stand(run, phase, at)


def _measure(run: Run, policy: Policy) -> None:
    """Put the run under a policy that has a target for it; levels already sent do not come again."""
    target = policy.targets_ms[METRICS[run.metric]]
    marks = [(target, BREACH_LEVEL)]
    for level, warn in enumerate(policy.warn, start=1):
        elapsed = round(warn.fraction * target) if warn.fraction is not None else target - (warn.before_ms or 0)
        if elapsed > 0 and level not in run.sent:
            marks.append((elapsed, level))
    marks.sort(key=lambda mark: (mark[0], mark[1] == BREACH_LEVEL, mark[1]))
    run.policy, run.target, run.marks = policy.name, target, marks


def pause(run: Run, calendar: Calendar | None, phase: int, at: int) -> None:
    """Let the clock of a run stand or go on, as the conversation's phase from `at` on demands."""
    stood = len(run.stood)
    _stand(run, phase, at)
    if len(run.stood) > stood:
        run.paused += between(calendar, *run.stood[-1])
    if len(run.stood) > STOOD_MAX:
        (first, until), (start_, end), *rest = run.stood
        run.stood = [(first, until + end - start_), *rest]


def _stand(run: Run, phase: int, at: int) -> None:
    pausing = run.pauses >> phase & 1
    if pausing and not run.paused_at:
        run.paused_at = at
    elif run.paused_at and not pausing:
        if at > run.paused_at:
            run.stood.append((run.paused_at, at))
        run.paused_at = 0


def rechoose(run: Run, policy: Policy | None, calendar: Calendar | None, phase: int, at: int) -> list[tuple[str, int]]:
    """Put a run under the policy now in force; what follows at once is returned as (state, deadline).

    Marks already in the past are dropped, but for the breach, which stands at `at`. A breached run keeps all. To be
    called if the policy is another, by name or by what it says; without a target for the run it is no longer tracked,
    and the caller says so.
    """
    _set_pauses(run, policy, phase, at)
    run.paused = sum(between(calendar, *each) for each in run.stood)
    if policy is None or METRICS[run.metric] not in policy.targets_ms:
        run.target, run.marks = 0, []
        return []
    _measure(run, policy)
    return _pass_by(run, calendar, at)


def _pass_by(run: Run, calendar: Calendar | None, at: int) -> list[tuple[str, int]]:
    while run.marks and (instant := _reached(run, calendar, run.marks[0][0], at)) < at:
        _, level = run.marks.pop(0)
        if level == BREACH_LEVEL:
            run.breached_at = instant
            run.marks = []
            return [(BREACHED, instant)]
    return []


def _reached(run: Run, calendar: Calendar | None, elapsed: int, at: int) -> int:
    """The earliest instant by which so many open ms outside pauses have passed; `at` if not before that."""
    instant = later(calendar, run.started_at, elapsed)
    for start_, end in run.stood:
        if instant <= start_:
            break
        elapsed += between(calendar, start_, end)
        instant = later(calendar, run.started_at, elapsed)
    return at if run.paused_at and instant > run.paused_at else min(instant, at)


def fire(run: Run, instant: int) -> tuple[str, int]:
    """Let the next mark act, whose instant this is: (state, level)."""
    _, level = run.marks.pop(0)
    if level == BREACH_LEVEL:
        run.breached_at = instant
        run.marks = []
        return BREACHED, BREACH_LEVEL
    run.sent.append(level)
    return IMMINENT, level


def outcome(run: Run, *, answered: bool) -> str:
    """The state in which a run ends now."""
    if not answered:
        return CANCELLED
    return MET_LATE if run.breached_at else MET
