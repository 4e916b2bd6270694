"""The first lines of an explanation's text: what the conversation is and what it counts for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.explain.page import STYLES, Line, Page
from agents.explain.words import ORDERS, amounts, duration_s, of_running, of_standing
from agents.printable import printable
from tables.explain.records import Wait

ALERTS_NAMED: Final = 4
"""So many alerts are named at the top."""
FORMULAS: Final = {
    "ignore_abandoned": "met / (met + missed)",
    "abandoned_missed": "met / (met + missed + abandoned)",
    "abandoned_met": "(met + abandoned) / (met + missed + abandoned)",
}


def answer(page: Page) -> Iterator[Line]:
    """What the conversation is, its service level, all that it booked, and how its records came."""
    x = page.x
    title = printable(" · ".join((f"Conversation {x.conversation_id}", x.tenant, x.channel or "nothing folded")))
    yield Line(title, "bold", len(title))
    yield from page.row("As of", f"{page.time(x.until)} {x.timezone} (--until {x.until})")
    if x.channel is not None:
        gone = "nothing any more: it was resolved and forgotten"
        yield from page.row("It is", gone if x.standing is None else of_standing(x.standing, page.time, x.until))
        if x.standing is not None and x.standing.policy is not None:
            calendar = x.standing.calendar
            measure = "around the clock" if calendar is None else f"calendar {calendar}"
            yield from page.row("Policy in force", f"{x.standing.policy}, {measure}")
        yield from _level(page)
        samples = [sample for moment in x.timeline for sample in moment.samples]
        yield from page.row("Booked in its life", amounts(samples) or "nothing")
        for run in x.runs:
            style = STYLES["breached"] if run.breached else ""
            yield from page.row(f"SLA {run.metric}", of_running(run, page.time, x.until), style)
        alerts = [alert for moment in x.timeline for alert in moment.alerts]
        if alerts:
            told = [f"{each.metric} {each.state} {page.time(each.at, x.until)}" for each in alerts[:ALERTS_NAMED]]
            more = ", …" if len(alerts) > ALERTS_NAMED else ""
            yield from page.row("Alerts", f"{len(alerts)}: {', '.join(told)}{more}")
    yield from page.row("Records", _records(page))


def _level(page: Page) -> Iterator[Line]:
    if not page.x.waits:
        yield from page.row("Service level", "no first-response wait: it counts for nothing in the service level")
    for wait in page.x.waits:
        yield from page.row("Service level", _wait(page, wait), STYLES.get(wait.outcome, "yellow"))
    if any(wait.decided_at for wait in page.x.waits):
        yield from page.row("", f"the formula is {FORMULAS[page.x.formula]} ({page.x.formula})")


def _wait(page: Page, wait: Wait) -> str:
    start, due = page.time(wait.anchor_at, page.x.until), page.time(wait.due_at, wait.anchor_at)
    what = f"{wait.outcome.replace('_', ' ')}: {wait.why} (T = {duration_s(wait.threshold_s)}: {start} to {due})"
    if wait.response_s is not None:
        what += f"; the reply came after {duration_s(wait.response_s)}"
    if wait.decided_at is not None:
        agent = f"agent {wait.agent_id}" if wait.agent_id is not None else "no agent"
        windows = f"counts in {' '.join(wait.windows)}" if wait.windows else "in no window any more"
        what += f"; booked at {page.time(wait.decided_at, wait.anchor_at)} under {agent}; {windows}"
    return what


def _records(page: Page) -> str:
    x = page.x
    came: list[str] = [moment.arrived.order for moment in x.timeline if moment.arrived is not None]
    others = [each.outcome.replace("after_until", "after --until") for each in x.refused]
    kinds = [f"{came.count(each)} {name}" for each, name in ORDERS.items() if came.count(each)]
    parts = [f"{len(came)} folded" + (f" ({', '.join(kinds)})" if kinds else "")]
    parts += [f"{others.count(each)} {each}" for each in dict.fromkeys(others)]
    nameless = f"; besides, {x.nameless} rejected that name no conversation" if x.nameless else ""
    return ", ".join(parts) + nameless
