"""The timeline of a conversation, and its first-response waits, from the history as it stands."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Literal

import msgspec
from msgspec.structs import replace

from tables.explain.deadlines import deadlines_of
from tables.explain.records import Arrived, Changed, Moment, Wait
from tables.explain.rules import rules_of
from tables.explain.samples import booked, samples_of, windows_of
from tables.explain.standing import standing_of
from tables.explain.trace import Arrival, Entry, Sent, Watch
from tables.explain.view import View
from tables.facts import CALENDAR, FRT, SL_ABANDONED, SL_MET, SL_MISSED
from tables.state import BOT, METRICS, STATUS


def moments(watch: Watch, view: View) -> tuple[Moment, ...]:
    """The timeline: the history as it stands, with what was sent at every instant."""
    # An id can come again once it is forgotten; its events are then folded in the order in which they came.
    arrivals: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for place, arrival in enumerate(watch.arrivals):
        if arrival.order != "duplicate":
            arrivals[arrival.event.event_id, arrival.event.at].append(place)
    out: list[Moment] = []
    for place, (life, end) in enumerate(zip(watch.lives, watch.ends, strict=True)):
        sent = [each for each in watch.sent if each.life == place]
        out += _of_life(life, watch.arrivals, arrivals, sent, view)
        if end:
            out.append(Moment(at=end, kind="forgotten"))
    return tuple(out)


def _of_life(
    life: list[Entry],
    came: list[Arrival],
    arrivals: dict[tuple[str, int], list[int]],
    sent: list[Sent],
    view: View,
) -> list[Moment]:
    timers = [each for each in sent if each.arrival is None]
    out: list[Moment] = []
    for entry in life:
        if entry.step is None:
            out.append(_moment(entry, None, _taken(timers, entry), view))
        else:
            place = arrivals[entry.step.id, entry.step.at].pop(0)
            caused = [each for each in sent if each.arrival == place]
            out.append(_moment(entry, came[place], caused, view))
    for each in timers:  # of a history that has been folded again since
        place = next((n for n, moment in enumerate(out) if moment.at > each.alert.at), len(out))
        out.insert(place, Moment(at=each.alert.at, kind="undone", alerts=(each.alert,)))
    return out


def _taken(timers: list[Sent], entry: Entry) -> list[Sent]:
    """What was sent of the timers of one instant, taken off the list."""
    demanded = {(METRICS[each.metric], each.instance, each.state, each.level) for each in entry.demands}
    found = [
        each
        for each in timers
        if each.alert.at == entry.at
        and (each.alert.metric, each.alert.instance, each.alert.state, each.alert.level) in demanded
    ]
    for each in found:
        timers.remove(each)
    return found


def _moment(entry: Entry, arrival: Arrival | None, sent: list[Sent], view: View) -> Moment:
    event = None if arrival is None else arrival.event
    return Moment(
        at=entry.at,
        kind="timer" if event is None else "event",
        event=None if event is None else msgspec.to_builtins(event),
        arrived=None if arrival is None else _arrived(arrival),
        rules=rules_of(entry, event, view),
        samples=samples_of(booked(entry.facts), view),
        deadlines=deadlines_of(entry, view),
        alerts=tuple(each.alert for each in sent),
        changed=None if arrival is None else _changed(arrival, entry, view),
        standing=standing_of(entry.after, entry.at, view),
    )


def _arrived(arrival: Arrival) -> Arrived:
    behind = (arrival.clock - arrival.event.at) / 1000
    return Arrived(record=arrival.record + 1, order=arrival.order, clock_at=arrival.clock, behind_s=behind)


def _changed(arrival: Arrival, entry: Entry, view: View) -> Changed | None:
    was, now = Counter(booked(arrival.before)), Counter(booked(arrival.after))
    taken_back, anew = was - now, now - was - Counter(booked(entry.facts))
    if not taken_back and not anew:
        return None
    return Changed(taken_back=samples_of(taken_back.elements(), view), booked=samples_of(anew.elements(), view))


# -- first-response waits -----------------------------------------------------------------------------------


def waits_of(watch: Watch, view: View) -> tuple[Wait, ...]:
    """Every first-response wait of the history, and what became of it."""
    out: list[Wait] = []
    for life in watch.lives:
        wait: Wait | None = None
        for entry in life:
            before, after = entry.before, entry.after
            if wait is not None:
                wait = _decided(wait, entry, view)
                if after.anchor != before.anchor:
                    out.append(_ended(wait, entry))
                    wait = None
            if after.anchor and after.anchor != before.anchor:
                wait = _begun(after.anchor, view.values.threshold_ms(after.channel))
        if wait is not None:
            out.append(wait)
    return tuple(out)


def _begun(anchor: int, threshold: int) -> Wait:
    return Wait(
        anchor_at=anchor,
        due_at=anchor + threshold,
        threshold_s=threshold / 1000,
        outcome="waiting",
        why="no human reply yet, and T has not passed",
        decided_at=None,
        agent_id=None,
        response_s=None,
        windows=(),
    )


_OUTCOMES: dict[int, tuple[Literal["met", "missed", "abandoned"], str]] = {
    SL_MET: ("met", "a human reply came within T"),
    SL_MISSED: ("missed", "T passed without a human reply"),
    SL_ABANDONED: ("abandoned", "resolved within T without a human reply"),
}


def _decided(wait: Wait, entry: Entry, view: View) -> Wait:
    fact = next((each for each in entry.facts if each.kind in _OUTCOMES), None)
    if fact is None:
        return wait
    outcome, why = _OUTCOMES[fact.kind]
    return replace(
        wait,
        outcome=outcome,
        why=why,
        decided_at=entry.at,
        agent_id=fact.dims[1],
        windows=windows_of(fact.minute, view.until, view.zone),
    )


def _ended(wait: Wait, entry: Entry) -> Wait:
    first = next((each.value for each in entry.facts if each.kind in {FRT, FRT + CALENDAR}), None)
    if first is not None:
        wait = replace(wait, response_s=first / 1000)
    if wait.outcome != "waiting":
        return wait
    code = None if entry.step is None else entry.step.code
    if code == STATUS:
        return replace(wait, outcome="short_abandoned", why="resolved within S without a human reply: in no formula")
    by = "the bot took the conversation over" if code == BOT else "a hand-off dropped it"
    return replace(wait, outcome="undecided", why=f"{by} before it was decided: counts in nothing")
