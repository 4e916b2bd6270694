"""Deadlines: what a step did to them, and how the SLA runs stand in the end."""

from __future__ import annotations

from typing import Literal

from tables import sla
from tables.explain.records import Deadline, Running
from tables.explain.trace import Entry
from tables.explain.view import View
from tables.state import METRICS, REPLY_WINDOW, Run, State

Change = Literal["set", "moved", "paused", "resumed", "untracked"]


def deadlines_of(entry: Entry, view: View) -> tuple[Deadline, ...]:
    """The deadlines that an entry set, moved or paused; how a run ends is told by its alert."""
    before = {run.key: run for run in entry.before.runs}
    out: list[Deadline] = []
    if (anchor := entry.after.anchor) and anchor != entry.before.anchor:
        out.append(_of_level(anchor, view.values.threshold_ms(entry.after.channel)))
    for run in entry.after.runs:
        change = _change(before.get(run.key), run, entry, view)
        if change is not None:
            out.append(_deadline(run, change, entry, view))
    return tuple(out)


def _change(was: Run | None, run: Run, entry: Entry, view: View) -> Change | None:
    if was is None:
        if not run.target:  # nobody misses a reply window that the channel does not have
            return "untracked" if view.rules.has_policies and run.metric != REPLY_WINDOW else None
        moves = run.metric == REPLY_WINDOW and any(each.metric == REPLY_WINDOW for each in entry.before.runs)
        return "moved" if moves else "set"
    if was.target and not run.target and not run.breached_at:
        return "untracked"
    if (was.policy, was.target) != (run.policy, run.target):
        return "moved"
    if run.target and bool(was.paused_at) != bool(run.paused_at):
        return "paused" if run.paused_at else "resumed"
    return None


def _of_level(anchor: int, threshold: int) -> Deadline:
    return Deadline(
        metric="service_level",
        change="set",
        deadline_at=anchor + threshold,
        policy="",
        calendar=None,
        target_s=threshold / 1000,
        started_at=anchor,
    )


def _deadline(run: Run, change: Change, entry: Entry, view: View) -> Deadline:
    return Deadline(
        metric=METRICS[run.metric],
        change=change,
        deadline_at=entry.deadlines.get(run.key),
        policy=run.policy if run.target else "",
        calendar=view.calendar_of(run) if run.target else None,
        target_s=run.target / 1000 if run.target else None,
        started_at=run.started_at,
    )


def running(state: State, view: View) -> tuple[Running, ...]:
    """The runs of a conversation that are measured, as they stand at the instant of the view."""
    return tuple(_running(run, view) for run in state.runs if run.target)


def _running(run: Run, view: View) -> Running:
    calendar = view.rules.calendar_of(run.metric, run.policy)
    elapsed = sla.between(calendar, run.started_at, run.paused_at or view.until) - run.paused
    return Running(
        metric=METRICS[run.metric],
        instance=run.instance,
        policy=run.policy,
        calendar=view.calendar_of(run),
        started_at=run.started_at,
        target_s=run.target / 1000,
        elapsed_s=elapsed / 1000,
        left_s=0.0 if run.breached_at else (run.target - elapsed) / 1000,
        deadline_at=sla.deadline(run, calendar, view.until),
        paused_since_at=run.paused_at or None,
        breached=bool(run.breached_at),
        late_s=sla.between(calendar, run.breached_at, view.until) / 1000 if run.breached_at else 0.0,
    )
