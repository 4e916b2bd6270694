"""Intercom webhooks to events, of the first API as of today's.

The topic says what happened, the parts of the conversation say to what and when. One part may come under several
topics (a reply that also assigns): each gives its own kind of event, and always with the same id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from streams.channels.house import Head, Origin
from streams.channels.parts import Ignored, Number, Outcome, Stamp, Text, Token, dig, each, instant, parse, take
from streams.events import Assigned, Message, Priority, PrioritySet, Status, StatusChanged, Survey, Tagged
from streams.rejects import Rejected

_SOURCE = "intercom"
_CHANNEL = "chat"

STARTS: Final = frozenset(["conversation.user.created", "conversation.admin.single.created"])
"""Topics of a conversation's first message."""
REPLIES: Final = frozenset(
    [
        *("conversation.user.replied", "conversation.admin.replied", "conversation.operator.replied"),
        "conversation.admin.noted",
    ]
)
ASSIGNMENTS: Final = frozenset(["conversation.admin.assigned", "conversation.admin.open.assigned"])
STATUSES: Final[dict[str, Status]] = {
    "conversation.admin.opened": "open",
    "conversation.admin.unsnoozed": "open",
    "conversation.admin.snoozed": "pending",  # a customer's message ends it, with no webhook of its own
    "conversation.admin.closed": "resolved",
}
PRIORITIES: Final[dict[str, Priority]] = {"priority": "high", "not_priority": "normal"}
OTHER_TOPICS: Final = (
    *("admin.", "article.", "call.", "company.", "contact.", "content_stat.", "event.", "job.", "lead.", "ping"),
    *("subscription.", "ticket.", "user.", "visitor."),
    *("conversation.contact.", "conversation.deleted", "conversation.read", "conversation_part.redacted"),
)
"""Beginnings of topics that are known and say nothing about a conversation's course."""

_PRIORITY = "conversation.priority.updated"
_RATING = "conversation.rating.added"
_TAG = "conversation_part.tag.created"
_ITEM = "$.data.item"
_PARTS = f"{_ITEM}.conversation_parts.conversation_parts"
_CUSTOMERS: Final = frozenset(["user", "lead", "contact", "visitor"])
_PEOPLE: Final = frozenset([None, "customer_initiated", "admin_initiated"])  # what is delivered_as else is automatic


class _Notification(msgspec.Struct):
    topic: str
    data: Any = None
    created_at: Stamp | None = None


class _Someone(msgspec.Struct):
    type: str
    id: Token | Number | None = None


class _Contacts(msgspec.Struct):
    contacts: tuple[_Someone, ...] = ()


class _First(msgspec.Struct):
    id: Token | Number
    author: _Someone
    delivered_as: str | None = None


class _Part(msgspec.Struct):
    id: Token | Number
    part_type: str
    created_at: Stamp
    author: _Someone
    assigned_to: _Someone | None = None
    from_ai_agent: bool | None = None


class _Rating(msgspec.Struct):
    rating: int | None = None
    created_at: Stamp | None = None


class _Tag(msgspec.Struct):
    name: Text


class _Tags(msgspec.Struct):
    tags: tuple[_Tag, ...] = ()


class _Item(msgspec.Struct):
    id: Token | Number
    created_at: Stamp
    updated_at: Stamp | None = None
    state: str | None = None
    user: _Someone | None = None
    contacts: _Contacts | None = None
    conversation_message: _First | None = None
    source: _First | None = None
    conversation_parts: Any = None
    conversation_rating: _Rating | None = None
    priority: str | None = None
    tags_added: _Tags | None = None


def outcomes(body: bytes, origin: Origin) -> Iterator[Outcome]:
    """What each part of a notification gives."""
    found = take(parse(body), _Notification, "$")
    topic = found.topic
    if topic.startswith(OTHER_TOPICS):
        yield Ignored.OTHER_TOPIC
        return
    if topic not in {*STARTS, *REPLIES, *ASSIGNMENTS, *STATUSES, _PRIORITY, _RATING, _TAG}:
        yield Ignored.UNKNOWN_TOPIC
        return
    case = _Case(take(dig(found.data, "item"), _Item, _ITEM), origin)
    if topic == _PRIORITY:
        yield case.priority(found)
    elif topic == _RATING:
        yield case.rating()
    elif topic == _TAG:
        yield case.tags(found)
    else:
        yield from case.parts(topic)


class _Case:
    """The conversation that a notification shows, with the parts that are new."""

    def __init__(self, item: _Item, origin: Origin) -> None:
        self._item = item
        self._origin = origin
        self._id = f"{_SOURCE}-{item.id}"
        people = (item.user, *(item.contacts.contacts if item.contacts else ()))
        customer = next((str(one.id) for one in people if one is not None and one.id is not None), None)
        self._customer_id = None if customer is None else origin.pseudonym("customer", _SOURCE, customer)

    def parts(self, topic: str) -> Iterator[Outcome]:
        """What the topic says of each new part; of a start, the first message before them."""
        if topic in STARTS:
            yield from self._first(topic)
        nothing = True
        for path, part in each(dig(self._item.conversation_parts, "conversation_parts"), _PARTS):
            nothing = False
            try:
                yield from self._part(topic, take(part, _Part, path), path)
            except Rejected as fault:
                yield fault
        if nothing and topic not in STARTS:
            yield Rejected("missing_field", f"{_PARTS}: at least one part required")

    def _first(self, topic: str) -> Iterator[Outcome]:
        item = self._item
        first = item.conversation_message or item.source
        if first is None:
            raise Rejected("missing_field", f"{_ITEM}.source: required")
        at = instant(item.created_at, f"{_ITEM}.created_at")
        automatic = first.author.type not in _CUSTOMERS and first.delivered_as not in _PEOPLE
        yield self._message(first.id, at, first.author, auto=automatic)
        if topic != "conversation.user.created" and item.state == "closed":
            # Intercom keeps closed what the house began until the customer answers: left open, it might never end.
            yield StatusChanged(**self._head("status-created", at), status="resolved")

    def _part(self, topic: str, part: _Part, path: str) -> Iterator[Outcome]:
        at = instant(part.created_at, f"{path}.created_at")
        if topic in STARTS or topic in REPLIES:
            private = topic == "conversation.admin.noted" or part.part_type == "note"
            author = _Someone("bot") if part.from_ai_agent else part.author
            yield self._message(part.id, at, author, private=private)
        if topic in ASSIGNMENTS or (topic in STATUSES and part.assigned_to is not None):
            yield self._assigned(part, at)
        if topic in STATUSES:
            agent_id = self._agent(part.author) if part.author.type == "admin" else None
            yield StatusChanged(**self._head(f"status-{part.id}", at), status=STATUSES[topic], agent_id=agent_id)

    def _message(
        self, number: int | str, at: int, author: _Someone, *, private: bool = False, auto: bool = False
    ) -> Message:
        head = self._head(f"message-{number}", at)
        if author.type in _CUSTOMERS:
            return Message(**head, direction="inbound", author="customer", customer_id=self._customer_id, auto=auto)
        agent_id = self._agent(author) if author.type == "admin" else None
        return Message(
            **head,
            direction="outbound",
            author="bot" if agent_id is None else "agent",
            agent_id=agent_id,
            customer_id=self._customer_id,
            private=private,
            auto=auto,
        )

    def _assigned(self, part: _Part, at: int) -> Assigned:
        """To a team, to an agent, or to nobody."""
        head, to = self._head(f"assigned-{part.id}", at), part.assigned_to
        if to is not None and to.type == "team" and to.id is not None:
            return Assigned(**head, team=self._origin.team(_SOURCE, to.id))
        return Assigned(**head, agent_id=None if to is None else self._agent(to))

    def priority(self, found: _Notification) -> PrioritySet:
        """The one step that Intercom has."""
        at = _notified_at(found)
        priority = PRIORITIES.get(self._item.priority or "")
        if priority is None:
            raise Rejected("bad_value", f"{_ITEM}.priority: allowed are priority, not_priority")
        return PrioritySet(**self._head(f"priority-{at}-{priority}", at), priority=priority)

    def rating(self) -> Survey | Ignored:
        """The customer's 1 to 5; one without a score is only the question."""
        rating = self._item.conversation_rating or _Rating()
        if rating.rating is None:
            return Ignored.NO_CHANGE
        if rating.created_at is None:
            raise Rejected("missing_field", f"{_ITEM}.conversation_rating.created_at: required")
        at = instant(rating.created_at, f"{_ITEM}.conversation_rating.created_at")
        return Survey(**self._head(f"survey-{at}", at), survey="csat", score=rating.rating)

    def tags(self, found: _Notification) -> Tagged | Ignored:
        """The tags put on, by name."""
        add = tuple(tag.name for tag in (self._item.tags_added or _Tags()).tags)
        if not add:
            return Ignored.NO_CHANGE
        at = _notified_at(found)
        return Tagged(**self._head(f"tagged-{at}-{self._origin.pseudonym('tags', *add)}", at), add=add)

    def _agent(self, someone: _Someone) -> str | None:
        return None if someone.id is None else self._origin.agent(_SOURCE, someone.id)

    def _head(self, what: str, at: int) -> Head:
        return self._origin.head(f"{self._id}-{what}", at, self._id, _CHANNEL)


def _notified_at(found: _Notification) -> int:
    """When Intercom noticed, in ms: the same however often it delivers."""
    if found.created_at is None:
        raise Rejected("missing_field", "$.created_at: required")
    return instant(found.created_at, "$.created_at")
