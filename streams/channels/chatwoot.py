"""Chatwoot webhooks to events.

A conversation is named by its inbox and its number: the number alone counts from 1 in every account.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET

from streams.channels.house import Head, Origin
from streams.channels.parts import DELIVERY_STATES, Ignored, Number, Outcome, Stamp, dig, instant, parse, take
from streams.events import (
    Assigned,
    Delivery,
    Handoff,
    Message,
    Priority,
    PrioritySet,
    Status,
    StatusChanged,
    Survey,
    Tagged,
)
from streams.rejects import Rejected

_SOURCE = "chatwoot"

STATUSES: Final[dict[str, Status]] = {
    "open": "open",
    "pending": "pending",
    "snoozed": "pending",  # put aside, until a day or until the customer writes, as Intercom's
    "resolved": "resolved",
}
PRIORITIES: Final[dict[str | None, Priority]] = {
    None: "normal",
    "low": "low",
    "medium": "normal",
    "high": "high",
    "urgent": "urgent",
}
OTHER_TOPICS: Final = frozenset(
    [
        *("contact_created", "contact_updated", "conversation_typing_on", "conversation_typing_off"),
        *("inbox_created", "inbox_updated", "webwidget_triggered"),
    ]
)
"""Webhooks that are known and say nothing about a conversation's course."""

_ASSIGNMENT: Final = frozenset(["assignee_id", "team_id"])
_BOTS: Final[frozenset[str | None]] = frozenset(["agent_bot", "AgentBot", "captain_assistant", "Captain::Assistant"])


class _Webhook(msgspec.Struct):
    event: str


class _Someone(msgspec.Struct):
    id: Number | None = None
    type: str | None = None


class _Meta(msgspec.Struct):
    sender: _Someone | None = None
    assignee: _Someone | None = None
    team: _Someone | None = None


class _Held(msgspec.Struct):
    """A message inside a conversation, where its state stands."""

    id: Number
    status: str | None = None
    sender_type: str | None = None
    updated_at: Stamp | None = None


class _Conversation(msgspec.Struct):
    id: Number
    inbox_id: Number
    channel: str | None = None
    status: str | None = None
    priority: str | None = None
    labels: tuple[str, ...] | None = None
    meta: _Meta | None = None
    messages: tuple[_Held, ...] | None = None
    changed_attributes: tuple[dict[str, Any], ...] | None = None
    created_at: Stamp | None = None
    updated_at: Stamp | None = None
    timestamp: Stamp | None = None
    waiting_since: Stamp | None = None
    agent_last_seen_at: Stamp | None = None
    contact_last_seen_at: Stamp | None = None


class _Message(msgspec.Struct):
    id: Number
    message_type: str
    created_at: Stamp
    conversation: _Conversation
    private: bool | None = None
    sender: _Someone | None = None
    content_attributes: Any = None
    additional_attributes: Any = None


def outcomes(body: bytes, origin: Origin) -> Iterator[Outcome]:
    """What a webhook gives."""
    found = parse(body)
    match take(found, _Webhook, "$").event:
        case "message_created":
            yield _message(take(found, _Message, "$"), origin)
        case "message_updated":
            yield _message_updated(take(found, _Message, "$"), origin)
        case "conversation_created":
            yield from _created(take(found, _Conversation, "$"), origin)
        case "conversation_status_changed" | "conversation_opened" | "conversation_resolved":
            yield from _status(take(found, _Conversation, "$"), origin)
        case "conversation_updated":
            yield from _updated(take(found, _Conversation, "$"), origin)
        case "assignee_changed" | "team_changed":
            conversation = take(found, _Conversation, "$")
            yield _assigned(conversation, origin, _changed_at(conversation), _ASSIGNMENT)
        case event:
            yield Ignored.OTHER_TOPIC if event in OTHER_TOPICS else Ignored.UNKNOWN_TOPIC


def _head(origin: Origin, conversation: _Conversation, what: str, at: int) -> Head:
    conversation_id = f"{_SOURCE}-{conversation.inbox_id}-{conversation.id}"
    channel = origin.house.inboxes.get(conversation.channel or "", "chat")
    return origin.head(f"{conversation_id}-{what}", at, conversation_id, channel)


def _message(message: _Message, origin: Origin) -> Message | Ignored:
    conversation = message.conversation
    head = _head(origin, conversation, f"message-{message.id}", instant(message.created_at, "$.created_at"))
    contact = conversation.meta.sender if conversation.meta else None
    if contact is None and message.message_type == "incoming":
        contact = message.sender
    number = contact.id if contact else None
    customer_id = None if number is None else origin.pseudonym("customer", _SOURCE, str(number))
    match message.message_type:
        case "incoming":
            auto = dig(message.content_attributes, "email", "auto_reply") is True
            return Message(**head, direction="inbound", author="customer", customer_id=customer_id, auto=auto)
        case "outgoing":
            author, agent_id = _author(message, origin)
            return Message(
                **head,
                direction="outbound",
                author=author,
                agent_id=agent_id,
                customer_id=customer_id,
                private=message.private is True,
                auto=author == "system",
            )
        case "activity" | "template":  # the platform's own: what was done, greetings, "we are closed", survey requests
            return Message(**head, direction="outbound", author="system", customer_id=customer_id, auto=True)
        case _:
            return Ignored.UNKNOWN_KIND


def _author(message: _Message, origin: Origin) -> tuple[Literal["agent", "bot", "system"], str | None]:
    """Who sent an outgoing message; a campaign's or a rule's is the platform's, whoever it names as its sender."""
    if dig(message.additional_attributes, "campaign_id") or dig(message.content_attributes, "automation_rule_id"):
        return "system", None
    sender = message.sender
    if sender is not None and sender.type in _BOTS:
        return "bot", None
    if sender is not None and sender.id is not None:
        return "agent", origin.agent(_SOURCE, sender.id)
    if dig(message.content_attributes, "external_echo") is True:  # typed in the phone app, by nobody the platform knows
        return "agent", origin.agent(_SOURCE, "echo")
    return "system", None


def _message_updated(message: _Message, origin: Origin) -> Outcome:
    """The answer to a survey, or the fate of an outgoing message."""
    conversation = message.conversation
    held = next((each for each in conversation.messages or () if each.id == message.id), None)
    stamp = (held.updated_at if held else None) or conversation.updated_at or message.created_at
    at = instant(stamp, "$.conversation.updated_at")
    sent = _head(origin, conversation, f"message-{message.id}", at)["event_id"]
    rating = dig(message.content_attributes, "submitted_values", "csat_survey_response", "rating")
    if rating is not None:
        score = take(rating, int, "$.content_attributes.submitted_values.csat_survey_response.rating")
        # No score in the id: the customer's remark comes later and repeats it.
        return Survey(**_head(origin, conversation, f"survey-{message.id}", at), survey="csat", score=score)
    state = DELIVERY_STATES.get(held.status if held else None)
    if state is None or message.private or message.message_type not in {"outgoing", "template"}:
        return Ignored.NO_CHANGE
    head = _head(origin, conversation, f"message-{message.id}-{state}", at)
    return Delivery(**head, message_id=sent, state=state)


def _created(conversation: _Conversation, origin: Origin) -> Iterator[Outcome]:
    """All that is set from the beginning."""
    if conversation.created_at is None:
        raise Rejected("missing_field", "$.created_at: required")
    at = instant(conversation.created_at, "$.created_at")
    meta = conversation.meta or _Meta()
    if meta.assignee or meta.team:
        yield _assigned(conversation, origin, at, _ASSIGNMENT)
    if conversation.priority is not None:
        yield _priority(conversation, origin, at)
    if conversation.labels:
        yield _tagged(conversation, origin, at, ())
    yield _new_status(conversation, origin, at)


def _status(conversation: _Conversation, origin: Origin) -> Iterator[Outcome]:
    """The new status; and a hand-off where a bot had the conversation, which is what `pending` says."""
    at = _changed_at(conversation)
    before = dig(_changes(conversation).get("status"), "previous_value")
    last = conversation.messages[-1].sender_type if conversation.messages else None
    if conversation.status == "open" and (before == "pending" or (before is None and last in _BOTS)):
        yield Handoff(**_head(origin, conversation, f"handoff-{at}", at))
    yield _new_status(conversation, origin, at)


def _updated(conversation: _Conversation, origin: Origin) -> Iterator[Outcome]:
    """What the webhook names as changed."""
    changes, at = _changes(conversation), _changed_at(conversation)
    if changed := changes.keys() & _ASSIGNMENT:
        yield _assigned(conversation, origin, at, changed)
    if "priority" in changes:
        yield _priority(conversation, origin, at)
    if "label_list" in changes:
        before = dig(changes["label_list"], "previous_value") or ()
        yield _tagged(conversation, origin, at, take(before, tuple[str, ...], "$.changed_attributes.label_list"))
    if "status" in changes:
        yield from _status(conversation, origin)
    if changes.keys().isdisjoint({"priority", "label_list", "status", *_ASSIGNMENT}):
        yield Ignored.NO_CHANGE


def _changes(conversation: _Conversation) -> dict[str, Any]:
    """Every changed attribute with its `previous_value` and `current_value`."""
    return {name: change for each in conversation.changed_attributes or () for name, change in each.items()}


def _changed_at(conversation: _Conversation) -> int:
    """When the change took place, in ms.

    Where Chatwoot does not say (before 4.0), the latest instant that the webhook knows of: the change came after it.
    """
    if conversation.updated_at:
        return instant(conversation.updated_at, "$.updated_at")
    known = {
        "created_at": conversation.created_at,
        "timestamp": conversation.timestamp,
        "waiting_since": conversation.waiting_since,
        "agent_last_seen_at": conversation.agent_last_seen_at,
        "contact_last_seen_at": conversation.contact_last_seen_at,
    } | {f"messages[{index}].updated_at": each.updated_at for index, each in enumerate(conversation.messages or ())}
    instants = [instant(stamp, f"$.{name}") for name, stamp in known.items() if stamp]
    if not instants:
        raise Rejected("missing_field", "$.updated_at: required")
    return max(instants)


def _new_status(conversation: _Conversation, origin: Origin, at: int) -> StatusChanged:
    status = STATUSES.get(conversation.status or "")
    if status is None:
        raise Rejected("bad_value", f"$.status: allowed are {', '.join(STATUSES)}")
    return StatusChanged(**_head(origin, conversation, f"status-{at}-{status}", at), status=status)


def _assigned(conversation: _Conversation, origin: Origin, at: int, changed: AbstractSet[str]) -> Assigned:
    meta = conversation.meta or _Meta()
    agent = meta.assignee.id if meta.assignee else None
    team = meta.team.id if meta.team else None
    agent_id = None if agent is None else origin.agent(_SOURCE, agent)
    team_id = None if team is None else origin.team(_SOURCE, team)
    return Assigned(
        **_head(origin, conversation, f"assigned-{at}-{agent}-{team}", at),
        agent_id=agent_id if "assignee_id" in changed else UNSET,
        team=team_id if "team_id" in changed else UNSET,
    )


def _priority(conversation: _Conversation, origin: Origin, at: int) -> PrioritySet:
    priority = PRIORITIES.get(conversation.priority)
    if priority is None:
        raise Rejected("bad_value", "$.priority: allowed are low, medium, high, urgent, null")
    return PrioritySet(**_head(origin, conversation, f"priority-{at}-{priority}", at), priority=priority)


def _tagged(conversation: _Conversation, origin: Origin, at: int, before: tuple[str, ...]) -> Tagged:
    now = conversation.labels or ()
    add = tuple(each for each in now if each not in before)
    remove = tuple(each for each in before if each not in now)
    digest = origin.pseudonym("labels", *add, "", *remove)
    return Tagged(**_head(origin, conversation, f"tagged-{at}-{digest}", at), add=add, remove=remove)
