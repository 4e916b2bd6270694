"""The parts of an explanation, made of what `tables.explain.trace` has noted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal
from zoneinfo import ZoneInfo

from tables import facts as kinds
from tables import gauges
from tables.days import day_start
from tables.explain.records import Deadline, Moment, Number, Sample, Standing
from tables.explain.rules import STATUSES
from tables.explain.trace import Entry
from tables.facts import MINUTE, Fact
from tables.kpis import read_gauges
from tables.scopes import scopes
from tables.settings import TenantSettings
from tables.state import METRICS, Run, State
from tables.tally import DURATIONS
from tables.windows import ROLLING

METRIC_NAMES = {
    kinds.MESSAGES_IN: "messages_in",
    kinds.MESSAGES_OUT: "messages_out",
    kinds.OPENED: "conversations_opened",
    kinds.REOPENED: "conversations_reopened",
    kinds.RESOLVED: "conversations_resolved",
    kinds.SL_MET: "sl_met",
    kinds.SL_MISSED: "sl_missed",
    kinds.SL_ABANDONED: "sl_abandoned",
    kinds.ONE_TOUCH: "fcr_one_touch",
    kinds.ONE_TOUCH_BACK: "fcr_taken_back",
    kinds.BOT_RESOLVED: "bot_resolved",
    kinds.DELIVERY_FAILED: "delivery_failed",
    kinds.CSAT: "csat",
    kinds.NPS: "nps",
    kinds.CES: "ces",
    kinds.CUSTOMER: "customer",
}
for _kind, _name in zip(kinds.DURATIONS, ("frt", "nrt", "resolution", "handle"), strict=True):
    METRIC_NAMES |= {_kind: _name, _kind + kinds.CALENDAR: _name, _kind + kinds.BUSINESS: f"{_name}_business"}
TIMED = frozenset(DURATIONS)
"""Kinds whose samples have a value in ms."""
DISTINCT = {
    "conversations_active": frozenset({"messages_in", "messages_out"}),
    "conversations_handled": frozenset({"messages_out"}),
}
"""Distinct counts, and the samples of which one makes a conversation count."""


# -- samples and windows ----------------------------------------------------------------------------------


def windows_of(minute: int, until: int, zone: ZoneInfo) -> tuple[str, ...]:
    """The windows that hold the pane of a minute (since the epoch) at the instant `until` (ms)."""
    last = until // MINUTE
    names = [name for name, length in ROLLING.items() if last - length < minute <= last]
    if day_start(until, zone) // MINUTE <= minute <= last:
        names.append("today")
    return tuple(names)


def samples_of(facts: Iterable[Fact], zone: ZoneInfo, until: int) -> tuple[Sample, ...]:
    """The samples that facts are, in the order of booking; what only makes scopes known is none."""
    counts: dict[Fact, int] = {}
    for fact in facts:
        if fact.kind in METRIC_NAMES:
            one = fact._replace(number=1)
            counts[one] = counts.get(one, 0) + fact.number
    return tuple(
        Sample(
            metric=METRIC_NAMES[fact.kind],
            count=count,
            value_s=fact.value / 1000 if fact.kind in TIMED else None,
            minute_at=fact.minute * MINUTE,
            scopes=scopes(fact.dims),
            windows=windows_of(fact.minute, until, zone),
        )
        for fact, count in counts.items()
    )


def counts_in(timeline: Iterable[Moment]) -> dict[str, dict[str, dict[str, Number]]]:
    """By scope and window, what the samples of a timeline add up to; empty ones are left out."""
    out: dict[str, dict[str, dict[str, Number]]] = {}
    for sample in (sample for moment in timeline for sample in moment.samples):
        for scope in sample.scopes:
            for window in sample.windows:
                _add(out.setdefault(scope, {}).setdefault(window, {}), sample)
    return out


def _add(sums: dict[str, Number], sample: Sample) -> None:
    name = sample.metric
    if sample.value_s is None:
        sums[name] = sums.get(name, 0) + sample.count
    else:
        sums[f"{name}_count"] = sums.get(f"{name}_count", 0) + sample.count
        sums[f"{name}_sum_s"] = round(sums.get(f"{name}_sum_s", 0) + sample.count * sample.value_s, 3)
        sums[f"{name}_max_s"] = max(sums.get(f"{name}_max_s", 0), sample.value_s)
    for distinct, touches in DISTINCT.items():
        if name in touches:
            sums[distinct] = 1


# -- what it is ---------------------------------------------------------------------------------------------


def gauges_of(s: State, now: int) -> dict[str, Number]:
    """A conversation's part of the gauges at an instant (ms), those that are not 0."""
    mask = gauges.mask(s, now)
    sums = {code: 1 for code in range(gauges.OLDEST_WAITING) if mask >> code & 1}
    if mask and s.waiting_since:
        sums[gauges.OLDEST_WAITING] = s.waiting_since
    return {name: value for name, value in read_gauges(sums, now, "").items() if value}


def standing_of(s: State, now: int) -> Standing:
    """What a conversation is at an instant (ms)."""
    return Standing(
        status=STATUSES[s.phase],
        agent_id=s.agent,
        team=s.team,
        priority=s.priority,
        topics=s.topics,
        cycle=s.cycles,
        opened_at=s.opened_at or None,
        waiting_since_at=s.waiting_since or None,
        with_bot=s.with_bot,
        overdue=s.overdue,
        gauges=tuple(name for name in gauges_of(s, now) if not name.startswith("oldest_")),
    )


def deadlines_of(entry: Entry, values: TenantSettings) -> tuple[Deadline, ...]:
    """The deadlines that an entry set, moved or paused; how a run ends is told by its alert."""
    before = {run.key: run for run in entry.before.runs}
    out: list[Deadline] = []
    if (anchor := entry.after.anchor) and anchor != entry.before.anchor:
        due = anchor + values.threshold_ms(entry.after.channel)
        out.append(Deadline(metric="service_level", change="set", deadline_at=due, policy="", started_at=anchor))
    for run in entry.after.runs:
        was = before.get(run.key)
        if was is None:
            out.append(_deadline(run, "set" if run.target else "untracked", entry))
        elif was.target and not run.target and not run.breached_at:
            out.append(_deadline(run, "untracked", entry))
        elif (was.policy, was.target) != (run.policy, run.target):
            out.append(_deadline(run, "moved", entry))
        elif run.target and bool(was.paused_at) != bool(run.paused_at):
            out.append(_deadline(run, "paused" if run.paused_at else "resumed", entry))
    return tuple(out)


def _deadline(run: Run, change: Literal["set", "moved", "paused", "resumed", "untracked"], entry: Entry) -> Deadline:
    return Deadline(
        metric=METRICS[run.metric],
        change=change,
        deadline_at=entry.deadlines.get(run.key),
        policy=run.policy if run.target else "",
        started_at=run.started_at,
    )
