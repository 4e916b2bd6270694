"""What has been sent of each SLA run, and what must still be sent (contract section 6).

The fold says what its history demands; an event out of order can change that afterwards. Here demands are compared
with what was sent: a level is sent once, a breach that did not happen is retracted, an end no longer true is corrected.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from tables.sla import BREACHED, CANCELLED, DROPPED, ENDED, IMMINENT, RETRACTED, Alert
from tables.state import REPLY_WINDOW, RunKey, State


class Sent(msgspec.Struct, array_like=True):
    """What has been sent of one run."""

    last: Alert
    levels: list[int] = []
    """The warnings, ever."""
    breach: Alert | None = None
    """The breach, unless retracted."""
    closed: str = ""
    """How the run ended, unless something was sent, or the breach retracted, since."""
    closed_at: int = 0
    parked: Alert | None = None
    """How a bot ended a reply window: so it ended, if what began it anew turns out not to have been."""

    @property
    def breached_before(self) -> bool:
        """Whether the breach came before a bot ended the run."""
        return self.breach is not None and self.breach.at <= (self.closed_at if self.parked is None else self.parked.at)

    def knows(self, alert: Alert) -> bool:
        """Whether the alert needs no sending."""
        if alert.state == IMMINENT:
            return alert.level in self.levels
        if alert.state == BREACHED:
            return self.breach is not None
        return self.closed == alert.state

    def note(self, alert: Alert) -> Alert:
        """Remember that the alert is sent."""
        self.last = alert
        if alert.state in ENDED:
            self.closed, self.closed_at = alert.state, alert.at
            self.parked = alert if alert.metric == REPLY_WINDOW and alert.reason == "bot" else None
        elif alert.state == RETRACTED:
            self.breach, self.closed = None, ""
        else:
            if alert.state == BREACHED:
                self.breach = alert
            else:
                self.levels.append(alert.level)
            if alert.at >= self.closed_at:  # the run is tracked again
                self.closed = ""
        return alert


def post(sent: list[Sent], demanded: Iterable[Alert]) -> list[Alert]:
    """What must be sent of alerts newly demanded; `sent` is brought up to it."""
    by_run = {each.last.run: each for each in sent}
    out: list[Alert] = []
    for demand in demanded:
        record, alert = by_run.get(demand.run), demand
        if alert.state == DROPPED:
            if record is None:
                continue
            alert = alert._replace(state=CANCELLED)
        if record is None:
            record = by_run[alert.run] = Sent(alert)
            sent.append(record)
        elif record.knows(alert):
            continue
        out.append(record.note(alert))
    return out


def reconcile(
    sent: list[Sent],
    demanded: list[Alert],
    running: Mapping[RunKey, bool],
    began: Collection[str],
    at: int,
    state: State,
    *,
    parked: RunKey | None = None,
) -> list[Alert]:
    """What must be sent after a history was folded again because of an event at `at`; `sent` is brought up to it.

    `demanded` are all alerts of what was folded again, `running` the runs that were open before it and whether
    they were breached then, `began` the events of it; `state` is the conversation's now. `parked` is the run that a bot
    had ended before it and that can have begun anew since.
    """
    stands = {run for run, breached in running.items() if breached}
    tracked = {run.key for run in state.runs if run.target or run.breached_at}
    ends = {alert.run: alert for alert in demanded if alert.state in ENDED or alert.state == DROPPED}
    breached = {alert.run for alert in demanded if alert.state == BREACHED}.union(stands)
    standing = {alert.run for alert in demanded}.union(stands, tracked)
    can_end = standing.union(running)
    out: list[Alert] = []
    for record in sent:
        run = record.last.run
        if run not in can_end and run[1] not in began and run != parked:
            continue  # it ended before
        if record.breach is not None and run not in breached and not (run == parked and record.breached_before):
            out.append(record.note(_now(record.breach, RETRACTED, at, state)))
        if run not in standing and record.closed != CANCELLED:
            ended = record.parked if run == parked else None
            out.append(record.note(ended or _now(record.last, CANCELLED, at, state)))
    true = [
        alert
        for alert in demanded
        if alert.state in (IMMINENT, BREACHED) or (alert.run not in tracked and ends[alert.run] is alert)
    ]
    return out + post(sent, true)


def _now(alert: Alert, what: str, at: int, s: State) -> Alert:
    reason = "history" if what == CANCELLED else None
    now = alert._replace(state=what, level=0, at=at, late_s=0.0, reason=reason)
    return now._replace(agent=s.agent, team=s.team, priority=s.priority)


def keep(sent: list[Sent], runs: Collection[RunKey], instances: Collection[str]) -> list[Sent]:
    """What must be remembered when only these runs, and runs that began with these events, can still change."""
    return [each for each in sent if each.last.run in runs or each.last.instance in instances]
