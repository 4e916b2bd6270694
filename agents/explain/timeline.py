"""The timeline of an explanation's text, and the records that are not in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from agents.explain.page import STYLES, Line, Page
from agents.explain.words import ORDERS, REASONS, duration_s, of_event, of_sample, of_standing
from agents.printable import printable
from tables.alerts import AlertRecord
from tables.explain.records import Arrived, Moment, Refused, Sample, Standing

INDENT: Final = 14
"""Where the rows of the timeline begin: behind the longest time of day."""
KINDS: Final = {
    "timer": "timer",
    "undone": "timer, undone since: a record that came later changed the history",
    "forgotten": "forgotten: what comes later starts a new conversation",
}
Rows = Iterator[tuple[str, str, str]]
"""Head, body, style."""


def timeline(page: Page) -> Iterator[Line]:
    """Each moment in the order of folding, under its day."""
    if page.x.timeline:
        yield from page.title(f"Timeline, in the order of folding, {page.x.timezone}")
    day, before = None, None
    for moment in page.x.timeline:
        if day != page.day(moment.at):
            day = page.day(moment.at)
            yield from page.title(f"{day:%A} {day.day} {day:%B %Y}", "underline")
        yield Line("")
        what = KINDS.get(moment.kind, "")
        if moment.event is not None and moment.arrived is not None:
            name = f"record {moment.arrived.record}, {moment.event['event_id']}"
            what = printable(f"{of_event(moment.event)}   [{name}]")
        yield Line(f"{page.time(moment.at, moment.at):<{INDENT}}{what}", "bold", INDENT + len(what))
        for head, body, style in _rows(page, moment, before):
            yield from page.row(head, body, style, indent=INDENT)
        before = moment.standing or before


def _rows(page: Page, moment: Moment, before: Standing | None) -> Rows:
    at = moment.at
    if moment.arrived is not None and moment.event is not None and moment.arrived.order != "in_order":
        yield "arrived", _arrived(page, moment.arrived, moment.event["at"], at), "yellow"
    for rule in moment.rules:
        yield rule.name, rule.why, STYLES.get(rule.name.rpartition(": ")[2], "cyan")
    yield from _deadlines(page, moment)
    yield from _booked(page, "booked", moment.samples, at)
    if moment.changed is not None:
        yield from _booked(page, "taken back", moment.changed.taken_back, at, "yellow")
        yield from _booked(page, "booked anew", moment.changed.booked, at, "yellow")
    for alert in moment.alerts:
        yield "alert", _alert(page, alert, at), STYLES.get(alert.state, "magenta")
    if moment.standing is not None and moment.standing != before:
        yield "then", of_standing(moment.standing, page.time, at), "dim"
        gauges = moment.standing.gauges
        if gauges != (() if before is None else before.gauges):
            yield "in the gauges", ", ".join(gauges) or "none any more", "dim"


def _arrived(page: Page, arrival: Arrived, own: int, folded: int) -> str:
    came = f"when the clock was {page.time(arrival.clock_at, folded)}, {duration_s(arrival.behind_s)} behind it"
    if arrival.order == "late":
        return f"late, {came}; its own instant is {page.time(own, folded)}"
    return f"{ORDERS[arrival.order]}, {came}; the history was folded again from here"


def _deadlines(page: Page, moment: Moment) -> Rows:
    words = {"set": "", "moved": "moves to ", "paused": "stands still, was ", "resumed": "goes on, now "}
    for each in moment.deadlines:
        if each.deadline_at is not None:
            source = f"policy {each.policy}" if each.policy else "T"
            source += "" if each.calendar is None else f", calendar {each.calendar}"
            since = f"{source}, from {page.time(each.started_at, moment.at)}"
            due = f"{words[each.change]}{page.time(each.deadline_at, moment.at)}"
            yield "deadline", f"{each.metric} {due} ({since})", "cyan"
    none = [each.metric for each in moment.deadlines if each.deadline_at is None]
    if none:
        yield "no deadline", f"{', '.join(none)}: no target in the policy in force", "dim"


def _booked(page: Page, head: str, samples: Iterable[Sample], beside: int, style: str = "blue") -> Rows:
    panes: dict[tuple[int, tuple[str, ...]], list[Sample]] = {}
    work: list[Sample] = []
    for sample in samples:
        if sample.first_at is None:
            panes.setdefault((sample.minute_at, sample.scopes), []).append(sample)
        else:
            work.append(sample)
    for (minute, scopes), held in panes.items():
        what = ", ".join(map(of_sample, held))
        yield head, f"{what}; pane {page.minute(minute, beside)} of {', '.join(scopes)}", style
    for each in work:
        first, last = (page.minute(at, beside) for at in (each.first_at or 0, each.minute_at))
        stretch = f"pane {first}" if first == last else f"panes {first} to {last}"
        yield head, f"occupied, {stretch} of {', '.join(each.scopes)}", style


def _alert(page: Page, alert: AlertRecord, beside: int) -> str:
    level = f" level {alert.level}" if alert.level else ""
    at = "" if alert.at == beside else f" at {page.time(alert.at, beside)}"
    late = f", {duration_s(alert.late_s)} late" if alert.late_s else ""
    deadline = f"deadline {page.time(alert.deadline_at, beside)}{late}"
    why = "" if alert.reason is None else f": {REASONS[alert.reason]}"
    return f"{alert.metric} {alert.state}{level}{at}{why} (policy {alert.policy}, {deadline})"


def refused(page: Page) -> Iterator[Line]:
    """The records of the conversation that were not folded, with the reasons."""
    if page.x.refused:
        yield from page.title("Not folded")
    for each in page.x.refused:
        yield from page.row(f"record {each.record}", _why(page, each), "yellow")


def _why(page: Page, each: Refused) -> str:
    name = f"event {each.event_id}" if each.event_id is not None else "an event without an id"
    at = f" of {page.time(each.at)}" if each.at else ""
    match each.outcome:
        case "duplicate":
            return f"duplicate: {name}{at} is known already and changes nothing"
        case "after_until":
            return f"left out: {name}{at} is after --until"
        case _:
            return f"rejected: {name}{at}: {each.reason}, {each.detail}"
