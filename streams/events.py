"""Canonical events: what `sigap.events` holds (contract section 2)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from streams.business import Business
from streams.fields import MAX_AT, MAX_ID_BYTES, SLUG, Common, Id, Instant, Slug

__all__ = [
    "MAX_AT",
    "MAX_ID_BYTES",
    "SCORES",
    "SLUG",
    "Assigned",
    "Common",
    "ConversationEvent",
    "Delivery",
    "Event",
    "Handoff",
    "Id",
    "Instant",
    "Message",
    "OfConversation",
    "Presence",
    "Priority",
    "PrioritySet",
    "Slug",
    "Status",
    "StatusChanged",
    "Survey",
    "Tagged",
]

Priority = Literal["low", "normal", "high", "urgent"]
Status = Literal["open", "pending", "on_hold", "resolved"]


class ConversationEvent(Common, frozen=True, kw_only=True, gc=False):
    """An event of one conversation, keyed `tenant/conversation_id`."""

    conversation_id: Id
    channel: Slug


class Message(ConversationEvent, frozen=True, kw_only=True, gc=False, tag_field="type", tag="message"):
    """A message in or out; its body never travels. `agent_id` is required where `author` is `agent`."""

    direction: Literal["inbound", "outbound"]
    author: Literal["customer", "agent", "bot", "system"]
    agent_id: Id | None = None
    customer_id: Id | None = None
    private: bool = False
    auto: bool = False


class Assigned(ConversationEvent, frozen=True, kw_only=True, gc=False, tag_field="type", tag="assigned"):
    """Assignee or team set; an absent field leaves the value, null clears it."""

    agent_id: Id | UnsetType | None = UNSET
    team: Id | UnsetType | None = UNSET


class Handoff(ConversationEvent, frozen=True, kw_only=True, gc=False, tag_field="type", tag="handoff"):
    """From the bot to the human queue."""

    team: Id | None = None


class StatusChanged(ConversationEvent, frozen=True, kw_only=True, gc=False, tag_field="type", tag="status"):
    """The conversation's status; `agent_id` is informative."""

    status: Status
    agent_id: Id | None = None


class PrioritySet(ConversationEvent, frozen=True, kw_only=True, gc=False, tag_field="type", tag="priority"):
    """The conversation's priority."""

    priority: Priority


class Tagged(ConversationEvent, frozen=True, kw_only=True, gc=False, tag_field="type", tag="tagged"):
    """Topics put on and taken off."""

    add: tuple[Id, ...] = ()
    remove: tuple[Id, ...] = ()


class Survey(ConversationEvent, frozen=True, kw_only=True, gc=False, tag_field="type", tag="survey"):
    """A customer's score: csat 1-5, nps 0-10, ces 1-7."""

    survey: Literal["csat", "nps", "ces"]
    score: int


class Delivery(ConversationEvent, frozen=True, kw_only=True, gc=False, tag_field="type", tag="delivery"):
    """What became of an outbound message."""

    message_id: Id
    state: Literal["sent", "delivered", "read", "failed"]


class Presence(Common, frozen=True, kw_only=True, gc=False, tag_field="type", tag="presence"):
    """An agent's state, keyed `tenant/agent_id`; `capacity` in slots."""

    agent_id: Id
    state: Literal["online", "busy", "away", "offline"]
    capacity: Annotated[int, Meta(ge=0)] | None = None


OfConversation = Message | Assigned | Handoff | StatusChanged | PrioritySet | Tagged | Survey | Delivery
Event = OfConversation | Presence | Business

SCORES: dict[str, tuple[int, int]] = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}
"""The scale of each survey, both ends included."""
