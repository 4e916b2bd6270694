"""The SLA runs of one conversation in motion: they start, are measured by the policy in force, act and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables import sla
from tables.state import REPLY_WINDOW, RESOLUTION, Dims, Run, State

if TYPE_CHECKING:
    from tables.calendar import Calendar
    from tables.facts import Fact
    from tables.rules import Rules


class Runs:
    """The runs of a conversation's state. What is to be told is appended to `alerts`."""

    __slots__ = ("_next", "alerts", "dims", "facts", "rules", "s")

    def __init__(self, state: State, rules: Rules) -> None:
        self.s = state
        self.dims: Dims = state.dims
        self.rules = rules
        self.facts: list[Fact] = []
        self.alerts: list[sla.Alert] = []
        self._next = -1
        """The instant of the next timer; -1 while it must be looked up."""

    def deadline(self, run: Run, at: int) -> int:
        """The deadline of a run as it stands at the instant `at`."""
        return sla.deadline(run, self.calendar(run), at)

    def calendar(self, run: Run) -> Calendar | None:
        """The calendar that a run is measured in."""
        return self.rules.calendar_of(run.metric, run.policy)

    def mark(self, run: Run) -> int:
        """The instant of a run's next warning or breach; 0 without one."""
        return sla.due(run, self.calendar(run)) if run.marks else 0

    def remeasure(self, at: int) -> None:
        """Put the runs under the policies of now, which are others than those that they were measured by."""
        self._next = -1
        self._rechoose(at, afresh=True)
        self.s.rules = self.rules.print

    def _fire(self, instant: int) -> None:
        """Let the run act whose mark has this instant."""
        run = next(run for run in self.s.runs if self.mark(run) == instant)
        state, level = sla.fire(run, instant)
        if state == sla.BREACHED:
            self.s.overdue = True
        self._tell(run, state, instant, self.deadline(run, instant), level)

    def _start(self, metric: int, instance: str, began: int, at: int) -> None:
        s, rules = self.s, self.rules
        policy = rules.policy_of(metric, self.dims)
        calendar = rules.calendar_of(metric, policy.name) if policy is not None else None
        run, told = sla.start(metric, instance, began, policy, calendar, s.phase, at)
        s.runs.append(run)
        s.rules = rules.print
        self._tell_all(run, told, at)

    def _end(self, metric: int, t: int, reason: str | None) -> None:
        """End the run of a metric, if there is one; `reason` None: it was answered."""
        runs = self.s.runs
        for i, run in enumerate(runs):
            if run.metric == metric:
                self._close(run, t, reason)
                del runs[i]
                return

    def _close(self, run: Run, t: int, reason: str | None) -> None:
        if run.target or run.breached_at:
            self._tell(run, sla.outcome(run, answered=reason is None), t, self.deadline(run, t), reason=reason)

    def _end_all(self, t: int) -> None:
        """The cycle is resolved."""
        for run in self.s.runs:
            self._close(run, t, None if run.metric == RESOLUTION else "resolved")
        self.s.runs = []

    def _move_window(self, t: int) -> None:
        """A newer customer message has come: what WhatsApp allows counts from there."""
        s = self.s
        for i, run in enumerate(s.runs):
            if run.metric == REPLY_WINDOW:
                if run.target or run.breached_at:
                    self._tell(run, sla.DROPPED, t, self.deadline(run, t), reason="newer_message")
                del s.runs[i]
                break
        self._start(REPLY_WINDOW, s.wrote_id, s.wrote_at, t)

    def _pause(self, t: int) -> None:
        """The phase has changed."""
        for run in self.s.runs:
            sla.pause(run, self.calendar(run), self.s.phase, t)

    def _rechoose(self, t: int, *, afresh: bool = False) -> None:
        """Put the runs under the policy in force; `afresh` even if its name has not changed."""
        s, rules = self.s, self.rules
        for run in s.runs:
            if run.breached_at:
                continue
            policy = rules.policy_of(run.metric, self.dims)
            if not afresh and policy is not None and run.target and policy.name == run.policy:
                continue
            had, before = run.target, self.deadline(run, t) if run.target else 0
            calendar = rules.calendar_of(run.metric, policy.name) if policy is not None else None
            told = sla.rechoose(run, policy, calendar, s.phase, t)
            if had and not run.target:
                self._tell(run, sla.DROPPED, t, before, reason="policy")
            self._tell_all(run, told, t)

    def _tell_all(self, run: Run, told: list[tuple[str, int]], t: int) -> None:
        for state, deadline in told:
            self.s.overdue = self.s.overdue or state == sla.BREACHED
            self._tell(run, state, t, deadline)

    def _tell(self, run: Run, state: str, at: int, deadline: int, level: int = 0, reason: str | None = None) -> None:
        s = self.s
        late = sla.between(self.calendar(run), deadline, at) / 1000 if state == sla.MET_LATE else 0.0
        self.alerts.append(
            sla.Alert(
                *(run.metric, run.instance, state, level, at, run.started_at, deadline, run.policy, late),
                *(s.agent, s.team, s.priority, reason),
            )
        )
