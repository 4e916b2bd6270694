"""The rules of the contract by name: what a step or a timer did to a conversation, read from before and after.

Nothing here decides; `tables.conversation` does. The names are those of contract section 3.
"""

from __future__ import annotations

from collections.abc import Callable

from streams.events import OfConversation
from tables.explain.lengths import duration, seconds
from tables.explain.records import Rule
from tables.explain.rules.changes import assigned, handoff, priority, status, tagged
from tables.explain.rules.common import Rules
from tables.explain.rules.cycles import handling, opened
from tables.explain.rules.messages import bot, customer, human, named, other
from tables.explain.rules.runs import chosen, timers
from tables.explain.rules.surveys import delivery, survey
from tables.explain.trace import Entry
from tables.explain.view import View
from tables.state import (
    ASSIGNED,
    BOT,
    CES,
    CSAT,
    CUSTOMER,
    FAILED,
    HANDOFF,
    HUMAN,
    NPS,
    PRIORITY,
    STATUS,
    TAGGED,
    Step,
)

_BY_CODE: dict[int, Callable[[Entry, Step, OfConversation, View], Rules]] = {
    CUSTOMER: customer,
    HUMAN: human,
    BOT: bot,
    ASSIGNED: assigned,
    HANDOFF: handoff,
    STATUS: status,
    PRIORITY: priority,
    TAGGED: tagged,
    CSAT: survey,
    NPS: survey,
    CES: survey,
    FAILED: delivery,
}


def rules_of(entry: Entry, event: OfConversation | None, view: View) -> tuple[Rule, ...]:
    """The rules that held at one entry of the history, in the order in which they acted; `event` None: timers."""
    step = entry.step
    if step is None or event is None:
        return tuple(timers(entry, view))
    return (
        *_late(step, view),
        *opened(entry, step),
        *_BY_CODE.get(step.code, other)(entry, step, event, view),
        *named(entry),
        *handling(entry, view),
        *chosen(entry, view),
    )


def _late(step: Step, view: View) -> Rules:
    if step.behind is None:
        return
    limit = f"the lateness ({seconds(view.values.lateness_ms)})"
    if step.t - step.at > view.values.lateness_ms:
        why = f"{duration(step.t - step.at)} before the newest event, more than {limit}: folded as the newest"
    else:
        why = f"out of order, the clock past the newest event by more than {limit}, or more events behind it than "
        why += f"reorder_max ({view.values.reorder_max}): folded as the newest"
    yield Rule(name="late", why=why)
