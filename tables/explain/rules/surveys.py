"""What is booked at its own instant, whatever the conversation is: surveys and failed deliveries."""

from __future__ import annotations

from streams.events import Delivery, OfConversation, Survey
from tables.explain.records import Rule
from tables.explain.rules.common import Rules
from tables.explain.samples import counted_as
from tables.explain.trace import Entry
from tables.explain.view import View
from tables.state import Step


def survey(_: Entry, step: Step, event: OfConversation, view: View) -> Rules:
    """A score."""
    if isinstance(event, Survey):
        counts = ", ".join(counted_as(event.survey, event.score, view.values))
        yield Rule(name="survey", why=f"{event.survey} {event.score} counts in {counts}{_own(step)}")


def delivery(_: Entry, step: Step, event: OfConversation, __: View) -> Rules:
    """A message that did not reach the customer."""
    if isinstance(event, Delivery):
        yield Rule(name="delivery failed", why=f"message {event.message_id} did not arrive{_own(step)}")


def _own(step: Step) -> str:
    return "; booked at its own instant" if step.behind is not None else ""
