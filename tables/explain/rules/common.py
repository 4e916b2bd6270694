"""What the rules have in common."""

from __future__ import annotations

from collections.abc import Iterator

from tables.explain.lengths import duration, seconds
from tables.explain.records import Rule
from tables.explain.samples import METRIC_NAMES, Booked, booked
from tables.explain.trace import Entry
from tables.explain.view import View
from tables.state import State

Rules = Iterator[Rule]


def sample(entry: Entry, kind: int) -> Booked | None:
    """The first sample of a kind that an entry booked."""
    return next((each for each in booked(entry.facts) if each.metric == METRIC_NAMES[kind]), None)


def books(entry: Entry, kind: int) -> bool:
    """Whether an entry booked a fact of a kind."""
    return any(fact.kind == kind for fact in entry.facts)


def first_wait(after: State, view: View, why: str) -> Rule:
    """A first-response wait starts."""
    limit = seconds(view.values.threshold_ms(after.channel))
    return Rule(name="first-response wait", why=f"starts: {why}; T of {after.channel} = {limit}")


def in_business(each: Booked) -> str:
    """How much of a duration was business time, where that is not all of it."""
    return "" if each.value == each.business else f", {duration(each.business)} of it in business time"


def move(was: str | None, now: str | None) -> str:
    """A change of a value."""
    return f"{was or 'none'} → {now or 'none'}" if was != now else "nothing changes"
