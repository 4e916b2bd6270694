"""What timers do, and what becomes of SLA runs at a step."""

from __future__ import annotations

from tables import sla
from tables.explain.lengths import duration, seconds
from tables.explain.records import Rule
from tables.explain.rules.common import Rules, move, sample
from tables.explain.trace import Entry
from tables.explain.view import View
from tables.facts import SL_MISSED
from tables.state import METRICS, REPLY_WINDOW, Run, State


def timers(entry: Entry, view: View) -> Rules:
    """What the clock alone did."""
    if sample(entry, SL_MISSED) is not None:
        limit = seconds(view.values.threshold_ms(entry.after.channel))
        yield Rule(name="service level: missed", why=f"T = {limit} have passed since the anchor without a human reply")
    for alert in entry.demands:
        if alert.state == sla.IMMINENT:
            yield Rule(name="warning", why=f"{METRICS[alert.metric]}: level {alert.level} of policy {alert.policy}")
        else:
            yield Rule(name="breach", why=f"{METRICS[alert.metric]}: the deadline of policy {alert.policy} has passed")


def chosen(entry: Entry, view: View) -> Rules:
    """Another policy is in force; the reply window starts or moves; a deadline set lies in the past."""
    before, after = entry.before, entry.after
    if before.in_cycle and after.in_cycle:
        was, now = view.policy(before.dims), view.policy(after.dims)
        if was != now:
            calendar = view.calendar(after.dims)
            measure = f", calendar {calendar}" if calendar is not None else ", around the clock"
            yield Rule(name="policy in force", why=move(was, now) + (measure if now is not None else ""))
    yield from _window(entry)
    for alert in entry.demands:
        if alert.state == sla.BREACHED:
            why = f"{METRICS[alert.metric]}: by policy {alert.policy} the deadline had passed before"
            yield Rule(name="breach", why=why)


def _window(entry: Entry) -> Rules:
    was, run = _reply_window(entry.before), _reply_window(entry.after)
    if run is None or (was is not None and was.key == run.key):
        return
    if was is not None:
        why = "moves: it runs from the customer's newest message"
    elif run.started_at < entry.at:
        why = f"starts anew at the customer's last message, {duration(entry.at - run.started_at)} ago"
    else:
        why = f"starts: {duration(run.target)} from the customer's last message"
    yield Rule(name="reply window", why=why)


def _reply_window(s: State) -> Run | None:
    """The reply window that is measured, if there is one."""
    return next((run for run in s.runs if run.metric == REPLY_WINDOW and run.target), None)
